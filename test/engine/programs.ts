/**
 * Example programs that all engines must run alike; engines.test.ts, webgpu.test.ts and precision.test.ts run
 * them.
 */
import * as tf from '@tensorflow/tfjs';
import * as ops from '../../harness/engine/ops.ts';
import type {
  Engine,
  FrozenArray,
  NamedArrays,
  NumericArray,
  ProgramFunction,
  Shape,
} from '../../harness/engine/types.ts';

/** A small program with its operands; every engine has to compute the same from it. */
export interface Example {
  readonly name: string;
  readonly frozen?: Readonly<Record<string, FrozenArray>>;
  readonly state?: Readonly<Record<string, { shape: Shape; data: Float32Array }>>;
  readonly inputs?: Readonly<Record<string, { shape: Shape; data: NumericArray }>>;
  readonly program: ProgramFunction;
}
export interface Results {
  readonly outputs: Record<string, number[]>;
  readonly state: Record<string, number[]>;
}

/** Numbers between −1 and 1 that look random and depend on shape and seed alone. */
export function numbers(shape: Shape, seed: number): Float32Array {
  const size = shape.reduce((product, n) => product * n, 1);
  return Float32Array.from({ length: size }, (_, i) => {
    const x = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });
}
/** A float32 operand of numbers. */
export function floats(shape: Shape, seed: number): { shape: Shape; data: Float32Array } {
  return { shape, data: numbers(shape, seed) };
}
/** An int32 operand. */
export function ints(list: readonly number[]): { shape: Shape; data: Int32Array } {
  return { shape: [list.length], data: Int32Array.from(list) };
}

/**
 * Runs an example twice, so that the state that the first run leaves counts; returns the second run's
 * results.
 */
export async function runExample(
  engine: Engine,
  { name, frozen, state, inputs, program }: Example,
): Promise<Results> {
  const base = engine.freeze(frozen ?? {});
  const current = engine.state(state ?? {});
  const given: NamedArrays = {};
  const types = Object.fromEntries(
    Object.entries(inputs ?? {}).map(([key, { shape, data }]) => {
      given[key] = data;
      return [
        key,
        { shape, dtype: data instanceof Float32Array ? ('float32' as const) : ('int32' as const) },
      ];
    }),
  );
  const compiled = await engine.compile({ name, frozen: base, state: current.types, inputs: types }, program);
  let draws = 0;
  const draw = (_: unknown, out: Float32Array): void => {
    out.set(numbers([out.length], ++draws));
  };
  await compiled.run(current, given, draw);
  const outputs = await compiled.run(current, given, draw);
  const after = await current.read();
  await compiled.dispose();
  current.dispose();
  base.dispose();
  const lists = (arrays: NamedArrays): Record<string, number[]> =>
    Object.fromEntries(Object.entries(arrays).map(([key, data]) => [key, Array.from(data)]));
  return { outputs: lists(outputs), state: lists(after) };
}

/** An example of an operation of trained tensors: its value, and the gradients of a weighted sum of it. */
function gradientsOf(
  name: string,
  operands: Example['state'] & {},
  f: (x: Record<string, ops.Tensor>) => ops.Tensor,
  inputs: Example['inputs'] = {},
): Example {
  return {
    name,
    state: operands,
    inputs,
    program({ state, inputs }) {
      const { value, gradients } = ops.valueAndGradients(() => {
        const y = f({ ...state, ...inputs });
        const weights = ops.tensor(numbers(y.shape, 99), y.shape);
        return y.mul(weights).sum();
      }, state);
      return { outputs: { ...gradients, value, y: f({ ...state, ...inputs }) } };
    },
  };
}

const elementwise: Example = {
  name: 'elementwise',
  state: { x: floats([3, 4], 1), row: floats([4], 2) },
  program({ state: { x, row } }) {
    const positive = x!.abs().add(0.1);
    const [one, two] = ops.split(ops.tensor([1, 2, 3, 4]), 2);
    return {
      outputs: {
        add: ops.add(x!, row!),
        sub: row!.sub(x!),
        mul: x!.mul(row!).mul(2),
        div: x!.div(positive),
        pow: positive.pow(1.5),
        maximum: ops.maximum(x!, row!),
        minimum: ops.minimum(x!, 0.2),
        exp: x!.exp(),
        log: ops.log(positive),
        tanh: ops.tanh(x!),
        erf: x!.erf(),
        sqrt: positive.sqrt(),
        rsqrt: ops.rsqrt(positive),
        square: x!.square(),
        neg: ops.neg(x!),
        relu: x!.relu(),
        sigmoid: ops.sigmoid(x!),
        sin: ops.sin(x!),
        cos: ops.cos(x!),
        floor: x!.mul(10).floor(),
        reciprocal: positive.reciprocal(),
        where: ops.where(x!.greater(row!).logicalAnd(x!.less(0.5)), x!, ops.zerosLike(x!)),
        cast: x!.lessEqual(0).cast('float32'),
        ones: ops.onesLike(x!).add(x!),
        known: one!.mul(two!),
      },
    };
  },
};

const shapes: Example = {
  name: 'shapes',
  frozen: { table: floats([5, 3], 3) },
  state: { x: floats([2, 3, 4], 4) },
  inputs: { ids: ints([4, 0, 4]) },
  program({ frozen: { table }, state: { x }, inputs: { ids } }) {
    const [left, right] = ops.split(x!, [1, 3], 2);
    return {
      outputs: {
        reshape: x!.reshape([6, -1]),
        expand: ops.expandDims(x!, 1),
        transpose: ops.transpose(x!, [2, 0, 1]),
        slice: ops.slice(x!, [0, 1, 1], [2, 2, -1]),
        concat: ops.concat([x!, x!.neg()], 1),
        stack: ops.stack([x!, x!.neg()], 1),
        split: left!.add(right!),
        tile: ops.tile(x!, [1, 2, 1]),
        pad: tf.pad(
          x!,
          [
            [0, 0],
            [1, 0],
            [0, 2],
          ],
          7,
        ),
        gather: ops.gather(table!, ids!.as1D()),
        columns: ops.gather(table!.transpose(), ids!.as1D(), 1),
        oneHot: ops.oneHot(ids!.as1D(), 5),
        fill: ops.fill([2, 2], 3),
        same: x!,
        ids: ids!.add(ops.scalar(1, 'int32')),
      },
    };
  },
};

const reductions: Example = {
  name: 'reductions',
  state: { x: floats([2, 3, 4], 5) },
  inputs: { counts: ints([1, 2, 3, 4, 5, 6]) },
  program: ({ state: { x }, inputs: { counts } }) => ({
    outputs: {
      sum: ops.sum(x!),
      counted: ops.sum(counts!.reshape([3, 2]), 0),
      squares: ops.sumOfSquares(x!).add(ops.sumOfSquares(x!.reshape([24]))),
      rows: ops.sum(x!, -1),
      columns: ops.sum(x!.reshape([6, 4]), 0).add(ops.sum(x!.reshape([6, 4]), 0, true)),
      mean: x!.mean([0, 2]),
      kept: x!.mean(1, true),
      max: x!.max(2),
      min: x!.min(0),
      softmax: ops.softmax(x!),
      logSoftmax: tf.logSoftmax(x!),
    },
  }),
};

const spread = [-3, -1, 1, 3, -2, 2, 0.5, -0.5];
/** Rows whose means are large against their spread; their numbers are exact in float32. */
const farRows = Float32Array.from([...spread, ...spread.map((x) => 2 * x)], (x) => 4096 + x);

/** Nearly equal values: float32 loses digits where it adds many of them one after the other. */
const like = (shape: Shape): { shape: Shape; data: Float32Array } => ({
  shape,
  data: numbers(shape, 55).map((x) => 0.1 + x / 1000),
});
const longSums: Example = {
  name: 'long sums',
  // The lengths are a number with many divisors and a prime; the axes lie before, after and between others.
  inputs: {
    even: like([1_000_000]),
    prime: like([100_003]),
    rows: like([40_000, 3]),
    cube: like([2, 6000, 3]),
    apart: like([128, 2, 64]),
  },
  program: ({ inputs: { even, prime, rows, cube, apart } }) => ({
    outputs: {
      sum: even!.sum(),
      mean: even!.mean(),
      squares: ops.sumOfSquares(even!),
      prime: prime!.sum(),
      primeMean: prime!.mean(),
      primeSquares: ops.sumOfSquares(prime!),
      columns: rows!.sum(0),
      kept: rows!.mean(0, true),
      all: rows!.sum(),
      middle: cube!.sum(1),
      front: cube!.sum([0, 1]),
      outer: apart!.sum([0, 2]),
      outerMean: apart!.mean([0, 2]),
      outerSquares: ops.sumOfSquares(apart!),
    },
  }),
};

const products: Example = {
  name: 'products',
  state: { a: floats([3, 4], 6), b: floats([4, 5], 7), p: floats([2, 3, 4], 8), q: floats([2, 5, 4], 9) },
  program: ({ state: { a, b, p, q } }) => ({
    outputs: {
      plain: ops.matMul(a!, b!),
      left: ops.matMul(a!, a!, true, false),
      right: ops.matMul(a!, a!, false, true),
      batched: ops.matMul(p!, q!, false, true),
      outer: ops.matMul(q!, p!.transpose([0, 2, 1])),
      broadcast: ops.matMul(p!, b!.expandDims(0)),
    },
  }),
};

const descent: Example = {
  name: 'gradient descent with momentum',
  frozen: { target: floats([6, 2], 10) },
  state: {
    W: floats([3, 2], 11),
    velocity: { shape: [3, 2], data: new Float32Array(6) },
    untouched: floats([], 12),
  },
  inputs: { x: floats([6, 3], 13) },
  program({ frozen, state: { W, velocity, untouched }, inputs, random }) {
    const noise = random({ kind: 'dropout', rate: 0, name: 'noise', shape: [6, 3] }).mul(0.1);
    const { value, gradients } = ops.valueAndGradients(
      () => ops.matMul(inputs.x!.add(noise), W!).sub(frozen.target!).square().mean(),
      { W: W!, untouched: untouched! },
    );
    const next = velocity!.mul(0.9).add(gradients.W!);
    return {
      state: { W: W!.sub(next.mul(0.1)), velocity: next, untouched: untouched!.add(gradients.untouched!) },
      outputs: { loss: value },
    };
  },
};

const parts: Example = {
  name: 'parts',
  // x and y are large enough to be cut into parts.
  state: { x: floats([3, 2, 2 ** 15], 30), y: floats([3, 2, 2 ** 15], 31), row: floats([24], 32) },
  inputs: { factor: floats([], 33) },
  program({ state: { x, y, row }, inputs: { factor } }) {
    const outside = factor!.mul(2);
    const [sum, again, same] = ops.inParts([x!, y!], ([x, y]) => {
      const sum = x!.mul(outside).add(y!.square());
      return [sum, sum, y!];
    });
    const [one] = ops.inParts([row!], ([row]) => [row!.mul(outside)]);
    return { state: { y: sum! }, outputs: { again: again!, same: same!, one: one! } };
  },
};

/** Programs of ordinary operations; the last ones test their gradients. */
export const plain: readonly Example[] = [
  elementwise,
  shapes,
  reductions,
  longSums,
  products,
  parts,
  descent,
  gradientsOf(
    'gradients of elementwise operations',
    { x: floats([3, 4], 14), row: floats([4], 15) },
    ({ x, row }) => {
      const quotient = ops.tanh(x!).mul(row!).add(ops.sigmoid(x!)).div(row!.square().add(1));
      const extremes = ops.maximum(x!, x!.neg().mul(2)).sub(ops.minimum(x!, 0.1));
      const powers = quotient.add(ops.exp(x!).sqrt()).add(x!.abs().pow(1.5));
      const roots = powers.add(extremes).add(ops.rsqrt(x!.square().add(0.5)));
      return roots.add(ops.log(row!.abs().add(1)));
    },
  ),
  gradientsOf('gradients of shapes', { x: floats([2, 3, 4], 16) }, ({ x }) => {
    const [left, right] = ops.split(x!, 2, 2);
    const [first, second] = tf.unstack(ops.stack([right!.relu(), left!.mul(2)], 3), 3);
    const turned = ops.transpose(ops.concat([first!, second!], 2), [1, 0, 2]);
    return ops.tile(ops.slice(turned, [1, 0, 0], [2, 2, 3]), [1, 1, 2]).reshape([4, 6]);
  }),
  gradientsOf('gradients of reductions', { x: floats([3, 4], 17) }, ({ x }) =>
    ops.softmax(x!).mul(x!.mean(1, true)).add(tf.logSoftmax(x!)).add(x!.max(0)).add(x!.sum()),
  ),
  gradientsOf(
    'gradients of products and rows',
    { table: floats([5, 3], 18), W: floats([4, 3], 19) },
    ({ table, W, ids }) => ops.matMul(ops.gather(table!, ids as tf.Tensor1D), W!, false, true),
    { ids: ints([4, 0, 4]) },
  ),
  gradientsOf('gradients that stop', { x: floats([3], 20) }, ({ x }) => ops.stopGradient(x!.mul(2)).mul(x!)),
];

const causal = (t: number): Float32Array =>
  Float32Array.from({ length: t * t }, (_, i) => (i % t > Math.floor(i / t) ? -1e9 : 0));
const qkv = (tq: number, tk: number): { query: Floats; key: Floats; value: Floats } => ({
  query: floats([2 * tq, 8], 30),
  key: floats([2 * tk, 8], 31),
  value: floats([2 * tk, 8], 32),
});
type Floats = ReturnType<typeof floats>;
const heads = { batch: 2, heads: 2, scale: 0.5 };
const tokens = {
  targets: ints([3, 0, 3, 6, 1]),
  weights: { shape: [5], data: Float32Array.of(1, 0.5, 2, 0, 1) },
};
const bases = { h: floats([5, 4], 33), W: floats([7, 4], 34) };

/** A program for each fused operation and each of its forms. */
export const fused: readonly Example[] = [
  gradientsOf('gelu', { x: { shape: [6], data: Float32Array.of(-8, -1, 0, 0.7, 3, 9) } }, ({ x }) =>
    ops.gelu(x!),
  ),
  gradientsOf('geluTanh', { x: { shape: [5], data: Float32Array.of(-8, -1, 0, 0.7, 9) } }, ({ x }) =>
    ops.geluTanh(x!),
  ),
  gradientsOf('swiGlu', { gate: floats([3, 4], 44), up: floats([3, 4], 45) }, ({ gate, up }) =>
    ops.swiGlu(gate!.mul(4), up!),
  ),
  ...[
    [4, 6],
    [2, 3, 6],
  ].map((shape) =>
    gradientsOf(
      `rmsNorm of rank ${shape.length}`,
      { x: floats(shape, 46), weight: floats([6], 47) },
      ({ x, weight }) => ops.rmsNorm(x!, weight!, 1e-5),
    ),
  ),
  gradientsOf(
    'rotate',
    { x: floats([5, 12], 48) },
    ({ x, angle }) => ops.rotate(x!, angle!.cos(), angle!.sin()),
    { angle: floats([5, 3], 49) },
  ),
  ...[
    [4, 6],
    [2, 3, 6],
  ].map((shape) =>
    gradientsOf(
      `layerNorm of rank ${shape.length}`,
      { x: floats(shape, 35), weight: floats([6], 36), bias: floats([6], 37) },
      ({ x, weight, bias }) => ops.layerNorm(x!, weight!, bias!, 1e-5),
    ),
  ),
  gradientsOf(
    'layerNorm of rows far from zero',
    { x: { shape: [2, 8], data: farRows }, weight: floats([8], 36), bias: floats([8], 37) },
    ({ x, weight, bias }) => ops.layerNorm(x!, weight!, bias!, 1e-5),
  ),
  gradientsOf('linear', { x: floats([3, 4], 38), W: floats([4, 5], 39), b: floats([5], 40) }, ({ x, W, b }) =>
    ops.linear(x!, W!, b, false),
  ),
  gradientsOf('linear, transposed, no bias', { x: floats([3, 4], 38), W: floats([5, 4], 39) }, ({ x, W }) =>
    ops.linear(x!, W!, undefined, true),
  ),
  gradientsOf('attention', qkv(3, 3), ({ query, key, value }) => ops.attention(query!, key!, value!, heads)),
  gradientsOf(
    'attention with a causal mask and dropout',
    qkv(3, 3),
    ({ query, key, value, mask, keep }) => ops.attention(query!, key!, value!, heads, mask, keep),
    {
      mask: { shape: [1, 1, 3, 3], data: causal(3) },
      keep: { shape: [2, 2, 3, 3], data: numbers([2, 2, 3, 3], 41).map((x) => (x > -0.5 ? 4 / 3 : 0)) },
    },
  ),
  gradientsOf(
    'attention to more keys than queries with a trained bias',
    { ...qkv(1, 4), bias: floats([2, 1, 4], 42) },
    ({ query, key, value, bias }) => ops.attention(query!, key!, value!, heads, bias),
  ),
  gradientsOf(
    'attention of several heads to shared keys with a trained bias and dropout',
    {
      query: floats([2 * 3, 16], 50),
      key: floats([2 * 4, 8], 51),
      value: floats([2 * 4, 8], 52),
      bias: floats([4, 3, 4], 53),
    },
    ({ query, key, value, bias, keep }) =>
      ops.attention(query!, key!, value!, { ...heads, heads: 4 }, bias, keep),
    { keep: { shape: [2, 4, 3, 4], data: numbers([2, 4, 3, 4], 54).map((x) => (x > -0.5 ? 4 / 3 : 0)) } },
  ),
  {
    name: 'attention that nothing differentiates, of several heads to shared keys',
    inputs: {
      query: floats([2 * 3, 16], 55),
      key: floats([2 * 4, 8], 56),
      value: floats([2 * 4, 8], 57),
      bias: floats([2, 1, 3, 4], 58),
    },
    program: ({ inputs }) => {
      const { query, key, value, bias } = inputs;
      const shape = { ...heads, heads: 4, forwardOnly: true };
      return { outputs: { mixed: ops.attention(query!, key!, value!, shape, bias) } };
    },
  },
  ...[0, 0.1].map((smoothing) =>
    gradientsOf(
      `headCrossEntropy, smoothing ${smoothing}`,
      bases,
      ({ h, W, targets, weights }) => ops.headCrossEntropy(h!, W!, targets!, weights!, smoothing),
      tokens,
    ),
  ),
  gradientsOf(
    'headCrossEntropy with a bias',
    bases,
    ({ h, W, targets, weights, shift }) =>
      ops.headCrossEntropy(h!, W!, targets!, weights!, 0.1, { bias: shift! }),
    { ...tokens, shift: floats([1, bases.W.shape[0]!], 59) },
  ),
  gradientsOf(
    'permute',
    { x: floats([4], 44) },
    ({ x, order, inverse }) => ops.permute(x!, order!, inverse!),
    {
      order: ints([2, 0, 3, 1]),
      inverse: ints([1, 3, 0, 2]),
    },
  ),
  gradientsOf(
    'selectRows',
    { x: floats([4, 3], 43) },
    ({ x, index, place, used }) => ops.selectRows(x!, index!, place!).mul(used!),
    {
      index: ints([2, 0, 1]),
      place: ints([1, 3, 0, 3]),
      // The third row is padding.
      used: { shape: [3, 1], data: Float32Array.of(1, 1, 0) },
    },
  ),
];
