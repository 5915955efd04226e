// Tests of search spaces: what is read, the points of every strategy, where a choice stands, and rungs.
import { expect, test } from 'vitest';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { rungsOf } from '../../../harness/runs/tune/rungs.ts';
import {
  dimensionsOf,
  gridPoints,
  parseSpace,
  positionsOf,
  randomPoints,
} from '../../../harness/runs/tune/space.ts';

const methods = await loadMethods();
const [lora, red] = [methods.get('lora')!, methods.get('red')!];
const dimensions = (texts: string[], method = lora) =>
  dimensionsOf(parseSpace(texts, [[lora], [red]]), [method]);

test('a grid has every combination, and as many values of a range as it was told or as are left', () => {
  const counted = gridPoints(dimensions(['lr=log:1e-4..1e-1/4', 'rank=2,4']), undefined);
  expect(counted).toEqual(
    ['0.0001', '0.001', '0.01', '0.1'].flatMap((learningRate) =>
      ['2', '4'].map((rank) => ({ learningRate, rank })),
    ),
  );
  expect(gridPoints(dimensions(['lr=log:1e-4..1e-1', 'rank=2,4']), 8)).toEqual(counted);
  expect(gridPoints(dimensions(['weight-decay=0..0.2/3']), undefined)).toEqual(
    ['0', '0.1', '0.2'].map((weightDecay) => ({ weightDecay })),
  );
  expect(() => gridPoints(dimensions(['lr=log:1e-4..1e-1', 'rank=2,4']), 7)).toThrow(
    /write learningRate=log:1e-4..1e-1\/5 for five, or give --trials as a multiple of 2, at least 4/,
  );
  expect(() => gridPoints(dimensions(['lr=1e-4..1e-1', 'warmup=0..1']), 8)).toThrow(
    /how many values learningRate and warmup has/,
  );
});

test('random points lie in their ranges, differ, stay when more are drawn, and are shared by methods', () => {
  const space = ['lr=log:1e-4..1e-1', 'lora.rank=2,4,8', 'warmup=0..0.2'];
  const many = randomPoints(dimensions(space), 200, 42);
  expect(new Set(many.map((point) => JSON.stringify(point))).size).toBe(200);
  expect(randomPoints(dimensions(space), 9, 42)).toEqual(many.slice(0, 9));
  expect(randomPoints(dimensions(space, red), 9, 42)).toEqual(
    many.slice(0, 9).map(({ learningRate, warmup }) => ({ learningRate, warmup })),
  );
  const rates = many.map(({ learningRate }) => Number(learningRate));
  expect(Math.min(...rates)).toBeGreaterThanOrEqual(1e-4);
  expect(Math.max(...rates)).toBeLessThanOrEqual(1e-1);
  // A third of the logarithmic range lies below 1e-3.
  expect(rates.filter((rate) => rate < 1e-3).length).toBeGreaterThan(45);
  expect(rates.filter((rate) => rate < 1e-3).length).toBeLessThan(90);
  expect(new Set(many.map(({ rank }) => rank))).toEqual(new Set(['2', '4', '8']));
});

test('a space of few values has no more points than these', () => {
  expect(randomPoints(dimensions(['rank=2,4', 'alpha=8,16']), 9, 42)).toHaveLength(4);
});

test('a dimension for one method wins over that for all', () => {
  const space = ['lr=0.1,0.2', 'lora.lr=0.01,0.02'];
  expect(dimensions(space).map(({ text }) => text)).toEqual(['0.01,0.02']);
  expect(dimensions(space, red).map(({ text }) => text)).toEqual(['0.1,0.2']);
});

test.each<[string[], RegExp]>([
  [['lr'], /--space lr: write key=a,b or key=log/],
  [['lr='], /write key=a,b/],
  [['ranc=2,4'], /no setting "ranc".*Did you mean "rank"/],
  [['red.rank=2,4'], /no setting "rank", neither a hyper-parameter nor an option of red/],
  [['rank=2,,4'], /an empty value/],
  [['lr=log:0..1'], /above 0 where it is logarithmic/],
  [['lr=0.1..0.01'], /from a smaller number to a larger one/],
  [['lr=a..b'], /from a smaller number/],
  [['lr=0.1..0.2/1'], /two values at least/],
  [['lr=0.1,0.2', 'learning-rate=0.3'], /--space has learningRate twice/],
])('%j is refused', (texts, message) => {
  expect(() => dimensions(texts)).toThrow(message);
});

test('a choice has its place among all values, and an edge at their ends', () => {
  const tried = ['2', '16', '4'].flatMap((rank) => ['ffn', 'attn'].map((position) => ({ rank, position })));
  expect(positionsOf({ rank: '16', position: 'ffn' }, tried)).toEqual([
    { key: 'rank', value: '16', place: 3, of: 3, edge: 'highest' },
    { key: 'position', value: 'ffn', place: undefined, of: 2, edge: undefined },
  ]);
  expect(positionsOf({ rank: '4', position: 'ffn' }, tried)[0]).toMatchObject({ place: 2, edge: undefined });
  expect(positionsOf({ rank: '2', position: 'ffn' }, tried)[0]).toMatchObject({ place: 1, edge: 'lowest' });
});

test('halving keeps a third on each rung and trains it three times as long', () => {
  expect(rungsOf('halving', 16)).toEqual([
    { trials: 16, share: 1 / 9 },
    { trials: 5, share: 1 / 3 },
    { trials: 1, share: 1 },
  ]);
  expect(rungsOf('halving', 3)).toEqual([
    { trials: 3, share: 1 / 3 },
    { trials: 1, share: 1 },
  ]);
  expect(rungsOf('halving', 27)).toHaveLength(4);
  expect(rungsOf('random', 16)).toEqual([{ trials: 16, share: 1 }]);
  expect(() => rungsOf('halving', 2)).toThrow(/--trials 3 at least/);
});
