/**
 * HRA, Householder reflection adaptation (Yuan et al. 2024), as Hugging Face peft defines it: y = W H₁ … H_r x,
 * with reflections H_i = I − 2 u_i u_iᵀ / ‖u_i‖². Pairs of equal u make the start the base model. An orthogonal
 * change as OFT's with LoRA's number of parameters.
 */
import { z } from 'zod';
import {
  concat,
  defineMethod,
  type Delta,
  editInputs,
  layerList,
  linearBound,
  linearTargets,
  matMul,
  mergeAt,
  queryAndValue,
  type Random,
  split,
  type Tensor,
  tensorsAt,
  trainWhole,
  wholeModules,
} from '../harness/method.ts';

export default defineMethod({
  name: 'hra',
  label: 'HRA',
  paper: 'Yuan et al. 2024, arXiv:2405.17484',
  formula: 'y = W H_1 … H_r x, H_i = I − 2 u_i u_iᵀ / ‖u_i‖²',
  options: z.strictObject({
    rank: z
      .int()
      .positive()
      .default(8)
      .describe('r, reflections; an odd number does not start at the base model'),
    orthogonal: z
      .boolean()
      .default(false)
      .describe('make the u orthogonal by Gram and Schmidt; it then does not start at the base model'),
    targets: queryAndValue,
    layers: layerList,
    whole: wholeModules,
  }),
  defaults: { learningRate: 1e-3 },
  attach(base, { rank, orthogonal, whole, ...where }) {
    const sites = linearTargets(base, where);
    const narrow = sites.find(({ inputs }) => orthogonal && inputs < rank);
    if (narrow)
      throw new RangeError(
        `${narrow.name} has ${narrow.inputs} inputs, where ${rank} vectors cannot be orthogonal`,
      );
    const delta: Delta = {
      trained: tensorsAt(sites, ({ inputs }) => ({
        hra_u: { shape: [inputs, rank], init: (random) => startOf(random, inputs, rank) },
      })),
      edits: (x) =>
        editInputs(sites, x, ({ own }) => {
          const units = unitVectors(split(own('hra_u'), rank, 1), orthogonal);
          return (rows) => units.reduceRight(reflect, rows);
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site: { inputs } }) => ({
          input: (weight) => reflectOnHost(weight, unitsOnHost(own('hra_u'), inputs, orthogonal)),
        })),
    };
    return trainWhole(delta, base, whole, sites);
  },
});

/** U(±1/√fan) as torch takes it of the second axis; each vector twice where their number is even. */
function startOf(random: Random, inputs: number, rank: number): Float32Array {
  if (rank % 2 === 1) return random.uniform(inputs * rank, -linearBound(rank), linearBound(rank));
  const half = random.uniform((inputs * rank) / 2, -linearBound(rank / 2), linearBound(rank / 2));
  return Float32Array.from({ length: inputs * rank }, (_, i) => half[Math.floor(i / 2)]!);
}

/** The vectors [inputs, 1] with length 1, orthogonal to those before them where `orthogonal` says so. */
function unitVectors(vectors: readonly Tensor[], orthogonal: boolean): Tensor[] {
  const units: Tensor[] = [];
  for (const vector of vectors) {
    const done = orthogonal && units.length > 0 ? concat(units, 1) : undefined;
    const left = done ? vector.sub(matMul(done, matMul(done, vector, true, false))) : vector;
    units.push(left.div(left.square().sum(0, true).sqrt()));
  }
  return units;
}

/** Rows [N, inputs] reflected at u [inputs, 1]. */
const reflect = (rows: Tensor, u: Tensor): Tensor => rows.sub(matMul(matMul(rows, u), u, false, true).mul(2));

/** The columns of u [inputs, r] as `unitVectors` has them. */
function unitsOnHost(u: Float32Array, inputs: number, orthogonal: boolean): Float64Array[] {
  const rank = u.length / inputs;
  const units: Float64Array[] = [];
  for (let k = 0; k < rank; k++) {
    const vector = Float64Array.from({ length: inputs }, (_, i) => u[i * rank + k]!);
    const dot = (other: Float64Array): number => vector.reduce((sum, value, i) => sum + value * other[i]!, 0);
    for (const other of orthogonal ? units : []) {
      const along = dot(other);
      other.forEach((value, i) => (vector[i]! -= along * value));
    }
    const length = Math.sqrt(dot(vector));
    units.push(vector.map((value) => value / length));
  }
  return units;
}

/** W H₁ … H_r of a weight [outputs, inputs]. */
function reflectOnHost(weight: Float32Array, units: readonly Float64Array[]): Float32Array {
  const out = weight.slice();
  const inputs = units[0]!.length;
  for (let start = 0; start < out.length; start += inputs) {
    const row = Float64Array.from(out.subarray(start, start + inputs));
    for (const unit of units) {
      const along = row.reduce((sum, value, i) => sum + value * unit[i]!, 0);
      unit.forEach((value, i) => (row[i]! -= 2 * along * value));
    }
    out.set(row, start);
  }
  return out;
}
