/**
 * Prefix tuning (Li & Liang 2021) as Hugging Face peft defines it: K → [P_k; K], V → [P_v; V], trained keys
 * and values before those of the input in every layer of self-attention, the decoder's where there is one.
 * They are flat, or (the paper's form, `projection`) made from an embedding by Linear(k, h), tanh, Linear(h,
 * …), k the width of the keys. Flat ones may start as those of a text (peft's initialize_kv_prefix_from_text,
 * without a chat template), so that the base begins as if it had read that. Unlike prompt tuning it acts in
 * every layer; the projection steadies training and can be dropped after it.
 */
import { z } from 'zod';
import {
  type BaseModel,
  constantTensor,
  defineMethod,
  keysAndValues,
  linear,
  normalTensor,
  slice,
  tanh,
  type Tensor,
  type TensorSpec,
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
      .enum(['normal', 'zero', 'text'])
      .default('normal')
      .describe(
        'N(0, 1), zeros for the embedding (flat) or the last layer (projection), or the keys and values of a text',
      ),
    pairs: z
      .int()
      .positive()
      .optional()
      .describe('of keys and values; one for each layer where absent, more only in an encoder-decoder'),
    text: z.string().min(1).optional().describe('whose first l tokens are taken; for start=text'),
  }),
  ablations: { projection: { projection: true } },
  defaults: { learningRate: 1e-2 },
  attach(base, { virtualTokens: l, projection, hidden, start, pairs, text }) {
    requireRoom(base, l);
    requireText(base, { start, text, projection });
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
        : { [embedding]: flatStart([l, all], start, text) },
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

interface Start {
  readonly start: 'normal' | 'zero' | 'text';
  readonly text: string | undefined;
  readonly projection: boolean;
}

/** Throws RangeError where a text is given and not asked for, or cannot be what the prefix starts as. */
function requireText({ id, architecture }: BaseModel, { start, text, projection }: Start): void {
  if ((start === 'text') !== (text !== undefined)) {
    throw new RangeError('prefix tuning takes a text with start=text, and only then');
  }
  if (text === undefined) return;
  if (projection) {
    throw new RangeError(
      'a projected prefix is made by a network, which cannot start as a text: leave projection out',
    );
  }
  if (architecture.kind !== 'decoder') {
    throw new RangeError(`start=text needs a decoder, which keeps keys and values of a text; ${id} is none`);
  }
}

/** The flat prefix [l, 2 layers k]: key and value of the first layer, of the second, …, in every row. */
function flatStart(shape: [number, number], start: Start['start'], text: string | undefined): TensorSpec {
  if (text === undefined) return start === 'zero' ? constantTensor(shape, 0) : normalTensor(shape, 1);
  const [l, all] = shape;
  return {
    shape,
    async init(_, model) {
      const ids = (await model.tokenizer()).encode(text, { specialTokens: true });
      if (ids.length < l) {
        throw new RangeError(
          `the text has ${ids.length} tokens, fewer than the ${l} virtual ones of the prefix`,
        );
      }
      const layers = await keysAndValues(model, ids.slice(0, l));
      const width = all / (2 * layers.length);
      const rows = new Float32Array(l * all);
      for (const [layer, states] of layers.entries()) {
        for (const [part, values] of [states.key, states.value].entries()) {
          for (let token = 0; token < l; token++) {
            const row = values.subarray(token * width, (token + 1) * width);
            rows.set(row, token * all + (2 * layer + part) * width);
          }
        }
      }
      return rows;
    },
  };
}
