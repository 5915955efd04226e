// Tests the kernels that replace tfjs's own on the engine js, element by element, against their definitions.
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import { setBackend, engine } from '../../../harness/engine/tfjs/library.ts';
import { library } from '../../../harness/engine/tfjs/required.ts';
import type { Tensor } from '../../../harness/engine/ops.ts';

beforeAll(async () => {
  await createEngine({ name: 'js' });
});

/** A tensor of float32's numbers that no sum or product of two repeats by chance. */
function counting(
  shape: number[],
  start: number,
): { tensor: Tensor; at: (place: readonly number[]) => number } {
  const size = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin(start + i));
  const at = (place: readonly number[]): number =>
    values[place.reduce((index, i, axis) => index * shape[axis]! + i, 0)]!;
  return { tensor: library.tensor(values, shape), at };
}

/** Every place of a shape, in row order. */
const places = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>(
    (all, size) => all.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );

/** What a computation gives; no tensor may be left on the backend. */
function computed(compute: () => Tensor): { shape: number[]; values: number[] } {
  void setBackend('cpu');
  const before = engine().memory().numTensors;
  const result = library.tidy(() => {
    const out = compute();
    return { shape: [...out.shape], values: [...out.dataSync()] };
  });
  expect(engine().memory().numTensors).toBe(before);
  return result;
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 5 });

it('transposes', () => {
  const cases = shapes.chain((shape) =>
    fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
  );
  fc.assert(
    fc.property(cases, ([shape, axes]) => {
      const { shape: found, values } = computed(() => library.transpose(counting(shape, 0).tensor, axes));
      const expected = axes.map((axis) => shape[axis]!);
      expect(found).toEqual(expected);
      const { at } = counting(shape, 0);
      const read = places(expected).map((place) => at(shape.map((_, axis) => place[axes.indexOf(axis)]!)));
      expect(values).toEqual(read);
    }),
    { numRuns: 200 },
  );
});

const operations = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  maximum: (a: number, b: number) => Math.max(a, b),
  minimum: (a: number, b: number) => Math.min(a, b),
  less: (a: number, b: number) => Number(a < b),
  equal: (a: number, b: number) => Number(a === b),
};

it.each(Object.entries(operations))('repeats operands of %s', (name, operation) => {
  // Of each axis one operand or both may have size 1, and one of them may lack axes in front.
  const cases = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom('a', 'b', 'neither')), { maxLength: 4 })
    .chain((axes) => fc.tuple(fc.constant(axes), fc.integer({ min: 0, max: axes.length }), fc.boolean()));
  fc.assert(
    fc.property(cases, ([axes, missing, ofA]) => {
      const shapeOf = (operand: 'a' | 'b'): number[] =>
        axes
          .map(([size, single]) => (single === operand ? 1 : size))
          .slice((operand === 'a') === ofA ? missing : 0);
      const [a, b] = [shapeOf('a'), shapeOf('b')];
      const { shape, values } = computed(() =>
        library[name as 'add'](counting(a, 0).tensor, counting(b, 100).tensor),
      );
      const read = ({ at }: ReturnType<typeof counting>, own: number[], place: number[]): number =>
        at(own.map((size, i) => (size === 1 ? 0 : place[place.length - own.length + i]!)));
      const expected = places(shape).map((place) =>
        Math.fround(operation(read(counting(a, 0), a, place), read(counting(b, 100), b, place))),
      );
      expect(values).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

it('sums the rows of segments, and leaves out rows of none', () => {
  const { shape, values } = computed(() =>
    library.unsortedSegmentSum(
      library.tensor([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]),
      library.tensor1d([2, -1, 0, 2], 'int32'),
      4,
    ),
  );
  expect(shape).toEqual([4, 2]);
  expect(values).toEqual([5, 6, 0, 0, 8, 10, 0, 0]);
});

it.each([
  [[2, 3], [2]],
  [
    [4, 2, 3],
    [4, 3],
  ],
  [[16], [3]],
])('operands [%s] and [%s], which do not go together, are refused', (a, b) => {
  for (const name of ['add', 'sub', 'mul', 'div', 'maximum', 'minimum', 'equal', 'less'] as const) {
    expect(() => library[name](counting(a, 0).tensor, counting(b, 1).tensor), name).toThrow(/shape/i);
  }
});
