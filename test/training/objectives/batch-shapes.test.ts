// Tests of the planned shapes of micro-batches.
import { expect, test } from 'vitest';
import {
  bucketedExamples,
  fittingShape,
  planShapes,
} from '../../../harness/training/objectives/batch-shapes.ts';
import type { BatchShape } from '../../../harness/training/objectives/objective.ts';

const shape = (rows: number, length: number, tokens = rows * length): BatchShape => ({
  rows,
  length,
  tokens,
  targets: rows,
  sourceLength: 0,
  sourceTokens: 0,
});
const slots = ({ rows, length }: BatchShape): number => rows * length;

test('few long sequences and many short ones of equally many tokens share no shape', () => {
  const [many, some, few] = [shape(32, 32), shape(16, 64), shape(4, 256)];
  const shapes = planShapes([many, some, few, many, few, some], 'cpu');
  for (const size of [many, some, few]) expect(fittingShape(size, shapes)).toEqual(size);
});

test.each([
  ['cpu', 8, 1.5],
  ['cuda', 3, 2.5],
])(
  'on %s every size fits a shape, at most %i are used, and they waste less than one for all',
  (device, most, waste) => {
    const sizes = Array.from({ length: 500 }, (_, i) => {
      const length = 16 + ((i * 37) % 240);
      return shape(Math.max(1, Math.floor(1024 / length)), length, 900 + ((i * 13) % 124));
    });
    const shapes = planShapes(sizes, device);
    const used = sizes.map((size) => fittingShape(size, shapes));
    expect(new Set(used).size).toBe(most);
    const [planned, least, one] = [used, sizes, sizes.map(() => shapes.at(-1)!)].map((list) =>
      list.reduce((sum, each) => sum + slots(each), 0),
    );
    expect(planned!).toBeLessThan(waste * least!);
    expect(one!).toBeGreaterThan(5 * least!);
  },
);

test('a mixture of sizes fits, one size is one shape, none are none', () => {
  const shapes = planShapes([shape(32, 32), shape(4, 256)], 'cpu');
  expect(fittingShape(shape(32, 256, 1024), shapes)).toEqual(shape(32, 256, 1024));
  expect(
    new Set(planShapes([shape(2, 8), shape(2, 8)], 'cpu').map((each) => JSON.stringify(each))).size,
  ).toBe(1);
  expect(planShapes([], 'cpu')).toEqual([]);
});

test('sequences of equal number are told apart by their tokens', () => {
  const sizes = Array.from({ length: 200 }, (_, i) => shape(32, 80 + (i % 20), 1500 + 10 * ((i * 7) % 40)));
  const shapes = planShapes(sizes, 'cpu');
  const used = sizes.map((size) => fittingShape(size, shapes));
  const [planned, least] = [used, sizes].map((list) => list.reduce((sum, { tokens }) => sum + tokens, 0));
  expect(planned!).toBeLessThan(1.03 * least!);
});

test('a program must save more than it costs', () => {
  const [short, long] = [shape(8, 30), shape(8, 32)];
  expect(fittingShape(short, planShapes([short, long], 'cpu'))).toEqual(long);
});

test('buckets: the order of the file, every 20 batches from long to short, the same in each epoch', () => {
  // No two lengths are equal; the order of equal ones is in test/parity/metamath.test.ts.
  const lengths = Array.from({ length: 47 }, (_, i) => (i * 7) % 47);
  const lengthOf = (i: number): number => lengths[i]!;
  const at = bucketedExamples(
    { lengthOf },
    lengths.map((_, i) => i),
    2,
  );
  const epoch = (first: number) => Array.from({ length: 24 }, (_, step) => at(first + step));
  const sorted = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => from + i).sort((a, b) => lengthOf(b) - lengthOf(a));
  expect(epoch(0).flat()).toEqual([...sorted(0, 40), ...sorted(40, 47)]);
  expect(epoch(0).at(-1)).toHaveLength(1);
  expect(epoch(24)).toEqual(epoch(0));
});
