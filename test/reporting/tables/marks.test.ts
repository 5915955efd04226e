// Tests of bold and underlined marks of a table's best rows.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sampledMean } from '../../../harness/metrics/resampling/sampled-metric.ts';
import {
  markColumn,
  markTable,
  type ComparedRow,
  type ComparedSeed,
} from '../../../harness/reporting/tables/marks.ts';
import { formatTable } from '../../../harness/reporting/tables/format-table.ts';
import { type Row, summariseRow } from '../../../harness/reporting/tables/row.ts';
import { sampleRecord } from '../../records/sample-record.ts';

/** Makes a row of three seeds on 200 examples, about `right` of them right; seeds differ by one example. */
function compared(
  variant: string,
  right: number,
  more: { failed?: true; protocol?: string; task?: string; answers?: number } = {},
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
  return {
    row,
    protocol: more.protocol ?? 'recommended',
    answers: () => more.answers ?? 600,
    resamples: () => 10_000,
    tests: () => Promise.resolve(new Map(tests)),
  };
}

test('bold is the best and what is not worse, underlined the best of the rest', async () => {
  const rows = [compared('bad', 100), compared('worst', 90), compared('good', 180), compared('also', 179)];
  const { rows: marked, comparisons } = await markTable(rows);
  expect(marked.map(({ marks }) => marks?.exact)).toEqual(['next', undefined, 'best', 'best']);
  expect(comparisons.map(({ best, other }) => [best, other])).toEqual([
    ['good', 'also'],
    ['good', 'bad'],
    ['good', 'worst'],
  ]);
  expect(comparisons[0]!.difference).toBeCloseTo(0.5, 10);
  const table = formatTable(marked);
  expect(table).toMatch(/^bad .* 51\.0 ± 0\.5\+ +3$/m);
  expect(table).toMatch(/^worst .* 46\.0 ± 0\.5 {2,}3$/m);
  expect(table).toMatch(/^good .* 91\.0 ± 0\.5\* +3$/m);
  expect(table).toContain(
    '* the best mean and those after it, down to the first that is significantly worse',
  );
  const below = formatTable(marked, comparisons);
  expect(below).toMatch(
    /^exact: good − also = \+0\.50 \(95 % −0\.\d\d to 1\.\d\d; p \.\d{3}, Holm \.\d{3}; 3 seeds\)$/m,
  );
  expect(below).toMatch(
    /^exact: good − worst = \+45\.00 \(95 % \S+ to \S+; p < \.001, Holm < \.001; 3 seeds\)$/m,
  );
});

describe('the marks of a column', () => {
  const row = (collapsed: boolean): Row => ({
    ...compared('x', 1).row,
    ...(collapsed && { collapsed: [1] }),
  });

  test('pass over no better mean, whatever the comparisons say', () => {
    const one = fc.record({
      mean: fc.integer({ min: 0, max: 6 }),
      isWorse: fc.boolean(),
      collapsed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 9 }), fc.boolean(), (rows, higher) => {
        const ranked = rows
          .map(({ mean, isWorse, collapsed }) => ({ mean, isWorse, row: row(collapsed) }))
          .sort((a, b) => (higher ? b.mean - a.mean : a.mean - b.mean))
          .map((one, i) => ({ ...one, isWorse: i > 0 && one.isWorse }));
        const marks = markColumn(ranked);
        for (const { row, mean, isWorse } of ranked) {
          const mark = marks.get(row);
          const better = ranked.filter((other) => (higher ? other.mean > mean : other.mean < mean));
          if (mark !== undefined) expect(better.every((other) => marks.has(other.row))).toBe(true);
          if (mark === 'best') expect(better.every((other) => marks.get(other.row) === 'best')).toBe(true);
          if (mark === 'best') expect(isWorse || row.collapsed !== undefined).toBe(false);
          if (row.collapsed) expect(mark).toBeUndefined();
          // Equal means get equal marks; collapsed rows get none.
          const equal = ranked.filter((other) => other.mean === mean && !other.row.collapsed);
          expect(new Set(equal.map((other) => marks.get(other.row))).size).toBeLessThan(2);
        }
      }),
      { seed: 21 },
    );
  });

  test('stop at the first row that is worse, not at the last', () => {
    const rows = [0, 1, 2, 3].map(() => row(false));
    const worse = [false, true, false, true];
    const marks = markColumn(rows.map((row, i) => ({ row, mean: 60 - i, isWorse: worse[i]! })));
    expect(rows.map((one) => marks.get(one))).toEqual(['best', 'next', undefined, undefined]);
  });
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

test.each<[ComparedRow[], string]>([
  [[compared('a', 180, { failed: true }), compared('b', 100)], 'because seeds failed: a.'],
  [
    [compared('a', 180, { protocol: 'code' }), compared('b', 100)],
    'because rows ran under different protocols.',
  ],
  [
    [compared('a', 180), { ...compared('b', 100), tests: () => Promise.resolve('other-predictions') }],
    'the predictions of b are missing',
  ],
  [
    [compared('a', 180), { ...compared('b', 100), tests: () => Promise.resolve('not-resampled') }],
    'of exact: the task does not say how it is resampled.',
  ],
  [
    [compared('a', 180), compared('b', 100, { answers: 300_000 })],
    'of exact: 300,600 answers are too many to resample (at most 250,000).',
  ],
])('nothing is marked, and the table says why: %#', async (rows, why) => {
  const { rows: marked, comparisons } = await markTable(rows);
  expect(marked.some(({ marks }) => marks)).toBe(false);
  expect(comparisons).toEqual([]);
  expect(formatTable(marked)).toContain('Nothing is marked as best');
  expect(formatTable(marked)).toContain(why);
});

test('a row that stands alone has no mark, and needs no reason', async () => {
  const { rows } = await markTable([compared('a', 180)]);
  expect(rows[0]!.marks).toBeUndefined();
  expect(rows[0]!.notes).toEqual([]);
});

test('a run that stands for every seed is compared with each seed of the others', async () => {
  const frozen = compared('frozen', 90);
  const tests = (await frozen.tests('exact')) as ReadonlyMap<number, ComparedSeed>;
  const only: ComparedRow = {
    ...frozen,
    row: { ...frozen.row, planned: 1, finished: 1, everySeed: true },
    tests: () => Promise.resolve(new Map([...tests].slice(0, 1))),
  };
  const { rows, comparisons } = await markTable([compared('good', 180), only]);
  expect(comparisons).toMatchObject([{ best: 'good', other: 'frozen', n: 3 }]);
  expect(rows.map(({ marks }) => marks?.exact)).toEqual(['best', 'next']);
});
