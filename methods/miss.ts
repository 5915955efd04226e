/**
 * MiSS, matrix shard sharing (Kang and Yin 2024; called Bone in its first version), as Hugging Face peft
 * defines it: the input is cut into shards of r, their sum is multiplied by one matrix D: y = W x + Dᵀ Σ x_i.
 * One product in place of LoRA's two, and half of its parameters at the same rank where W is square.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  editLinears,
  layerList,
  linearTargets,
  matMul,
  mergeAt,
  pad,
  queryAndValue,
  tensorsAt,
  tile,
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
    targets: queryAndValue,
    layers: layerList,
  }),
  defaults: { learningRate: 2e-4 },
  attach(base, { rank, dropout, outputs: columns, ...where }) {
    const sites = linearTargets(base, where);
    const narrow = sites.find(({ inputs }) => inputs < rank);
    if (narrow)
      throw new RangeError(`${narrow.name} has ${narrow.inputs} inputs, fewer than the rank ${rank}`);
    const odd = sites.find(({ outputs }) => columns !== undefined && outputs % columns !== 0);
    if (odd)
      throw new RangeError(`${columns} columns do not divide the ${odd.outputs} outputs of ${odd.name}`);
    return {
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
  },
});
