// Tests of comparisons of runs with the published tables of the RED paper.
import { expect, test } from 'vitest';
import type { PublishedRow } from '../../../harness/papers/published-table.ts';
import { redTables } from '../../../harness/papers/red/tables.ts';
import {
  comparePublished,
  formatPublished,
  type OurRuns,
} from '../../../harness/reporting/published/published-table.ts';
import type { RunRecord } from '../../../harness/records/record.ts';
import { sampleRecord, settings } from '../../records/sample-record.ts';

const tableOf = (number: number) => redTables.find(({ id }) => id === `red/table-${number}`)!;
const about = { protocol: 'published', rehearsal: false };

interface Changes {
  readonly values?: readonly number[];
  readonly sides?: NonNullable<RunRecord['published']>['sides'];
  readonly settings?: Partial<RunRecord['settings']>;
  readonly metric?: string;
  readonly parameters?: number;
}

/** Makes runs of a row on a task, one per seed: the printed numbers plus `values`. */
function runsOf(table: number, row: PublishedRow, task: string, changes: Changes = {}): OurRuns {
  const { columns } = tableOf(table);
  const { values = [-0.1, 0, 0.1], sides = {}, metric, parameters = 49_152 } = changes;
  const own = columns
    .map((column, i) => ({ ...column, printed: row.values[i]! }))
    .filter((column) => column.task === task);
  const records = values.map((moved, seed) =>
    sampleRecord({
      settings: {
        ...settings,
        seed,
        task: { name: task, version: 1 },
        limits: { examples: null, steps: null },
        model: { ...settings.model, id: `org/${row.model}` },
        ...changes.settings,
      },
      published: { base: row.model, recipes: [], sides },
      parameters: { trained: parameters, head: 0, all: 3e8 },
      metrics: own.map(({ metric: name, printed }) => ({
        name: metric ?? name,
        split: 'test' as const,
        value: (printed + moved) / 100,
        higherIsBetter: true,
        scale: 100,
        decimals: 1,
      })),
    }),
  );
  return { row, task, records, planned: values.length };
}

const cellOf = (compared: ReturnType<typeof comparePublished>, row: number, column: string) =>
  compared.rows[row]!.cells.find((cell) => cell.column === column)!;

test("spreads are those of Tables 14 and 15, the equal cell's for ablations, else ours", () => {
  const [red, noScaling] = tableOf(6).rows;
  const compared = comparePublished(
    tableOf(6),
    [runsOf(6, red!, 'cola'), runsOf(6, noScaling!, 'cola')],
    about,
  );
  expect(cellOf(compared, 0, 'cola')).toMatchObject({
    theirs: { mean: 68.1, sd: 1.69 },
    ours: { mean: expect.closeTo(68.1, 8) as number, sd: expect.closeTo(0.1, 8) as number, n: '3' },
    verdict: { kind: 'reproduced' },
  });
  expect(cellOf(compared, 1, 'cola').theirs.sd).toBeUndefined();
  expect(cellOf(compared, 1, 'cola').verdict.kind).toBe('reproduced');
  expect(cellOf(compared, 2, 'cola').verdict).toEqual({ kind: 'not run', reason: 'no finished run' });
  expect(compared.tally).toMatchObject({ judged: 2, verdicts: { reproduced: 2, 'not run': 7 } });
  expect(compared.rankings).toEqual([{ model: 'roberta-large', column: 'cola', tau: 1, rows: 2 }]);
});

test('too noisy by the column of the same model', () => {
  const [red] = tableOf(7).rows;
  const compared = comparePublished(tableOf(7), [runsOf(7, red!, 'qqp', { values: [-2, 0, 2] })], about);
  // The spread of the column, half the range of 88.6, 88.7 and 89.4, is 0.4.
  expect(cellOf(compared, 0, 'qqp').verdict.kind).toBe('too noisy');
});

test('an average only when its row is complete, against the mean of the printed cells', () => {
  const table = tableOf(14);
  const row = table.rows.find(({ model, method }) => model === 'roberta-base' && method === 'red')!;
  const runs = table.columns.map(({ task }) => runsOf(14, row, task));
  const place = table.rows.indexOf(row);
  const whole = comparePublished(table, runs, about);
  // The paper prints 84.7 by mistake; the mean of its cells is 84.2875.
  expect(cellOf(whole, place, 'average')).toMatchObject({
    theirs: { mean: 84.7 },
    verdict: { kind: 'reproduced', difference: expect.closeTo(0, 8) as number },
  });
  const part = comparePublished(table, runs.slice(1), about);
  expect(cellOf(part, place, 'average').verdict).toEqual({ kind: 'not run', reason: '7 of 8 cells' });
});

test('what is of another experiment is not comparable, and says why', () => {
  const [red] = tableOf(6).rows;
  const t5 = tableOf(3).rows.at(-1)!;
  const reason = (table: number, row: PublishedRow, task: string, changes: Changes) => {
    const compared = comparePublished(tableOf(table), [runsOf(table, row, task, changes)], about);
    const column = tableOf(table).columns.find((found) => found.task === task)!.key;
    const { verdict } = cellOf(compared, tableOf(table).rows.indexOf(row), column);
    return 'reason' in verdict ? verdict.reason : verdict.kind;
  };
  const data = { ...settings.data, form: 'built-in' };
  expect(reason(6, red!, 'cola', { settings: { data } })).toBe('built-in data');
  const mini = { ...settings.model, id: 'roberta-mini' };
  expect(reason(6, red!, 'cola', { settings: { model: mini } })).toBe(
    'base roberta-mini in place of roberta-large',
  );
  expect(reason(6, red!, 'cola', { settings: { limits: { examples: 9, steps: null } } })).toBe('--limit');
  expect(reason(6, red!, 'cola', { settings: { limits: { examples: null, steps: 9 } } })).toBe('--max-steps');
  expect(reason(3, tableOf(3).rows[0]!, 'rte', {})).toBe('quoted from prior work');
  // Only settings that change data, metric or decoding of this table make it not comparable.
  const sides = { 't5-mnli-two-class': 'corrected', 'dropout-first-epoch': 'paper' } as const;
  expect(reason(3, t5, 'mnli', { sides })).toBe('t5-mnli-two-class=corrected changes the metric');
  expect(reason(3, t5, 'mnli', { sides: { ...sides, 't5-mnli-two-class': 'code' } })).toBe('reproduced');
  expect(reason(6, red!, 'cola', { sides: { 'split-seeded': 'corrected' } })).toBe('reproduced');
  // METEOR without paraphrases is a different metric.
  const compared = comparePublished(
    tableOf(5),
    [runsOf(5, tableOf(5).rows[3]!, 'e2e', { metric: 'METEOR (no paraphrases)' })],
    about,
  );
  expect(cellOf(compared, 3, 'meteor').verdict).toEqual({
    kind: 'not comparable',
    reason: 'METEOR without its paraphrase table',
  });
});

test('the best of many seeds, failed and collapsed ones, and parameters', () => {
  const table = tableOf(1);
  const row = table.rows.find(({ model, method }) => model === 'roberta-large' && method === 'red')!;
  const many = runsOf(1, row, 'cola', {
    values: Array.from({ length: 15 }, (_, i) => (i % 5) - 3),
    sides: { 'seeds-cola-rte': 'code' },
  });
  const failed = sampleRecord(
    { status: 'failed', error: { name: 'Diverged', message: 'no end' }, metrics: [] },
    99,
  );
  const rte = runsOf(1, row, 'rte');
  const compared = comparePublished(
    table,
    [many, { ...rte, planned: 4, records: [...rte.records, failed], collapsed: [2] }],
    about,
  );
  const place = table.rows.indexOf(row);
  expect(cellOf(compared, place, 'cola').ours).toMatchObject({ n: 'best 5 of 15' });
  // The five largest of three times −3 … 1 are 1, 1, 1, 0, 0.
  expect(cellOf(compared, place, 'cola').ours!.mean).toBeCloseTo(68.1 + 0.6, 8);
  expect(cellOf(compared, place, 'rte').ours!.n).toBe('3 of 4');
  expect(compared.rows[place]!.parameters).toEqual({ theirs: '0.05M', ours: 49_152, same: true });
  expect(compared.notes).toContain('RED (large), rte, seed 99 failed: Diverged: no end');
  expect(compared.notes).toContain('RED (large), rte, seed 2 collapsed: all its predictions are the same');
});

test('as text: four lines a row, reasons and the foot below', () => {
  const [red] = tableOf(6).rows;
  const runs = [
    { ...runsOf(6, red!, 'cola'), marks: { Matthews: 'best' as const } },
    { ...runsOf(6, red!, 'qqp'), records: [], reason: 'no data' },
  ];
  const text = formatPublished(
    comparePublished(tableOf(6), runs, { protocol: 'published', rehearsal: true }),
  );
  expect(text).toMatch(
    /^red\/table-6: .* \(REHEARSAL on built-in bases or data, not a reproduction; protocol published\)$/m,
  );
  expect(text).toMatch(/^RED +theirs +– +90\.3 ± 1\.40 +68\.1 ± 1\.69 +88\.7 ± 0\.11$/m);
  expect(text).toMatch(/^ +ours +49,152 +– +68\.1 ± 0\.10\* \(3\) +–$/m);
  expect(text).toMatch(/^ +D \(τ\) +[+−]0\.0 \(2\.1\)$/m);
  expect(text).toMatch(/^ +verdict +not run +reproduced +not run$/m);
  expect(text).toContain('Cells: 8 not run, 1 reproduced. Of 1 judged cells chance alone makes 0.1 miss.');
  expect(text).toContain('not run: no data (RED qqp)');
  expect(text).toContain(
    'not run: no finished run (RED mrpc, -Scaling Vector mrpc, -Scaling Vector cola and 4 more)',
  );
});
