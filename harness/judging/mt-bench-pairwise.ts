/** MT-Bench's pairwise comparison (FastChat 0e6d3e4): which of two models answered better, asked in both orders. */
import { z } from 'zod';
import type { QuestionDocument } from '../evaluation/evaluation.ts';
import { UsageError } from '../support/errors.ts';
import { judgementRows } from './fastchat-rows.ts';
import {
  turnKey,
  type AnswerSet,
  type JudgeCall,
  type JudgedMetric,
  type Judgement,
  type Judging,
  type JudgingInputs,
  type Order,
  type OrderBias,
  type Reply,
} from './judging.ts';
import {
  judgedTurns,
  judgeMessages,
  referenceSlots,
  type JudgePrompt,
  type JudgePrompts,
} from './mt-bench-prompts.ts';
import { FAILED } from './mt-bench-single.ts';

const MAX_TOKENS = 2048;

/** The winner in a judge's text by FastChat's marks, looked for in this order; null where none is there. */
export function readWinner(text: string): 'A' | 'B' | 'tie' | null {
  if (text.includes('[[A]]')) return 'A';
  if (text.includes('[[B]]')) return 'B';
  return text.includes('[[C]]') ? 'tie' : null;
}

const winners = z.enum(['model_1', 'model_2', 'tie', 'error']);
const row = z.looseObject({
  question_id: z.int(),
  model_1: z.string(),
  model_2: z.string(),
  turn: z.int().min(1).max(2),
  g1_winner: winners,
  g2_winner: winners,
  g1_judgment: z.string(),
  g2_judgment: z.string(),
  g1_user_prompt: z.string().optional(),
});

/** A turn of a question with the judge's messages in both orders. */
interface Asked {
  readonly question: QuestionDocument;
  readonly turn: number;
  readonly prompt: JudgePrompt;
  readonly games: readonly [JudgeCall, JudgeCall];
}

/** Compares answers with another model's; throws UsageError where reference answers are missing. */
export function pairwiseJudging(
  { questions, answers }: JudgingInputs,
  other: AnswerSet,
  prompts: JudgePrompts,
): Judging {
  const asked = questions.flatMap((question) =>
    judgedTurns(question).map((turn): Asked => {
      const prompt = prompts.of(question, turn);
      const [own, others] = [answers, other].map(({ turns }) => turns.get(question.id)!);
      const game = (number: number, a: readonly string[], b: readonly string[]): JudgeCall => ({
        key: `${question.id}/${turn}/${number}`,
        messages: judgeMessages(prompt, {
          ...answerSlots(question, a, b, turn),
          ...referenceSlots(question),
        }),
      });
      return { question, turn, prompt, games: [game(1, own!, others!), game(2, others!, own!)] };
    }),
  );
  return {
    mode: 'mt-bench-pairwise',
    prompts: prompts.hash,
    maxTokens: MAX_TOKENS,
    calls: asked.flatMap(({ games }) => games),
    judge: (replies) =>
      asked.map(({ question, turn, games }) => {
        const texts = games.map(({ key }) => replies.get(key));
        const orders = texts.map((text, game) => winnerOf(text, game)) as [Order, Order];
        return judgementOf(question, turn, orders, texts);
      }),
    recorded(text, where) {
      const rows = judgementRows(text, where, row);
      return asked.flatMap((one) => {
        const own = rows.find((line) => line.question_id === one.question.id && line.turn === one.turn);
        return own ? [recordedJudgement(one, own, where)] : [];
      });
    },
    metrics: winMetrics,
    orderBias: bothOrdersBias,
    classOf: String,
    file: (judgements, judge, ended) => {
      const byKey = new Map(asked.map((one) => [turnKey({ id: one.question.id, turn: one.turn }), one]));
      const lines = judgements.map((judgement) => {
        const own = byKey.get(turnKey(judgement))!;
        return JSON.stringify({
          question_id: judgement.id,
          model_1: answers.model,
          model_2: other.model,
          ...gamesOf(judgement, own),
          judge: [judge, own.prompt.name],
          turn: judgement.turn,
          tstamp: ended.getTime() / 1000,
        });
      });
      return { ending: 'jsonl', text: `${lines.join('\n')}\n` };
    },
  };
}

/** Both games of a judgement in FastChat's fields. */
function gamesOf({ orders, texts }: Judgement, { games }: Asked): object {
  return {
    g1_winner: orders![0] ?? 'error',
    g2_winner: orders![1] ?? 'error',
    g1_user_prompt: games[0].messages[1]!.content,
    g1_judgment: texts[0],
    g2_user_prompt: games[1].messages[1]!.content,
    g2_judgment: texts[1],
  };
}

/**
 * A judgement that FastChat recorded, with either model as its first; throws UsageError where it is of other
 * answers.
 */
function recordedJudgement(
  { question, turn, games }: Asked,
  line: z.infer<typeof row>,
  where: string,
): Judgement {
  const shown = line.g1_user_prompt;
  // Equal answers give equal prompts in both orders, which are not turned.
  const isOwnOrder = shown === undefined || shown === games[0].messages[1]!.content;
  const isTurned = !isOwnOrder && shown === games[1].messages[1]!.content;
  if (!isOwnOrder && !isTurned)
    throw new UsageError(
      `${where} is of other answers: the prompt of question ${question.id}, turn ${turn}, differs. ` +
        'Give judgements of these two records.',
    );
  const winner = (name: z.infer<typeof winners>): Order =>
    name === 'error' ? null : isTurned ? turned(name) : name;
  const text = (own: string): Reply => (own === FAILED ? undefined : own);
  const orders = [winner(line.g1_winner), winner(line.g2_winner)] as const;
  const texts = [text(line.g1_judgment), text(line.g2_judgment)];
  if (!isTurned) return judgementOf(question, turn, orders, texts);
  return judgementOf(question, turn, [orders[1], orders[0]], texts.reverse());
}

/** A judgement of both orders: a winner only where they agree, else a tie; null where one has no verdict. */
function judgementOf(
  { id, category }: QuestionDocument,
  turn: number,
  orders: readonly [Order, Order],
  replies: readonly Reply[],
): Judgement {
  const [first, second] = orders;
  const verdict = first === null || second === null ? null : first === second ? first : 'tie';
  const texts = replies.map((text) => text ?? FAILED);
  return { id, category, turn, verdict, isFailed: replies.includes(undefined), texts, orders };
}

/** The winner of the first or second game; in the second the other model is A. */
function winnerOf(text: Reply, game: number): Order {
  const winner = text === undefined ? null : readWinner(text);
  if (winner === null || winner === 'tie') return winner;
  return (winner === 'A') === (game === 0) ? 'model_1' : 'model_2';
}

function turned(winner: 'model_1' | 'model_2' | 'tie'): Order {
  if (winner === 'tie') return winner;
  return winner === 'model_1' ? 'model_2' : 'model_1';
}

function answerSlots(
  { turns }: QuestionDocument,
  a: readonly string[],
  b: readonly string[],
  turn: number,
): Record<string, string> {
  if (turn === 1) return { question: turns[0]!, answer_a: a[0]!, answer_b: b[0]! };
  const questions = { question_1: turns[0]!, question_2: turns[1]! };
  return { ...questions, answer_a_1: a[0]!, answer_b_1: b[0]!, answer_a_2: a[1]!, answer_b_2: b[1]! };
}

/** FastChat's rates of the judged model, as shares; pairs in which an order has no verdict are left out. */
function winMetrics(judgements: readonly Judgement[]): JudgedMetric[] {
  const valid = judgements.filter(({ verdict }) => verdict !== null);
  if (valid.length === 0) return [];
  const share = (winner: string): number =>
    valid.filter(({ verdict }) => verdict === winner).length / valid.length;
  const [win, loss] = [share('model_1'), share('model_2')];
  const adjusted = win + share('tie') / 2;
  return [
    { name: 'win_rate_adjusted', value: adjusted },
    { name: 'win_rate', value: win },
    { name: 'loss_rate', value: loss },
    { name: 'n_total', value: valid.length },
  ];
}

/** How often the answer shown first, or second, won in both orders, so that only the order decided. */
function bothOrdersBias(judgements: readonly Judgement[]): OrderBias {
  const both = judgements.flatMap(({ orders }) => (orders && !orders.includes(null) ? [orders] : []));
  const share = (first: Order, second: Order): number =>
    both.length === 0 ? 0 : both.filter(([a, b]) => a === first && b === second).length / both.length;
  return {
    judgements: both.length,
    first: share('model_1', 'model_2'),
    second: share('model_2', 'model_1'),
  };
}
