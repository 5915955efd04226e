/**
 * Prompts, orders, readings and means of judges against those of alpaca_eval 0.6.6 and FastChat (eval-golden; no
 * text of theirs is here, but hashes and made-up answers).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PythonRandom } from '../../harness/data/random/python-random.ts';
import type { AnswerEvaluation, QuestionDocument } from '../../harness/evaluation/evaluation.ts';
import {
  alpacaEvalJudging,
  isSwitched,
  readPreference,
  winRates,
} from '../../harness/judging/alpaca-eval.ts';
import { readJudgePrompts } from '../../harness/judging/mt-bench-prompts.ts';
import { readRating, singleJudging } from '../../harness/judging/mt-bench-single.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { dataFolder, golden, hasGolden, sha1 } from '../evaluation/golden.ts';
import { alpacaTemplate } from '../../harness/judging/alpaca-prompt.ts';

const answersOf = (questions: readonly QuestionDocument[], text: (id: number, turn: number) => string) => ({
  model: 'tiny',
  turns: new Map(questions.map(({ id, turns }) => [id, turns.map((_, turn) => text(id, turn + 1))])),
});

async function mtBench() {
  const evaluation = (await loadEvaluations()).get('mt-bench') as AnswerEvaluation;
  const source = { kind: 'folder', path: dataFolder } as const;
  return (await evaluation.load({ source, protocol: 'red', needsPool: false })).documents;
}
const judgePrompts = () =>
  readJudgePrompts(
    readFileSync(join(dataFolder, 'mt_bench', 'judge_prompts.jsonl'), 'utf8'),
    'judge_prompts.jsonl',
    'single',
  );

interface AlpacaRow {
  readonly n: number;
  readonly instruction: string;
  readonly switched: boolean;
  readonly asked: boolean;
  readonly system: string;
  readonly user: string;
  readonly completion: number;
  readonly preference: number | null;
  readonly texts?: readonly [string, string, string];
}

describe.skipIf(!hasGolden)('AlpacaEval 1.0 (DELTABENCH_DATA: eval-golden)', () => {
  const { completions, parses, docs, odd, win_rate } = hasGolden
    ? (golden('alpaca_eval') as {
        completions: string[];
        parses: { text: string; preference: number | boolean | null }[];
        docs: AlpacaRow[];
        odd: AlpacaRow[];
        win_rate: Record<string, number>;
      })
    : { completions: [], parses: [], docs: [], odd: [], win_rate: {} };

  /** Judges rows of (instruction, reference, answer), and compares all that the package gave. */
  async function compare(rows: readonly AlpacaRow[], texts: readonly (readonly [string, string, string])[]) {
    const template = (await alpacaTemplate({ kind: 'folder', path: dataFolder }))!;
    const questions = texts.map(([instruction], id) => ({ id, category: 'own', turns: [instruction] }));
    const other = answersOf(questions, (id) => texts[id]![1]);
    const judging = alpacaEvalJudging(
      { questions, answers: answersOf(questions, (id) => texts[id]![2]) },
      other,
      template,
    );
    const calls = new Map(judging.calls.map((call) => [call.key, call.messages]));
    for (const [i, row] of rows.entries()) {
      const instruction = texts[i]![0];
      expect(sha1(instruction)).toBe(row.instruction);
      expect([isSwitched(instruction), calls.has(String(i))]).toEqual([row.switched, row.asked]);
      if (!row.asked) continue;
      const [system, user] = calls.get(String(i))!;
      expect([sha1(system!.content), sha1(user!.content)], `row ${i}`).toEqual([row.system, row.user]);
    }
    const judged = judging.judge(
      new Map(
        rows.flatMap(({ asked, completion }, i) => (asked ? [[String(i), completions[completion]]] : [])),
      ),
    );
    expect(judged.map(({ verdict }) => verdict)).toEqual(rows.map(({ preference }) => preference));
    return { judging, judged };
  }

  test('prompts, orders, preferences and the win rate of 80 comparisons', async () => {
    const questions = await mtBench();
    const texts = questions.map(({ turns }, n) => {
      const own = docs[n]!.asked ? `answer ${n}` : `reference ${n}`;
      return [turns[0]!, `reference ${n}`, own] as const;
    });
    const { judging, judged } = await compare(docs, texts);
    const values = Object.fromEntries(
      judging
        .metrics(judged)
        .flatMap(({ name, value, standardError }) => [
          [name, value],
          ...(standardError === undefined ? [] : [['standard_error', standardError]]),
        ]),
    ) as Record<string, number>;
    for (const [name, value] of Object.entries(win_rate)) expect(values[name], name).toBeCloseTo(value, 11);
  });

  test('texts that hold slots, marks and quotes', async () => {
    await compare(
      odd,
      odd.map(({ texts }) => texts!),
    );
  });

  test('a preference is read as alpaca_eval reads it', () => {
    for (const { text, preference } of parses)
      expect(readPreference(text) ?? null, text).toBe(preference === true ? 1 : preference);
  });

  test('win rates of eight lists of preferences', () => {
    type Case = Record<string, number | null> & { preferences: number[] };
    for (const { preferences, ...expected } of (golden('alpaca_eval_winrates') as { cases: Case[] }).cases) {
      const rates = winRates(preferences);
      expect(rates.winRate).toBeCloseTo(expected.win_rate!, 11);
      if (expected.standard_error === null) expect(rates.standardError).toBeUndefined();
      else expect(rates.standardError).toBeCloseTo(expected.standard_error!, 11);
      expect([rates.wins, rates.winsOfOther, rates.draws, rates.total]).toEqual(
        ['n_wins', 'n_wins_base', 'n_draws', 'n_total'].map((name) => expected[name]),
      );
      expect(rates.discreteWinRate).toBeCloseTo(expected.discrete_win_rate!, 11);
    }
  });

  test('random numbers of texts as seeds', () => {
    const { string_seeds: seeds } = golden('rng') as {
      string_seeds: { seed: string; choice: boolean; random: number }[];
    };
    for (const { seed, choice, random } of seeds) {
      const first = new PythonRandom(seed).random();
      expect([first, first >= 0.5], seed).toEqual([random, choice]);
    }
  });
});

describe.skipIf(!hasGolden)('MT-Bench, single grading (DELTABENCH_DATA: eval-golden)', () => {
  interface PromptRow {
    readonly id: number;
    readonly turn: number;
    readonly prompt: string;
    readonly system: string;
    readonly user: string;
  }
  interface Ratings {
    readonly readings: { readonly text: string; readonly score: number }[];
    readonly rows: {
      readonly id: number;
      readonly category: string;
      readonly turn: number;
      readonly score: number;
    }[];
    readonly report: {
      readonly turn1: number;
      readonly turn2: number;
      readonly average: number;
      readonly categories: Readonly<Record<string, [number, number, number]>>;
    };
  }

  test('the 160 prompts, and the means of 160 ratings', async () => {
    const questions = await mtBench();
    const answers = answersOf(questions, (id, turn) => `answer ${id} turn ${turn}`);
    const judging = singleJudging({ questions, answers }, judgePrompts());
    const calls = new Map(judging.calls.map(({ key, messages }) => [key, messages]));
    const rows = (golden('mt_bench_prompts') as { docs: PromptRow[] }).docs;
    expect(calls.size).toBe(rows.length);
    for (const { id, turn, system, user } of rows) {
      const own = calls.get(`${id}/${turn}`)!.map(({ content }) => sha1(content));
      expect(own, `question ${id}, turn ${turn}`).toEqual([system, user]);
    }

    const ratings = golden('mt_bench_ratings') as Ratings;
    const replies = new Map(
      ratings.rows.map(({ id, turn, score }) => [`${id}/${turn}`, `Rating: [[${score}]]`]),
    );
    const judged = judging.judge(replies);
    const unread = ratings.rows.filter(({ score }) => score === -1).length;
    expect(judged.filter(({ verdict }) => verdict === null)).toHaveLength(unread);
    const metrics = new Map(judging.metrics(judged).map(({ name, value }) => [name, value]));
    const { turn1, turn2, average, categories } = ratings.report;
    expect(metrics.get('turn 1')).toBeCloseTo(turn1, 12);
    expect(metrics.get('turn 2')).toBeCloseTo(turn2, 12);
    expect(metrics.get('average')).toBeCloseTo(average, 12);
    for (const [category, values] of Object.entries(categories))
      [`${category}, turn 1`, `${category}, turn 2`, category].forEach((name, i) => {
        expect(metrics.get(name), name).toBeCloseTo(values[i]!, 12);
      });
  });

  test('a rating is read as FastChat reads it', () => {
    for (const { text, score } of (golden('mt_bench_ratings') as Ratings).readings)
      expect(readRating(text) ?? -1, text).toBe(score);
  });
});
