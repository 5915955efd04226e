// Tests of the evaluations of a report: models by benchmarks, means of groups, seeds and settings.
import { expect, test } from 'vitest';
import type { EvaluationRecord } from '../../../harness/records/evaluation-record.ts';
import { evaluationTables, printEvaluations } from '../../../harness/reporting/report/evaluations.ts';
import { evaluationsCsv } from '../../../harness/reporting/report/csv.ts';
import type { ReportTable } from '../../../harness/reporting/report/rows.ts';
import { loadEvaluations } from '../../../harness/runs/plan/load-plugins.ts';

const evaluations = await loadEvaluations();

interface Made {
  readonly shots?: number;
  readonly limit?: number;
  readonly trained?: string;
  readonly label?: string;
  readonly used?: number;
}

function recordOf(name: string, value: number | undefined, made: Made = {}): EvaluationRecord {
  const { shots = 0, limit = null, trained = null, label = 'Frozen base', used = 10 } = made;
  const measures = evaluations.get(name)!.measures;
  return {
    label,
    settings: {
      evaluation: { name, version: 1 },
      protocol: 'lm-eval',
      shots,
      limit,
      trained,
      model: { id: 'org/base' },
      precision: 'float32',
      methods: [],
    },
    documents: { used, of: used, cut: 0 },
    status: value === undefined ? 'failed' : 'finished',
    metrics: value === undefined ? [] : measures.map((one) => ({ name: one, value, standardError: 0.1 })),
  } as unknown as EvaluationRecord;
}

/** A table of runs whose tensors have these hashes. */
const runsOf = (task: string, ...tensors: string[]): ReportTable =>
  ({
    task,
    rows: [{ runs: tensors.map((sha256) => ({ record: { files: { tensors: { sha256 } } } })) }],
  }) as unknown as ReportTable;

const tablesOf = (records: readonly EvaluationRecord[], runs: readonly ReportTable[] = []) =>
  evaluationTables(records, evaluations, runs);

test('one model: scores in percent with their standard errors, groups by their own mean', () => {
  const records = [
    recordOf('arc-easy', 0.5, { used: 30 }),
    recordOf('arc-challenge', 0.1, { used: 10 }),
    recordOf('winogrande', undefined),
  ];
  const [table] = tablesOf(records);
  expect(table).toMatchObject({
    title: 'Evaluations of org/base',
    columns: ['arc-easy', 'arc-challenge', 'ai2-arc mean (2)'],
    rows: [{ label: 'Frozen base' }],
  });
  const [easy, , mean] = table!.rows[0]!.cells;
  expect(easy).toEqual({ mean: 50, spread: 10 });
  expect(mean!.mean).toBeCloseTo(40, 12);
  expect(
    printEvaluations(table!)
      .body[0]!.map(({ text }) => text)
      .slice(0, 2),
  ).toEqual(['Frozen base', '50.00 ± 10.00']);
  const lines = evaluationsCsv(table!).trim().split('\n');
  expect(lines.slice(0, 2)).toEqual([
    'base,model,evaluation,percent,spread',
    'org/base,Frozen base,arc-easy,50,10',
  ]);
});

test('seeds of a run are one row with their deviation; other tasks and strange adapters are others', () => {
  const seeds = ['a1', 'a2', 'b1', 'c1c1c1c1c1'].map((trained, i) =>
    recordOf('restaurants', [0.2, 0.4, 0.6, 0.8][i], { trained, label: 'LoRA' }),
  );
  const runs = [runsOf('math', 'a1', 'a2'), runsOf('e2e', 'b1')];
  const [table] = tablesOf([...seeds, recordOf('restaurants', 0.1)], runs);
  expect(table!.rows.map(({ label }) => label)).toEqual([
    'Frozen base',
    'LoRA, math',
    'LoRA, e2e',
    'LoRA, c1c1c1c1',
  ]);
  const [cell] = table!.rows[1]!.cells;
  expect(cell!.mean).toBeCloseTo(30, 12);
  expect(cell!.spread).toBeCloseTo(Math.sqrt(200), 12);
});

test('the average and the mean rank are over suites: groups, and evaluations of no group', () => {
  const of = (trained: string | null, scores: Readonly<Record<string, number>>): EvaluationRecord[] =>
    Object.entries(scores).map(([name, value]) =>
      recordOf(name, value, trained === null ? {} : { trained, label: trained }),
    );
  const records = [
    ...of(null, { 'arc-easy': 0.2, 'arc-challenge': 0.4, winogrande: 0.5, gsm8k: 0.1 }),
    ...of('a', { 'arc-easy': 0.4, 'arc-challenge': 0.4, winogrande: 0.5, gsm8k: 0.4 }),
    ...of('b', { 'arc-easy': 0.9, winogrande: 0.9 }),
  ];
  const [table] = tablesOf(records);
  expect(table!.columns).toEqual([
    ...['arc-easy', 'arc-challenge', 'winogrande', 'gsm8k'],
    ...['ai2-arc mean (2)', 'average (3)'],
  ]);
  const averages = table!.rows.map(({ cells }) => cells.at(-1)?.mean);
  expect(averages[0]).toBeCloseTo((30 + 50 + 10) / 3, 12);
  expect(averages[1]).toBeCloseTo((40 + 50 + 40) / 3, 12);
  expect(averages[2]).toBeUndefined();
  // Of three suites one is a draw, whose ranks are shared; the row that lacks suites has none.
  expect(table!.rows.map(({ rank }) => rank)).toEqual([(2 + 1.5 + 2) / 3, (1 + 1.5 + 1) / 3, null]);
  const printed = printEvaluations(table!);
  expect(printed.header.at(-1)).toBe('Mean rank');
  expect(printed.body.map((row) => row.at(-1)!.text)).toEqual(['1.83', '1.17', '–']);
});

test('groups within groups are no suites of their own', () => {
  const names = [...evaluations.keys()].filter((name) => name.startsWith('mmlu-'));
  const [table] = tablesOf([...names, 'winogrande'].map((name) => recordOf(name, 0.25)));
  expect(table!.columns.at(-1)).toBe('average (2)');
});

test('columns of one evaluation name the settings in which they differ', () => {
  const records = [
    recordOf('arc-easy', 0.5),
    recordOf('arc-easy', 0.6, { shots: 5 }),
    recordOf('winogrande', 0.5, { limit: 3 }),
  ];
  expect(tablesOf(records)[0]!.columns).toEqual(['arc-easy~shots=0', 'arc-easy~shots=5', 'winogrande']);
});

test('of long groups the mean alone is shown', () => {
  const names = [...evaluations.keys()].filter((name) => name.startsWith('mmlu-'));
  const [table] = tablesOf(names.map((name) => recordOf(name, 0.25)));
  expect(table!.columns).toContain('mmlu mean (57)');
  expect(table!.columns).not.toContain('mmlu-anatomy');
});
