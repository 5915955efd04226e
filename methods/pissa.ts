/**
 * PiSSA, principal singular values and vectors adaptation (Meng et al. 2024), as Hugging Face peft defines it:
 * LoRA that starts at the r largest singular values of W, and leaves the rest of W frozen: y = (W − s B₀ A₀) x
 * + s B A x, s B₀ A₀ = U_r S_r V_rᵀ. It learns faster than LoRA. Here W stays as it is and B₀, A₀ are kept
 * beside it; peft changes W, so that disabling its adapter does not give the base back.
 */
import { z } from 'zod';
import {
  type BaseModel,
  concat,
  defineMethod,
  type Delta,
  editLinears,
  isTransposed,
  mergeAt,
  sideBySide,
  singularVectors,
  type Site,
  tensorsAt,
  type TensorSpec,
  transposeOnHost,
  weightName,
} from '../harness/method.ts';
import { lowProduct, lowRank, placeOptions, sizeOptions, trainOfBase } from './shared/low-rank.ts';

export default defineMethod({
  name: 'pissa',
  label: 'PiSSA',
  paper: 'Meng et al. 2024, arXiv:2404.02948',
  formula: 'y = (W − U_r S_r V_rᵀ) x + (α / r) B A x, (α / r) B A = U_r S_r V_rᵀ at the start',
  options: z.strictObject({ ...sizeOptions, ...placeOptions }),
  defaults: { learningRate: 2e-5 },
  attach(base, options) {
    const { sites, embeddings, rankOf, scaleOf, unfreezes } = lowRank(base, options);
    const table = embeddings[0];
    if (table) throw new RangeError(`PiSSA acts on linear modules, and ${table.name} is an embedding`);
    requireRanks(sites, rankOf);
    const found = new Map<Site, Promise<Principal>>();
    const principalOf = (site: Site, model: BaseModel): Promise<Principal> => {
      const known = found.get(site) ?? principal(model, site, rankOf(site), scaleOf(site));
      found.set(site, known);
      return known;
    };
    const specs = (a: string, b: string, fromBase = false): Record<string, TensorSpec> =>
      tensorsAt(sites, (site) => ({
        [a]: {
          ...(fromBase && { fromBase }),
          shape: [rankOf(site), site.inputs],
          init: async (_, model) => (await principalOf(site, model)).A,
        },
        [b]: {
          ...(fromBase && { fromBase }),
          shape: [site.outputs, rankOf(site)],
          init: async (_, model) => (await principalOf(site, model)).B,
        },
      }));
    const delta: Delta = {
      trained: specs('lora_A.weight', 'lora_B.weight'),
      frozen: specs('pissa_A.weight', 'pissa_B.weight', true),
      ...unfreezes,
      edits: (x, context) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const dropped = context.dropout(input, options.dropout, `${site.name}.lora_dropout`);
          // Without dropout both products have one input, and are one product of twice the rank.
          if (dropped === input) {
            const A = concat([own('lora_A.weight'), own('pissa_A.weight')], 0);
            const B = concat([own('lora_B.weight'), own('pissa_B.weight').neg()], 1);
            return y.add(lowProduct(input, A, B).mul(scaleOf(site)));
          }
          const low = lowProduct(dropped, own('lora_A.weight'), own('lora_B.weight'));
          const start = lowProduct(input, own('pissa_A.weight'), own('pissa_B.weight'));
          return y.add(low.sub(start).mul(scaleOf(site)));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          low: () => differenceOf(own, site, scaleOf(site)),
        })),
    };
    return trainOfBase(delta, base, options, sites);
  },
});

/** Throws RangeError where a module has fewer singular values than its rank. */
function requireRanks(sites: readonly Site[], rankOf: (site: Site) => number): void {
  const large = sites.find((site) => rankOf(site) > Math.min(site.inputs, site.outputs));
  if (large) {
    throw new RangeError(
      `${large.name} [${large.outputs}, ${large.inputs}] has no ${rankOf(large)} singular values`,
    );
  }
}

/** The tensors that a module starts with: A = √(S/s) Vᵀ [r, inputs] and B = U √(S/s) [outputs, r]. */
interface Principal {
  readonly A: Float32Array;
  readonly B: Float32Array;
}

async function principal(base: BaseModel, site: Site, rank: number, scale: number): Promise<Principal> {
  const { inputs, outputs } = site;
  const stored = await base.tensor(weightName(site));
  const W = isTransposed(base.architecture, site) ? stored : transposeOnHost(stored, inputs, outputs);
  const { values, left, right } = singularVectors(W, outputs, inputs, rank);
  const roots = values.map((value) => Math.sqrt(value / scale));
  return {
    A: Float32Array.from({ length: rank * inputs }, (_, i) => {
      const k = Math.floor(i / inputs);
      return roots[k]! * right[k]![i % inputs]!;
    }),
    B: Float32Array.from(
      { length: outputs * rank },
      (_, i) => roots[i % rank]! * left[i % rank]![Math.floor(i / rank)]!,
    ),
  };
}

/** s (B A − B₀ A₀) as one product: up [outputs, 2r], down [2r, inputs]. */
function differenceOf(
  own: (end: string) => Float32Array,
  { outputs }: Site,
  scale: number,
): { up: Float32Array; down: Float32Array } {
  const [A, B, A0, B0] = ['lora_A', 'lora_B', 'pissa_A', 'pissa_B'].map((part) => own(`${part}.weight`)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const scaled = (B: Float32Array, by: number): Float32Array => B.map((value) => value * by);
  return {
    up: sideBySide(scaled(B, scale), scaled(B0, -scale), outputs),
    down: sideBySide(A, A0, 1),
  };
}
