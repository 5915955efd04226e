/** MT-Bench's judge prompts: FastChat's file judge_prompts.jsonl, and its texts with the slots filled. */
import { z } from 'zod';
import type { ChatMessage } from '../data/tokenizers/chat-template.ts';
import type { QuestionDocument } from '../evaluation/evaluation.ts';
import { UsageError } from '../support/errors.ts';
import { sha256 } from '../support/hash.ts';
import { problemOf } from '../support/json/validation-messages.ts';

const promptSchema = z.object({
  name: z.string(),
  system_prompt: z.string(),
  prompt_template: z.string(),
});
/** One of FastChat's prompts. */
export type JudgePrompt = z.infer<typeof promptSchema>;

/** Categories whose judge sees reference answers. */
const withReference = ['math', 'reasoning', 'coding'];

/** The four prompts of a mode: for one turn and for two, without reference answers and with them. */
export interface JudgePrompts {
  readonly hash: string;
  /** The prompt for a question's turn, 1 or 2. */
  of(question: QuestionDocument, turn: number): JudgePrompt;
}

const names = {
  single: ['single-v1', 'single-math-v1', 'single-v1-multi-turn', 'single-math-v1-multi-turn'],
  pair: ['pair-v2', 'pair-math-v1', 'pair-v2-multi-turn', 'pair-math-v1-multi-turn'],
} as const;

/** Reads the prompts of a mode from the text of FastChat's file; throws UsageError where one is missing. */
export function readJudgePrompts(text: string, where: string, mode: keyof typeof names): JudgePrompts {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const prompts = lines.map((line, i) => parsePrompt(line, `${where}, line ${i + 1}`));
  const chosen = names[mode].map((name) => {
    const found = prompts.find((prompt) => prompt.name === name);
    if (!found)
      throw new UsageError(`${where} has no prompt ${name}; get FastChat's judge_prompts.jsonl again.`);
    return found;
  });
  return {
    hash: sha256(JSON.stringify(chosen)),
    of: ({ category }, turn) => chosen[2 * (turn - 1) + (withReference.includes(category) ? 1 : 0)]!,
  };
}

function parsePrompt(line: string, where: string): JudgePrompt {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new UsageError(`${where} is not JSON; get FastChat's judge_prompts.jsonl again.`, { cause: error });
  }
  const parsed = promptSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${where}: ${problemOf(parsed.error)}.`);
}

/** The reference answers in the slots' names; throws UsageError where a question needs them and has none. */
export function referenceSlots(question: QuestionDocument): Record<string, string> {
  const { id, category, reference } = question;
  if (!withReference.includes(category)) return {};
  if (reference) return Object.fromEntries(reference.turns.map((text, i) => [`ref_answer_${i + 1}`, text]));
  throw new UsageError(
    `Question ${id} (${category}) is judged with a reference answer, and the data has none: ` +
      'FastChat has them in mt_bench/reference_answer/gpt-4.jsonl.',
  );
}

/** The messages of a prompt; slots are filled as Python's `str.format` does, braces stand doubled. */
export function judgeMessages(prompt: JudgePrompt, slots: Readonly<Record<string, string>>): ChatMessage[] {
  const content = prompt.prompt_template.replace(/\{\{|\}\}|\{(\w+)\}/g, (sign, slot: string | undefined) => {
    if (slot === undefined) return sign[0]!;
    const text = slots[slot];
    if (text === undefined)
      throw new UsageError(`The judge prompt ${prompt.name} asks for "${slot}", which is not there.`);
    return text;
  });
  return [
    { role: 'system', content: prompt.system_prompt },
    { role: 'user', content },
  ];
}

/** The turns of a question that are judged: the first, and of two turns the second with both. */
export const judgedTurns = ({ turns }: QuestionDocument): number[] => (turns.length === 2 ? [1, 2] : [1]);
