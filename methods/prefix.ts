import { z } from 'zod';
import {
  defineMethod,
  linear,
  slice,
  tanh,
  type Tensor,
  type TensorSpec,
  sizeOf,
} from '../harness/method.ts';

/**
 * Prefix tuning as Hugging Face peft defines it: trained keys and values before those of the input in every layer of
 * self-attention, the decoder's where there is one. Flat, or made from an embedding by Linear(k, h), tanh, Linear(h, …), the paper's form, k the
 * width of the keys.
 */
export default defineMethod({
  name: 'prefix',
  label: 'Prefix Tuning',
  paper: 'Li & Liang 2021, arXiv:2101.00190',
  formula: 'K → [P_k; K], V → [P_v; V]',
  options: z.strictObject({
    virtualTokens: z.int().positive().default(16).describe('l, keys and values before the input'),
    projection: z.boolean().default(false).describe('make them from an embedding by a two-layer network'),
    hidden: z.int().positive().optional().describe("h, that network's width; that of the keys where absent"),
    start: z
      .enum(['normal', 'zero'])
      .default('normal')
      .describe('N(0, 1), or zeros for the embedding (flat) or the last layer (projection)'),
    pairs: z
      .int()
      .positive()
      .optional()
      .describe('of keys and values; one for each layer where absent, more only in an encoder-decoder'),
  }),
  ablations: { projection: { projection: true } },
  defaults: { learningRate: 1e-2 },
  attach(base, { virtualTokens: l, projection, hidden, start, pairs }) {
    const { width: d, positions } = base.architecture;
    if (l >= positions) throw new RangeError(`${base.id} has no room for ${l} virtual tokens: ${positions} positions`); // prettier-ignore
    const stack = base.architecture.kind === 'encoder' ? 'encoder' : 'decoder';
    const sites = base.sites.filter((s) => s.role === 'attention' && s.stack === stack && s.attention !== 'cross'); // prettier-ignore
    // Fewer where several heads share keys, and other than d where heads are not d / heads wide; peft's embedding too.
    const keys = base.sites.find((s) => s.role === 'key' && s.stack === stack)?.outputs ?? d;
    const h = hidden ?? keys;
    const two = base.architecture.kind === 'encoder-decoder';
    const count = pairs ?? sites.length;
    if (count < sites.length || (count > sites.length && !two)) {
      throw new RangeError(
        `${base.id} has ${sites.length} layers with a prefix, for which there cannot be ${count} pairs of keys and values`,
      );
    }
    const all = 2 * count * keys;
    const normal = (rows: number, columns: number): TensorSpec => ({
      shape: [rows, columns],
      init: (random) => random.normal(rows * columns, 0, 1),
    });
    const zeros = (...shape: number[]): TensorSpec => ({
      shape,
      init: () => new Float32Array(sizeOf(shape)),
    });
    // torch's Linear is U(±1/√in), its bias too.
    const uniform = (inputs: number, ...shape: number[]): TensorSpec => ({
      shape,
      init: (random) => random.uniform(sizeOf(shape), -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs)), // prettier-ignore
    });
    const [E, W0, b0, W2, b2] = ['embedding.weight', 'transform.0.weight', 'transform.0.bias', 'transform.2.weight', 'transform.2.bias'] as const; // prettier-ignore
    const zero = start === 'zero';
    const trained: Record<string, TensorSpec> = projection
      ? {
          [E]: normal(l, keys),
          [W0]: uniform(keys, h, keys),
          [b0]: uniform(keys, h),
          [W2]: zero ? zeros(all, h) : uniform(h, all, h),
          [b2]: zero ? zeros(all) : uniform(h, all),
        }
      : { [E]: zero ? zeros(l, all) : normal(l, all) };
    // peft deals the pairs of keys and values out by twos in an encoder-decoder: layer i takes pair 2i, from the start again
    // after the last, and every other pair serves none. It has as many as the encoder has layers.
    const place = new Map(sites.map((site, i) => [site.name, two ? (2 * i) % count : i]));
    return {
      trained,
      prefixLength: l,
      edits: (x) => ({
        prefix(site) {
          const i = place.get(site.name);
          if (i === undefined) return undefined;
          const flat = projection
            ? linear(tanh(linear(x[E]!, x[W0]!, x[b0], true)), x[W2]!, x[b2], true)
            : x[E]!;
          // Key and value of the first layer, of the second, …
          const part = (n: number): Tensor => slice(flat, [0, n * keys], [l, keys]);
          return { key: part(2 * i), value: part(2 * i + 1) };
        },
      }),
    };
  },
});
