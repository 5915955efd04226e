/** The test files of LLM-Adapters (Hu et al., 2023): a question and its choices written into one instruction. */
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';

const schema = z.object({ instruction: z.string(), answer: z.string() });

/** An instruction taken apart. */
export interface AdaptersRow {
  readonly question: string;
  readonly choices: readonly string[];
  /** From 0. */
  readonly gold: number;
}

/**
 * The row as a question with choices, or undefined where it is none of LLM-Adapters' rows. `word` is what the file calls a choice (Answer,
 * Option, Solution), `lead` what the question stands behind. Throws UsageError with the row where it has another form.
 */
export function readAdaptersRow(
  row: unknown,
  { word, lead }: { readonly word: string; readonly lead: string },
  where: string,
): AdaptersRow | undefined {
  const parsed = schema.safeParse(row);
  if (!parsed.success) return undefined;
  const { instruction, answer } = parsed.data;
  const [, question, choices] =
    new RegExp(`${lead}: (.*?)\\n\\n${word}1: (.*?)\\s+Answer format: `, 's').exec(instruction) ?? [];
  const gold = Number(answer.slice(word.length)) - 1;
  if (question === undefined || choices === undefined || !answer.startsWith(word.toLowerCase())) {
    throw new UsageError(
      `${where}: the instruction is not of LLM-Adapters' form with ${word}1, ${word}2, ….`,
    );
  }
  const list = choices.split(new RegExp(` ${word}\\d+: `));
  if (!(gold in list)) throw new UsageError(`${where}: the answer is ${answer}; there are ${list.length}.`);
  return { question, choices: list, gold };
}
