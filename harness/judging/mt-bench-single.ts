/** MT-Bench's single-answer grading (FastChat 0e6d3e4): a rating of each turn, and their means. */
import { z } from 'zod';
import type { ChatMessage } from '../data/tokenizers/chat-template.ts';
import type { QuestionDocument } from '../evaluation/evaluation.ts';
import { meanOf } from '../evaluation/measures.ts';
import { UsageError } from '../support/errors.ts';
import { judgementRows } from './fastchat-rows.ts';
import {
  turnKey,
  type JudgedMetric,
  type Judgement,
  type Judging,
  type JudgingInputs,
  type Reply,
} from './judging.ts';
import {
  judgedTurns,
  judgeMessages,
  referenceSlots,
  type JudgePrompt,
  type JudgePrompts,
} from './mt-bench-prompts.ts';

const MAX_TOKENS = 2048;
/** The text that FastChat keeps where the judge gave no answer. */
export const FAILED = '$ERROR$';
/** FastChat's rating where the text has none. */
const NONE = -1;

/** The first rating in double brackets, else the first in single ones; undefined where there is none. */
export function readRating(text: string): number | undefined {
  const digits = /\[\[(\d+\.?\d*)\]\]/u.exec(text)?.[1] ?? /\[(\d+\.?\d*)\]/u.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

const row = z.looseObject({
  question_id: z.int(),
  turn: z.int().min(1).max(2),
  score: z.number(),
  judgment: z.string().optional(),
  user_prompt: z.string().optional(),
});

/** A turn of a question with the judge's messages. */
interface Asked {
  readonly question: QuestionDocument;
  readonly turn: number;
  readonly prompt: JudgePrompt;
  readonly key: string;
  readonly messages: readonly ChatMessage[];
}

/** Judges the answers by themselves; throws UsageError where reference answers are missing. */
export function singleJudging({ questions, answers }: JudgingInputs, prompts: JudgePrompts): Judging {
  const asked = questions.flatMap((question) =>
    judgedTurns(question).map((turn): Asked => {
      const prompt = prompts.of(question, turn);
      const own = answerSlots(question, answers.turns.get(question.id)!, turn);
      const messages = judgeMessages(prompt, { ...own, ...referenceSlots(question) });
      return { question, turn, prompt, key: turnKey({ id: question.id, turn }), messages };
    }),
  );
  return {
    mode: 'mt-bench-single',
    prompts: prompts.hash,
    maxTokens: MAX_TOKENS,
    calls: asked,
    judge: (replies) =>
      asked.map((one) => {
        const reply = replies.get(one.key);
        return judgementOf(one, reply === undefined ? undefined : readRating(reply), reply);
      }),
    recorded(text, where) {
      const rows = judgementRows(text, where, row);
      const found = new Map(rows.map((one) => [turnKey({ id: one.question_id, turn: one.turn }), one]));
      return asked.flatMap((one) => {
        const own = found.get(one.key);
        return own ? [recordedJudgement(one, own, where)] : [];
      });
    },
    metrics: ratingMetrics,
    classOf: String,
    file: (judgements, judge, ended) => {
      const byKey = new Map(asked.map((one) => [one.key, one]));
      const lines = judgements.map((judgement) => {
        const { prompt, messages } = byKey.get(turnKey(judgement))!;
        return JSON.stringify({
          question_id: judgement.id,
          model: answers.model,
          judge: [judge, prompt.name],
          user_prompt: messages[1]!.content,
          judgment: judgement.texts[0] ?? FAILED,
          score: judgement.verdict ?? NONE,
          turn: judgement.turn,
          tstamp: ended.getTime() / 1000,
        });
      });
      return { ending: 'jsonl', text: `${lines.join('\n')}\n` };
    },
  };
}

const judgementOf = (
  { question: { id, category }, turn }: Asked,
  rating: number | undefined,
  reply: Reply,
) => ({
  id,
  category,
  turn,
  verdict: rating ?? null,
  isFailed: reply === undefined,
  texts: reply === undefined ? [] : [reply],
});

/** A judgement that FastChat recorded; throws UsageError where it is of another answer. */
function recordedJudgement(
  asked: Asked,
  { user_prompt, judgment = '', score }: z.infer<typeof row>,
  where: string,
): Judgement {
  const { question, turn, messages } = asked;
  if (user_prompt !== undefined && user_prompt !== messages[1]!.content)
    throw new UsageError(
      `${where} is of other answers: the prompt of question ${question.id}, turn ${turn}, differs. ` +
        'Give judgements of this record.',
    );
  return judgementOf(asked, score === NONE ? undefined : score, judgment === FAILED ? undefined : judgment);
}

function answerSlots(
  { turns }: QuestionDocument,
  answers: readonly string[],
  turn: number,
): Record<string, string> {
  if (turn === 1) return { question: turns[0]!, answer: answers[0]! };
  return { question_1: turns[0]!, question_2: turns[1]!, answer_1: answers[0]!, answer_2: answers[1]! };
}

/**
 * The mean of all ratings of both turns, then of each turn, then by category; what has no rating is left out, as
 * FastChat leaves out its −1.
 */
function ratingMetrics(judgements: readonly Judgement[]): JudgedMetric[] {
  const categories = [...new Set(judgements.map(({ category }) => category))].sort();
  return [
    ...means('average', judgements),
    ...means('turn 1', judgements, 1),
    ...means('turn 2', judgements, 2),
    ...categories.flatMap((category) => {
      const own = judgements.filter((one) => one.category === category);
      return [
        ...means(category, own),
        ...means(`${category}, turn 1`, own, 1),
        ...means(`${category}, turn 2`, own, 2),
      ];
    }),
  ];
}

/** A mean rating; of one turn also its standard error, since ratings of both turns depend on each other. */
function means(name: string, judgements: readonly Judgement[], turn?: number): JudgedMetric[] {
  const ratings = judgements
    .filter((one) => turn === undefined || one.turn === turn)
    .flatMap(({ verdict }) => (typeof verdict === 'number' ? [verdict] : []));
  if (ratings.length === 0) return [];
  const { value, standardError } = meanOf(ratings);
  return [{ name, value, ...(turn !== undefined && { standardError }) }];
}
