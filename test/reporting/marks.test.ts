import { expect, test } from 'vitest';
import { sampledMean } from '../../harness/metrics/resampling.ts';
import { markTable, type ComparedRow } from '../../harness/reporting/marks.ts';
import { formatTable, summariseRow, type Row } from '../../harness/reporting/table.ts';
import { sampleRecord } from '../runs/sample-record.ts';

/** A row of three seeds of 200 examples, of which `right` of 200 are right; every seed differs by one. */
function compared(
  variant: string,
  right: number,
  more: { failed?: true; protocol?: string; task?: string } = {},
): ComparedRow {
  const seeds = [1, 2, 3].map((seed) => {
    const values = Array.from({ length: 200 }, (_, i) => (i < right + seed ? 100 : 0));
    return { seed, values, value: (right + seed) / 2 };
  });
  const records = seeds.map(({ seed, value }) =>
    more.failed && seed === 3
      ? sampleRecord({ status: 'failed', error: { name: 'Diverged', message: 'x' }, metrics: [] }, seed)
      : sampleRecord(
          {
            metrics: [
              {
                name: 'exact',
                split: 'test',
                value: value / 100,
                higherIsBetter: true,
                scale: 100,
                decimals: 1,
              },
            ],
          },
          seed,
        ),
  );
  const row = summariseRow({ task: more.task ?? 'copy', model: 'tiny', variant, label: variant, records });
  const tests = seeds.map(({ seed, values, value }) => {
    return [seed, { ids: values.map((_, i) => `${i}`), metric: sampledMean(values), value }] as const;
  });
  return { row, protocol: more.protocol ?? 'recommended', tests: () => Promise.resolve(new Map(tests)) };
}

test('bold is the best and what is not worse, underlined the best of the rest', async () => {
  const rows = [compared('bad', 100), compared('worst', 90), compared('good', 180), compared('also', 179)];
  const { marks, comparisons } = await markTable(rows);
  const of = (row: ComparedRow) => marks.get(row.row)?.get('exact');
  expect(rows.map(of)).toEqual(['next', undefined, 'best', 'best']);
  expect(comparisons.map(({ best, other }) => [best, other])).toEqual([['good', 'also'], ['good', 'bad'], ['good', 'worst']]); // prettier-ignore
  expect(comparisons[0]!.difference).toBeCloseTo(0.5, 10);
  const table = formatTable(rows.map(({ row }): Row => ({ ...row, ...(marks.has(row) && { marks: Object.fromEntries(marks.get(row)!) }) }))); // prettier-ignore
  expect(table).toMatch(/^bad .* 51\.0 ± 0\.5\+ +3$/m);
  expect(table).toMatch(/^worst .* 46\.0 ± 0\.5 {2,}3$/m);
  expect(table).toMatch(/^good .* 91\.0 ± 0\.5\* +3$/m);
  expect(table).toContain('* the best, and all that are not significantly worse');
  const below = formatTable(rows.map(({ row }) => row), comparisons); // prettier-ignore
  expect(below).toMatch(
    /^exact: good − also = \+0\.50 \(95 % −0\.\d\d to 1\.\d\d; p \.\d{3}, Holm \.\d{3}; 3 seeds\)$/m,
  );
  expect(below).toMatch(
    /^exact: good − worst = \+45\.00 \(95 % \S+ to \S+; p < \.001, Holm < \.001; 3 seeds\)$/m,
  );
});

test('comparisons of all tasks of a table are one family', async () => {
  const rows = ['a', 'b', 'c'].flatMap((task) => [
    compared('x', 120, { task }),
    compared('y', 119, { task }),
  ]);
  const { comparisons } = await markTable(rows);
  expect(comparisons).toHaveLength(3);
  for (const { p, adjustedP } of comparisons) expect(adjustedP).toBe(Math.min(1, 3 * p));
});

test('nothing is marked where a seed failed, protocols differ, or a row stands alone', async () => {
  for (const rows of [
    [compared('a', 180, { failed: true }), compared('b', 100)],
    [compared('a', 180, { protocol: 'code' }), compared('b', 100)],
    [compared('a', 180)],
    [compared('a', 180), { ...compared('b', 100), tests: () => Promise.resolve(undefined) }],
  ])
    expect((await markTable(rows)).marks.size).toBe(0);
});
