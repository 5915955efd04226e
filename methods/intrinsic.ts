/**
 * Intrinsic dimension (Aghajanyan et al. 2020): every tensor θ of the base moves along one vector v of d
 * numbers, θ → θ + λ P v, with a random projection P that is frozen, and a λ for each tensor (SAID) or none.
 * P is Fastfood (Le et al. 2013), H G Π H B with Walsh-Hadamard matrices H, as the authors' code has it. It is
 * a measuring instrument: the smallest d that nearly reaches FT tells how hard a task is; `--sweep dimension=…`
 * beside `full` shows it.
 */
import { z } from 'zod';
import { constantTensor, defineMethod, sizeOf, slice } from '../harness/method.ts';
import { fastfood, fastfoodOnHost, fastfoodTensors } from './shared/fastfood.ts';

const [vector, scales] = ['intrinsic.vector', 'intrinsic.scales'];

export default defineMethod({
  name: 'intrinsic',
  label: 'Intrinsic dimension',
  paper: 'Aghajanyan et al. 2020, arXiv:2012.13255',
  formula: 'θ → θ + λ_θ (H G Π H B v)[: |θ|] / c',
  options: z.strictObject({
    dimension: z.int().positive().default(1000).describe('d, numbers that are trained in all'),
    scales: z.boolean().default(true).describe('of them a λ for each tensor of the base (SAID)'),
    projectionKey: z.int().default(0).describe("seed of the projections, separate from the run's seed"),
  }),
  ablations: { 'no-scales': { scales: false } },
  defaults: { learningRate: 1e-2 },
  attach(base, { dimension, scales: hasScales, projectionKey }) {
    const names = Object.keys(base.shapes).toSorted();
    const length = dimension - (hasScales ? names.length : 0);
    if (length <= 0) {
      throw new RangeError(
        `a dimension of ${dimension} leaves nothing beside the ${names.length} scales, one for each tensor of the base`,
      );
    }
    const places = new Map(names.map((name, i) => [name, i]));
    return {
      trained: {
        [vector]: constantTensor([length], 0),
        ...(hasScales && { [scales]: constantTensor([names.length], 1) }),
      },
      derived: Object.assign(
        {},
        ...names.map((name) => fastfoodTensors(name, sizeOf(base.shapes[name]!), length, projectionKey)),
      ) as ReturnType<typeof fastfoodTensors>,
      edited: new Set(names),
      edits: (x) => ({
        tensor(name, value) {
          const place = places.get(name);
          if (place === undefined) return undefined;
          // P (λ v) is λ P v, with d products in place of as many as the tensor has numbers.
          const scaled = hasScales ? x[vector]!.mul(slice(x[scales]!, [place], [1])) : x[vector]!;
          return value.add(fastfood(scaled, name, x, value.size).reshape(value.shape));
        },
      }),
      merge: () => () => [],
      mergeTensor: (x) => (name, value) => {
        const place = places.get(name);
        if (place === undefined) return value;
        const along = fastfoodOnHost(x[vector]!, name, value.length, projectionKey);
        const scale = x[scales]?.[place] ?? 1;
        return value.map((number, i) => number + scale * along[i]!);
      },
    };
  },
});
