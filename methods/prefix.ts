/**
 * Prefix tuning (Li & Liang 2021) as Hugging Face peft defines it: K → [P_k; K], V → [P_v; V], trained keys
 * and values before those of the input in every layer of self-attention, the decoder's where there is one.
 * They are flat, or (the paper's form, `projection`) made from an embedding by Linear(k, h), tanh, Linear(h,
 * …), k the width of the keys. Unlike prompt tuning it acts in every layer; the projection steadies training
 * and can be dropped after it.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  linear,
  normalTensor,
  slice,
  tanh,
  type Tensor,
} from '../harness/method.ts';
import { linearTensors, requireRoom } from './shared/virtual-tokens.ts';

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
    requireRoom(base, l);
    const { kind, kvHeads, headWidth } = base.architecture;
    const stack = kind === 'encoder' ? 'encoder' : 'decoder';
    const inStack = base.sites.filter((site) => site.stack === stack);
    const sites = inStack.filter(({ role, attention }) => role === 'attention' && attention !== 'cross');
    // Not d where several heads share keys, or heads are not d / heads wide; peft's embedding has this width
    // too.
    const keys = kvHeads * headWidth;
    const h = hidden ?? keys;
    const count = pairs ?? sites.length;
    if (count < sites.length || (count > sites.length && kind !== 'encoder-decoder')) {
      throw new RangeError(
        `${base.id} has ${sites.length} layers with a prefix, for which there cannot be ${count} pairs of keys and ` +
          'values',
      );
    }
    const all = 2 * count * keys;
    const last = {
      'transform.2.weight': constantTensor([all, h], 0),
      'transform.2.bias': constantTensor([all], 0),
    };
    const embedding = 'embedding.weight';
    // In an encoder-decoder peft makes as many pairs as the encoder has layers and gives layer i the pair 2i,
    // from the start again after the last; every other pair serves no layer.
    const pairOf = new Map(
      sites.map((site, i) => [site.name, kind === 'encoder-decoder' ? (2 * i) % count : i]),
    );
    return {
      trained: projection
        ? {
            [embedding]: normalTensor([l, keys], 1),
            ...linearTensors('transform.0', keys, h),
            ...(start === 'zero' ? last : linearTensors('transform.2', h, all)),
          }
        : { [embedding]: start === 'zero' ? constantTensor([l, all], 0) : normalTensor([l, all], 1) },
      prefixLength: l,
      edits: (x) => ({
        prefix(site) {
          const pair = pairOf.get(site.name);
          if (pair === undefined) return undefined;
          const layer = (name: string, y: Tensor): Tensor =>
            linear(y, x[`${name}.weight`]!, x[`${name}.bias`], true);
          // [l, all]: key and value of the first pair, of the second, …
          const flat = projection
            ? layer('transform.2', tanh(layer('transform.0', x[embedding]!)))
            : x[embedding]!;
          const part = (n: number): Tensor => slice(flat, [0, n * keys], [l, keys]);
          return { key: part(2 * pair), value: part(2 * pair + 1) };
        },
      }),
    };
  },
});
