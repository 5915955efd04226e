/**
 * OFT, orthogonal fine-tuning (Qiu et al. 2023), as Hugging Face peft defines it: y = W R x, where R rotates
 * blocks of the input by Cayley's map of skew-symmetric matrices Q: R = (I − Q) (I + Q)⁻¹, or the first terms of
 * its series (the default). It keeps the angles between the rows of W. R is applied to the input. Its constrained
 * form COFT holds every Q within a distance of 0, so that R stays near the identity.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  type Delta,
  editInputs,
  gather,
  layerList,
  linearTargets,
  matMul,
  mergeAt,
  queryAndValue,
  scalar,
  stopGradient,
  type Tensor,
  tensor,
  tensorsAt,
  trainWhole,
  transpose,
  wholeModules,
} from '../harness/method.ts';

const options = z.strictObject({
  blockSize: z
    .int()
    .min(2)
    .default(32)
    .describe('side of the blocks, which divides the input of every module'),
  shared: z.boolean().default(false).describe('one block for the whole input of a module'),
  exact: z.boolean().default(false).describe('with the inverse, in place of the series'),
  terms: z
    .int()
    .min(2)
    .default(5)
    .describe('of the series, where it is not exact; 3 is computed as 4, as peft does'),
  distance: z
    .number()
    .positive()
    .optional()
    .describe('COFT: the largest norm of Q, times the root of the number of blocks (peft: eps, 6e-5)'),
  targets: queryAndValue,
  layers: layerList,
  whole: wholeModules,
});

export default defineMethod({
  name: 'oft',
  label: 'OFT',
  paper: 'Qiu et al. 2023, arXiv:2306.07280',
  formula: 'y = W R x, R = diag(R_1, …), R_i = (I − Q_i) (I + Q_i)⁻¹, Q_i = −Q_iᵀ',
  options,
  defaults: { learningRate: 1e-3 },
  attach(base, given) {
    const { blockSize: size, shared, distance } = given;
    const sites = linearTargets(base, given);
    const odd = sites.find(({ inputs }) => inputs % size !== 0);
    if (odd) {
      throw new RangeError(
        `blocks of ${size} do not divide the ${odd.inputs} inputs of ${odd.name}; choose another blockSize`,
      );
    }
    const blocksOf = (inputs: number): number => (shared ? 1 : inputs / size);
    const delta: Delta = {
      trained: tensorsAt(sites, ({ inputs }) => ({
        oft_R: constantTensor([blocksOf(inputs), (size * (size - 1)) / 2], 0),
      })),
      ...(distance !== undefined && {
        update: (x) =>
          Object.fromEntries(
            sites.map(({ name }) => [`${name}.oft_R`, constrained(x[`${name}.oft_R`]!, distance)]),
          ),
      }),
      edits: (x) =>
        editInputs(sites, x, ({ own, site: { inputs } }) => {
          const triangles = own('oft_R');
          const near = distance === undefined ? triangles : heldNear(triangles, distance);
          const R = rotations(skewSymmetric(near, size), given);
          return (rows) => rotate(rows, R, inputs);
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site: { inputs } }) => {
          const triangles = own('oft_R');
          const near =
            distance === undefined ? triangles : constrainedOnHost(triangles, blocksOf(inputs), distance);
          const blocks = rotationsOnHost(near, given);
          return { input: (weight) => rotateOnHost(weight, blocks, size, inputs) };
        }),
    };
    return trainWhole(delta, base, given.whole, sites);
  },
});

type Options = z.infer<typeof options>;

/**
 * The upper triangles [blocks, size (size − 1) / 2] of the nearest Q whose Frobenius norm is at most the distance
 * over √blocks; peft so constrains them in every forward pass.
 */
function constrained(triangles: Tensor, distance: number): Tensor {
  // Every number stands twice in Q.
  const norms = triangles.square().sum(1, true).mul(2).sqrt();
  const most = distance / Math.sqrt(triangles.shape[0]);
  return triangles.mul(scalar(most).div(norms.maximum(most)));
}

function constrainedOnHost(triangles: Float32Array, blocks: number, distance: number): Float32Array {
  const [each, most] = [triangles.length / blocks, distance / Math.sqrt(blocks)];
  const norms = Array.from({ length: blocks }, (_, block) =>
    Math.sqrt(2 * triangles.subarray(block * each, (block + 1) * each).reduce((sum, q) => sum + q * q, 0)),
  );
  return triangles.map((q, i) => (q * most) / Math.max(most, norms[Math.floor(i / each)]!));
}

/** The constrained values, whose gradient goes straight through: peft sets the tensor to them before it computes. */
function heldNear(triangles: Tensor, distance: number): Tensor {
  const fixed = stopGradient(triangles);
  return triangles.add(constrained(fixed, distance).sub(fixed));
}

/** For each place of a block the entry of the upper triangle that stands there, and its sign. */
function placesOf(size: number): { entries: Int32Array; signs: Float32Array } {
  const entries = new Int32Array(size * size);
  const signs = new Float32Array(size * size);
  let next = 0;
  for (let row = 0; row < size; row++) {
    for (let column = row + 1; column < size; column++, next++) {
      [entries[row * size + column], signs[row * size + column]] = [next, 1];
      [entries[column * size + row], signs[column * size + row]] = [next, -1];
    }
  }
  return { entries, signs };
}

/** Q [blocks, size, size] of upper triangles [blocks, size (size − 1) / 2]. */
function skewSymmetric(triangles: Tensor, size: number): Tensor {
  const { entries, signs } = placesOf(size);
  const chosen = gather(transpose(triangles), tensor(entries, [size * size], 'int32'));
  return transpose(chosen.mul(tensor(signs, [size * size, 1]))).reshape([-1, size, size]);
}

/**
 * The last power of Q in a series of n terms, I + 2 Q + 2 Q² + … + Qⁿ⁻¹; peft computes three terms as four. Two
 * terms are I + 2 Q.
 */
const lastPower = (terms: number): number => (terms === 2 ? 1 : Math.max(3, terms - 1));

/** R [blocks, size, size], by the series or exact. */
function rotations(Q: Tensor, { blockSize: size, exact, terms }: Options): Tensor {
  const I = tensor(
    Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0)),
    [1, size, size],
  );
  if (exact) return matMul(I.sub(Q), inverse(I.add(Q), I));
  let R = I.add(Q.mul(2));
  let power = Q;
  for (let k = 2; k <= lastPower(terms); k++) {
    power = matMul(power, Q);
    R = R.add(k === lastPower(terms) ? power : power.mul(2));
  }
  return R;
}

/**
 * (I + Q)⁻¹ by Newton's iteration X ← X (2 I − A X) from Aᵀ / (‖A‖₁ ‖A‖∞). The singular values of I + Q are at
 * least 1, so that 20 steps suffice for row sums up to 150. The gradient flows through the last step alone,
 * where it is that of the inverse.
 */
function inverse(A: Tensor, I: Tensor): Tensor {
  const fixed = stopGradient(A);
  const norm = (axis: number): Tensor =>
    fixed
      .abs()
      .sum(axis, true)
      .max(3 - axis, true);
  let X = transpose(fixed, [0, 2, 1]).div(norm(1).mul(norm(2)));
  const step = (matrix: Tensor): Tensor => matMul(X, I.mul(2).sub(matMul(matrix, X)));
  for (let k = 0; k < 20; k++) X = step(fixed);
  return step(A);
}

/** Rows [N, inputs], each block of which is multiplied by its R, or by the only one. */
function rotate(rows: Tensor, R: Tensor, inputs: number): Tensor {
  const [blocks, size] = [R.shape[0], R.shape[1]!];
  if (blocks === 1) return matMul(rows.reshape([-1, size]), R.reshape([size, size])).reshape([-1, inputs]);
  const byBlock = transpose(rows.reshape([-1, blocks, size]), [1, 0, 2]);
  return transpose(matMul(byBlock, R), [1, 0, 2]).reshape([-1, inputs]);
}

/** The blocks [size, size] of R in float64, as `rotations` computes them. */
function rotationsOnHost(
  triangles: Float32Array,
  { blockSize: size, exact, terms }: Options,
): Float64Array[] {
  const { entries, signs } = placesOf(size);
  const each = (size * (size - 1)) / 2;
  const product = (A: Float64Array, B: Float64Array): Float64Array =>
    A.map((_, i) => {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += A[i - (i % size) + k]! * B[k * size + (i % size)]!;
      return sum;
    });
  const one = (i: number): number => (i % (size + 1) === 0 ? 1 : 0);
  return Array.from({ length: triangles.length / each }, (_, block) => {
    const Q = Float64Array.from(entries, (entry, i) => signs[i]! * triangles[block * each + entry]!);
    if (exact) {
      // (I − Q) (I + Q)⁻¹ = 2 (I + Q)⁻¹ − I, since both factors commute.
      return invert(
        Q.map((q, i) => one(i) + q),
        size,
      ).map((value, i) => 2 * value - one(i));
    }
    let power: Float64Array = Q;
    const R = Q.map((q, i) => one(i) + 2 * q);
    for (let k = 2; k <= lastPower(terms); k++) {
      power = product(power, Q);
      R.forEach((_, i) => (R[i]! += power[i]! * (k === lastPower(terms) ? 1 : 2)));
    }
    return R;
  });
}

/** The inverse by Gauss and Jordan's elimination, which needs no pivots for I + Q. */
function invert(matrix: Float64Array, size: number): Float64Array {
  const left = matrix.slice();
  const right = matrix.map((_, i) => (i % (size + 1) === 0 ? 1 : 0));
  for (let pivot = 0; pivot < size; pivot++) {
    const by = left[pivot * (size + 1)]!;
    for (const rows of [left, right]) for (let i = 0; i < size; i++) rows[pivot * size + i]! /= by;
    for (let row = 0; row < size; row++) {
      const factor = left[row * size + pivot]!;
      if (row === pivot || factor === 0) continue;
      for (const rows of [left, right]) {
        for (let i = 0; i < size; i++) rows[row * size + i]! -= factor * rows[pivot * size + i]!;
      }
    }
  }
  return right;
}

/** W R of a weight [outputs, inputs] whose input is multiplied by R from the right, x R: W Rᵀ. */
function rotateOnHost(
  weight: Float32Array,
  blocks: Float64Array[],
  size: number,
  inputs: number,
): Float32Array {
  return weight.map((_, i) => {
    const column = i % inputs;
    const R = blocks[blocks.length === 1 ? 0 : Math.floor(column / size)]!;
    const start = i - (column % size);
    let sum = 0;
    for (let k = 0; k < size; k++) sum += weight[start + k]! * R[(column % size) * size + k]!;
    return sum;
  });
}
