// Tests of the columns of costs: what they hold, which tables have them, and names that there are not.
import { expect, test } from 'vitest';
import { costsOf, findColumns } from '../../../harness/reporting/tables/cost-columns.ts';
import { formatTable } from '../../../harness/reporting/tables/format-table.ts';
import { summariseRow } from '../../../harness/reporting/tables/row.ts';
import { sampleRecord } from '../../records/sample-record.ts';

const run = (seed: number, seconds: number, adapterBytes?: number) => ({
  record: sampleRecord(
    {
      parameters: { trained: 1_536, head: 500, all: 1e6 },
      seconds: { compile: 9, train: seconds, predict: 2 * seconds },
      tokensPerSecond: { train: 100 * seconds, predict: 7 },
      peakMemoryBytes: seconds * 1e9,
    },
    seed,
  ),
  stepTime: 10 * seconds,
  adapterBytes,
});
const failed = { record: sampleRecord({ status: 'failed', metrics: [], seconds: { train: 99 } }, 4) };
const measured = [run(1, 1, 6_400), run(2, 2, 6_400), run(3, 6, 6_400)];

test('costs are medians of the finished runs in the units of the headers', () => {
  expect(costsOf([...measured, failed])).toEqual({
    trainable: 1_536,
    'without-head': 1_536,
    'with-head': 2_036,
    'step-time': 20,
    'train-seconds': 2,
    'train-speed': 200,
    'decode-seconds': 4,
    'decode-speed': 7,
    memory: 2,
    'device-memory': undefined,
    'adapter-size': 0.0064,
  });
});

test('a table has the columns that are named; else those that a wide terminal has room for', () => {
  const row = summariseRow({
    task: 'copy',
    model: 'tiny',
    variant: 'red',
    label: 'RED',
    records: measured.map(({ record }) => record),
    measured,
  });
  const headerOf = (...args: Parameters<typeof formatTable>) => formatTable(...args).split('\n')[2]!;
  const named = findColumns(['adapter-size', 'with-head', 'device-memory']);
  expect(formatTable([row], [], 80, named).split('\n').slice(2, 5)).toEqual([
    'method  with head     exact ↑  n  adapter, MB  GPU memory, GB',
    '──────  ─────────  ──────────  ─  ───────────  ──────────────',
    'RED         2,036  50.0 ± 0.0  3        0.006               –',
  ]);
  expect(headerOf([row], [], 80)).toBe('method  trainable     exact ↑  n');
  expect(headerOf([row], [], 81)).toBe(
    'method  trainable     exact ↑  n  training, s  memory, GB  adapter, MB',
  );
  const long = { ...row, label: 'a method of a name with fifty-three letters and signs' };
  expect(headerOf([long], [], 100).trimEnd().endsWith('n  training, s')).toBe(true);
});

test('a wrong name is told with those that there are', () => {
  expect(() => findColumns(['memry'])).toThrow(/Did you mean "memory"\? Columns: trainable,/);
  expect(findColumns(['memory,step-time', 'memory']).map(({ name }) => name)).toEqual([
    'memory',
    'step-time',
  ]);
});
