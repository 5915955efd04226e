/**
 * MiSS, matrix shard sharing (Kang and Yin 2024; called Bone in its first version), as Hugging Face peft
 * defines it: the input is cut into shards of r, their sum is multiplied by one matrix D: y = W x + Dᵀ Σ x_i.
 * One product in place of LoRA's two, and half of its parameters at the same rank where W is square. Its form
 * `bat` also multiplies W: blocks W_ij [r, r] of W become W_ij + W_ij D_i + D_i, with a D_i for every r outputs.
 */
import { z } from 'zod';
import {
  type BaseModel,
  constantTensor,
  defineMethod,
  type Delta,
  editLinears,
  isTransposed,
  layerList,
  linearTargets,
  matMul,
  mergeAt,
  pad,
  queryAndValue,
  type Site,
  tensorsAt,
  tile,
  trainWhole,
  transpose,
  wholeModules,
} from '../harness/method.ts';

export default defineMethod({
  name: 'miss',
  label: 'MiSS',
  paper: 'Kang and Yin 2024, arXiv:2409.15371',
  formula: 'y = W x + Dᵀ Σ_i x_i, x = [x_1; x_2; …]',
  options: z.strictObject({
    rank: z.int().positive().default(64).describe('r, length of a shard and rows of D'),
    dropout: z.number().min(0).lt(1).default(0).describe('on the input while training'),
    outputs: z
      .int()
      .positive()
      .optional()
      .describe(
        'columns of D, which are repeated along the outputs (peft: mini_r); all of them where absent',
      ),
    bat: z.literal(true).optional().describe('a D [r, r] for every r outputs, which multiplies W, too'),
    targets: queryAndValue,
    layers: layerList,
    whole: wholeModules,
  }),
  ablations: { bat: { bat: true } },
  defaults: { learningRate: 2e-4 },
  attach(base, { rank, dropout, outputs: columns, bat, whole, ...where }) {
    const sites = linearTargets(base, where);
    if (bat) return trainWhole(multiplied(base, sites, { rank, dropout, columns }), base, whole, sites);
    const narrow = sites.find(({ inputs }) => inputs < rank);
    if (narrow)
      throw new RangeError(`${narrow.name} has ${narrow.inputs} inputs, fewer than the rank ${rank}`);
    const odd = sites.find(({ outputs }) => columns !== undefined && outputs % columns !== 0);
    if (odd)
      throw new RangeError(`${columns} columns do not divide the ${odd.outputs} outputs of ${odd.name}`);
    const delta: Delta = {
      trained: tensorsAt(sites, ({ outputs }) => ({
        miss_block: constantTensor([rank, columns ?? outputs], 0),
      })),
      edits: (x, context) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const dropped = context.dropout(input, dropout, `${site.name}.miss_dropout`);
          const shards = Math.ceil(site.inputs / rank);
          const missing = shards * rank - site.inputs;
          const whole =
            missing > 0
              ? pad(dropped, [
                  [0, 0],
                  [0, missing],
                ])
              : dropped;
          const sum = whole.reshape([-1, shards, rank]).sum(1);
          const D =
            columns === undefined ? own('miss_block') : tile(own('miss_block'), [1, site.outputs / columns]);
          return y.add(matMul(sum, D));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site: { inputs, outputs } }) => ({
          change() {
            const [D, width] = [own('miss_block'), columns ?? outputs];
            return Float32Array.from({ length: outputs * inputs }, (_, i) => {
              const [output, input] = [Math.floor(i / inputs), i % inputs];
              return D[(input % rank) * width + (output % width)]!;
            });
          },
        })),
    };
    return trainWhole(delta, base, whole, sites);
  },
});

interface Sizes {
  readonly rank: number;
  readonly dropout: number;
  readonly columns: number | undefined;
}

/** The form `bat`: its change of W depends on W, so that it is made as a matrix in every step. */
function multiplied(base: BaseModel, sites: readonly Site[], { rank: r, dropout, columns }: Sizes): Delta {
  if (columns !== undefined) throw new RangeError('MiSS has either bat or outputs, not both');
  if (dropout > 0)
    throw new RangeError("MiSS' form bat has no dropout in peft, which merges it as it trains");
  const odd = sites.find(({ inputs, outputs }) => inputs % r !== 0 || outputs % r !== 0);
  if (odd) throw new RangeError(`blocks of ${r} do not divide ${odd.name} [${odd.outputs}, ${odd.inputs}]`);
  const acts = new Set(sites.map(({ name }) => name));
  return {
    trained: tensorsAt(sites, ({ outputs }) => ({ miss_block: constantTensor([outputs / r, r, r], 0) })),
    edits: (x) => ({
      linear(site, { W }) {
        if (!acts.has(site.name)) return undefined;
        const D = x[`${site.name}.miss_block`]!;
        const { inputs, outputs } = site;
        const rows = isTransposed(base.architecture, site) ? W : transpose(W);
        // [out / r, r · (in / r), r]: what D_i multiplies lies below each other.
        const products = matMul(rows.reshape([outputs / r, inputs, r]), D);
        const shape = [outputs / r, r, inputs / r, r];
        const change = products.reshape(shape).add(D.reshape([outputs / r, r, 1, r]));
        const matrix = change.reshape([outputs, inputs]);
        return { output: (y, input) => y.add(matMul(input, matrix, false, true)) };
      },
    }),
    merge: (x) =>
      mergeAt(sites, x, ({ own, site: { inputs } }) => ({
        change(weight) {
          const D = own('miss_block');
          return weight.map((_, i) => {
            const [row, column] = [Math.floor(i / inputs), i % r];
            const block = Math.floor(row / r) * r * r;
            let sum = D[block + (row % r) * r + column]!;
            for (let k = 0; k < r; k++) sum += weight[i - column + k]! * D[block + k * r + column]!;
            return sum;
          });
        },
      })),
  };
}
