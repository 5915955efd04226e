/**
 * AlpacaEval 1.0's judge (annotator alpaca_eval_gpt4 of alpaca_eval 0.6.6): which of two answers is better, asked
 * in an order that CPython's generator draws, and its win rates.
 */
import { z } from 'zod';
import type { ChatMessage } from '../data/tokenizers/chat-template.ts';
import { PythonRandom } from '../data/random/python-random.ts';
import type { QuestionDocument } from '../evaluation/evaluation.ts';
import { meanOf } from '../evaluation/measures.ts';
import { strip } from '../support/python-text.ts';
import { UsageError } from '../support/errors.ts';
import { sha256 } from '../support/hash.ts';
import { problemOf } from '../support/json/validation-messages.ts';
import type {
  AnswerSet,
  JudgedMetric,
  Judgement,
  Judging,
  JudgingInputs,
  OrderBias,
  Reply,
} from './judging.ts';
import { isDictionary, isList, pythonLiteral } from './python-literal.ts';

/** The slots of the prompt, in the order in which they are filled. */
const slots = ['instruction', 'output_1', 'output_2'] as const;
const [startMark, endMark] = ['<|im_start|>', '<|im_end|>'];
const MAX_TOKENS = 100;
const DRAW = 1.5;

/** Whether the judged model's answer stands first: drawn from the instruction, with the annotator's seed 0. */
export function isSwitched(instruction: string): boolean {
  return new PythonRandom(`is_switched_outputs${instruction}0`).random() >= 0.5;
}

/**
 * The messages of a comparison. Slots are filled one after the other, each at the first place that has its name
 * by then, and a message ends at its first end mark: texts are not escaped.
 */
export function comparison(
  template: string,
  texts: Readonly<Record<(typeof slots)[number], string>>,
): ChatMessage[] {
  const filled = slots.reduce((prompt, slot) => prompt.replace(`{${slot}}`, () => texts[slot]), template);
  return strip(filled)
    .split(startMark)
    .slice(1)
    .map((part) => {
      const [role = '', ...lines] = part.split('\n');
      const content = strip(lines.join('\n').split(endMark, 1)[0]!);
      return { role: strip(role) === 'system' ? 'system' : 'user', content };
    });
}

/** The judge's preference, 1 or 2 for the answer shown first or second; undefined where its text has none. */
export function readPreference(text: string): number | undefined {
  const ranking = pythonLiteral(text);
  if (ranking === undefined || !isList(ranking)) return undefined;
  const models = ranking.map((entry) =>
    isDictionary(entry) && entry.entries.has('model') ? entry.entries : undefined,
  );
  if (models.includes(undefined)) return undefined;
  const rank = models.find((entry) => entry!.get('model') === 'model_1')?.get('rank');
  // Python's True equals 1.
  const value = rank === true ? 1 : rank;
  return value === 1 || value === 2 ? value : undefined;
}

/** What AlpacaEval's get_winrate counts. */
export interface WinRates {
  /** In percent, draws as one half. */
  readonly winRate: number;
  readonly standardError: number | undefined;
  readonly wins: number;
  readonly winsOfOther: number;
  readonly draws: number;
  readonly total: number;
  /** The win rate of preferences rounded to 1 or 2; 1.5 stays a draw. */
  readonly discreteWinRate: number;
}

/** Win rates of preferences from 1 to 2; 0, which old files have for a draw, counts as one. */
export function winRates(preferences: readonly number[]): WinRates {
  const scores = preferences.map((preference) => (preference === 0 ? DRAW : preference) - 1);
  const { value, standardError } = meanOf(scores);
  const rounded = scores.map((score) => (score === 0.5 ? score : Math.round(score)));
  const count = (holds: (score: number) => boolean): number => scores.filter(holds).length;
  return {
    winRate: 100 * value,
    standardError: standardError === undefined ? undefined : 100 * standardError,
    wins: count((score) => score > 0.5),
    winsOfOther: count((score) => score < 0.5),
    draws: count((score) => score === 0.5),
    total: scores.length,
    discreteWinRate: 100 * meanOf(rounded).value,
  };
}

const annotation = z.looseObject({
  instruction: z.string(),
  output_1: z.string(),
  output_2: z.string(),
  preference: z.number().min(0).max(2).nullable(),
  raw_completion: z.unknown(),
});

/** A question with both answers. */
interface Pair {
  readonly question: QuestionDocument;
  readonly instruction: string;
  readonly own: string;
  readonly others: string;
  readonly key: string;
  /** Whether the judged model's answer is shown first. */
  readonly isFirst: boolean;
}

/** Judges answers against another model's, with the prompt's template. */
export function alpacaEvalJudging(
  { questions, answers }: JudgingInputs,
  other: AnswerSet,
  template: string,
): Judging {
  const pairs = questions.map((question): Pair => {
    const instruction = question.turns[0]!;
    const [own, others] = [answers, other].map(({ turns }) => turns.get(question.id)![0]!);
    const key = String(question.id);
    return { question, instruction, own: own!, others: others!, key, isFirst: isSwitched(instruction) };
  });
  return {
    mode: 'alpaca-eval',
    prompts: sha256(template),
    maxTokens: MAX_TOKENS,
    calls: pairs
      .filter(({ own, others }) => own !== others)
      .map(({ instruction, own, others, key, isFirst }) => {
        const [output_1, output_2] = isFirst ? [own, others] : [others, own];
        return { key, messages: comparison(template, { instruction, output_1, output_2 }) };
      }),
    judge: (replies) => pairs.map((pair) => judgementOf(pair, replies.get(pair.key))),
    recorded(text, where) {
      const rows = new Map(parseAnnotations(text, where).map((row) => [row.instruction, row]));
      return pairs.flatMap((pair) => {
        const row = rows.get(pair.instruction);
        return row ? [recordedJudgement(pair, row, where)] : [];
      });
    },
    metrics: alpacaMetrics,
    orderBias: drawnOrderBias,
    classOf: (verdict) => (verdict === DRAW ? 'tie' : Number(verdict) > DRAW ? 'model_2' : 'model_1'),
    file: (judgements, judge) => {
      const byKey = new Map(pairs.map((pair) => [pair.key, pair]));
      const rows = judgements.map(({ id, verdict, texts }) => {
        const { question, instruction, own, others } = byKey.get(String(id))!;
        return {
          instruction,
          output_1: others,
          generator_1: other.model,
          dataset: question.category,
          output_2: own,
          generator_2: answers.model,
          annotator: judge,
          preference: verdict,
          raw_completion: texts[0] ?? null,
        };
      });
      return { ending: 'json', text: `${JSON.stringify(rows, undefined, 1)}\n` };
    },
  };
}

const withVerdict = ({ question: { id, category } }: Pair, verdict: number | null) => ({
  id,
  category,
  turn: 1,
  verdict,
  isFailed: false,
  texts: [],
});

/** Reads the judge's reply; equal answers are a draw, and nobody is asked. */
function judgementOf(pair: Pair, reply: Reply): Judgement {
  const { own, others, isFirst } = pair;
  if (own === others) return withVerdict(pair, DRAW);
  if (reply === undefined) return { ...withVerdict(pair, null), isFailed: true, isFirst };
  const shown = readPreference(reply);
  const preference = shown !== undefined && isFirst ? 3 - shown : shown;
  return { ...withVerdict(pair, preference ?? null), texts: [reply], isFirst };
}

/** A judgement that AlpacaEval's program recorded; throws UsageError where it is of other answers. */
function recordedJudgement(pair: Pair, row: z.infer<typeof annotation>, where: string): Judgement {
  const { own, others, instruction, isFirst } = pair;
  if (row.output_1 !== others || row.output_2 !== own)
    throw new UsageError(
      `${where} is of other answers: those to "${instruction.slice(0, 40)}" differ. ` +
        'Give judgements of this record.',
    );
  const texts = typeof row.raw_completion === 'string' ? [row.raw_completion] : [];
  const verdict = row.preference === 0 ? DRAW : row.preference;
  return { ...withVerdict(pair, verdict), texts, ...(own !== others && { isFirst }) };
}

function parseAnnotations(text: string, where: string): z.infer<typeof annotation>[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${where} is not JSON; AlpacaEval keeps judgements in annotations.json.`, {
      cause: error,
    });
  }
  const parsed = z.array(annotation).safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${where} holds no annotations of AlpacaEval: ${problemOf(parsed.error)}.`);
}

const preferencesOf = (judgements: readonly Judgement[]): number[] =>
  judgements.flatMap(({ verdict }) => (typeof verdict === 'number' ? [verdict] : []));

function alpacaMetrics(judgements: readonly Judgement[]): JudgedMetric[] {
  const preferences = preferencesOf(judgements);
  if (preferences.length === 0) return [];
  const { winRate, standardError, discreteWinRate, ...counts } = winRates(preferences);
  return [
    { name: 'win_rate', value: winRate, standardError },
    { name: 'discrete_win_rate', value: discreteWinRate },
    { name: 'n_wins', value: counts.wins },
    { name: 'n_wins_base', value: counts.winsOfOther },
    { name: 'n_draws', value: counts.draws },
    { name: 'n_total', value: counts.total },
  ];
}

/** How often the answer shown first or second won, and the win rate at each place. */
function drawnOrderBias(judgements: readonly Judgement[]): OrderBias {
  const asked = judgements.filter(({ isFirst, verdict }) => isFirst !== undefined && verdict !== null);
  const wins = (place: boolean): number =>
    asked.filter(({ isFirst, verdict }) =>
      isFirst === place ? Number(verdict) > DRAW : Number(verdict) < DRAW,
    ).length / asked.length;
  const rate = (place: boolean): number | null => {
    const preferences = preferencesOf(asked.filter(({ isFirst }) => isFirst === place));
    return preferences.length === 0 ? null : winRates(preferences).winRate;
  };
  return {
    judgements: asked.length,
    first: asked.length === 0 ? 0 : wins(true),
    second: asked.length === 0 ? 0 : wins(false),
    winRates: [rate(true), rate(false)],
  };
}
