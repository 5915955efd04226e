/** GPT-2: its config.json, its sites and tensors, and what it gives to the decoder stack. */
import { z } from 'zod';
import * as ops from '../../engine/ops.ts';
import { type Architecture, ownHeadName } from '../architecture.ts';
import type { Site } from '../edits.ts';
import { headCount, layerCount, tableRows, widthSize } from './config-fields.ts';
import { type DecoderForm, DecoderStack } from './decoder-stack.ts';
import { dropoutAt, embeddingAt, embeddingRowsAt, layerNormAt, linearAt } from './layers.ts';
import { SiteList } from './site-list.ts';

/** The part of Hugging Face's GPT2Config that the forward pass depends on. */
export const gpt2Config = z
  .looseObject({
    model_type: z.literal('gpt2'),
    vocab_size: tableRows,
    n_positions: tableRows,
    n_embd: widthSize,
    n_layer: layerCount,
    n_head: headCount,
    n_inner: widthSize.nullish(),
    activation_function: z.enum(['gelu_new', 'gelu_pytorch_tanh']).default('gelu_new'),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    resid_pdrop: z.number().min(0).lt(1).default(0.1),
    embd_pdrop: z.number().min(0).lt(1).default(0.1),
    attn_pdrop: z.number().min(0).lt(1).default(0.1),
    initializer_range: z.number().positive().default(0.02),
    scale_attn_weights: z.literal(true).default(true),
    scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
    add_cross_attention: z.literal(false).default(false),
    tie_word_embeddings: z.boolean().default(true),
  })
  .refine(({ n_embd, n_head }) => n_embd % n_head === 0, {
    error: ({ input }) => {
      const { n_embd, n_head } = input as { n_embd: number; n_head: number };
      return `n_embd ${n_embd} is no multiple of n_head ${n_head}`;
    },
  });
type Config = z.infer<typeof gpt2Config>;

/**
 * GPT-2 (Radford et al., 2019) as Hugging Face's GPT2LMHeadModel computes it: pre-norm blocks with learnt
 * positions, whose output is the embedding unless it has a weight of its own.
 */
export function gpt2(config: Config, ownHead = !config.tie_word_embeddings): Architecture {
  const { n_embd: d, n_layer: layers, n_head: heads } = config;
  const { vocab_size: vocabulary, n_positions: positions } = config;
  const { sites, shapes } = describeModules(config, ownHead);
  const headWidth = d / heads;

  const stack = new DecoderStack(describeForm(config, sites));
  return {
    family: 'gpt2',
    kind: 'decoder',
    sites,
    shapes,
    layers,
    heads,
    kvHeads: heads,
    width: d,
    headWidth,
    vocabulary,
    positions,
    embedding,
    head: ownHead ? ownHeadName : embedding,
    mayTie: config.tie_word_embeddings,
    transposed: false,
    // Hugging Face's GPT2PreTrainedModel: projections into the residual stream are scaled down by √(2 ·
    // layers).
    initial(name) {
      if (/\bln_\w+\.weight$/.test(name)) return { kind: 'constant', value: 1 };
      if (name.endsWith('.bias')) return { kind: 'constant', value: 0 };
      const scaled = name.endsWith('c_proj.weight') ? Math.sqrt(2 * layers) : 1;
      return { kind: 'normal', deviation: config.initializer_range / scaled };
    },
    // GPT-2's checkpoint on the hub leaves "transformer." out of the names, and holds its masks as buffers.
    aliases: (name) => [
      name.replace('transformer.', ''),
      ...(name === embedding && !ownHead ? [ownHeadName] : []),
    ],
    isBuffer: (name) => /\.attn\.(masked_)?bias$/.test(name),
    decode: (model, batch) => stack.decode(model, batch),
  };
}

const words = 'transformer.wte';
const embedding = `${words}.weight`;

/** What GPT-2 gives to the decoder stack. */
function describeForm(config: Config, sites: readonly Site[]): DecoderForm {
  const { n_embd: d, n_layer: layers, n_head: heads, layer_norm_epsilon: epsilon } = config;
  return {
    sites,
    layers,
    heads,
    headWidth: d / heads,
    transposed: false,
    dropout: { probabilities: config.attn_pdrop, residual: config.resid_pdrop },
    dropoutNames: (block) => ({
      probabilities: `${block}.attn.attn_dropout`,
      attention: `${block}.attn.resid_dropout`,
      mlp: `${block}.mlp.dropout`,
    }),
    embed(model, find, batch, { prompt, virtual, prefixLength }) {
      const positions = find('positionEmbedding');
      const shift = prefixLength + virtual;
      const at = shift > 0 ? batch.positions.add(ops.scalar(shift, 'int32')) : batch.positions;
      const words = embeddingAt(model, find('wordEmbedding'), batch.ids);
      const tokens = words.add(embeddingAt(model, positions, at));
      const x = prompt
        ? ops.concat([tokens, prompt.add(embeddingRowsAt(model, positions, prefixLength, virtual))], 0)
        : tokens;
      return { x: dropoutAt(model, x, config.embd_pdrop, 'transformer.drop') };
    },
    norm: (model, site, x) => layerNormAt(model, site, epsilon, x),
    queryKeyValue: (model, find, x) => [linearAt(model, find('queryKeyValue'), false, x)],
    mlp(model, find, x) {
      const up = ops.geluTanh(linearAt(model, find('mlpUp'), false, x));
      return linearAt(model, find('mlpOutput'), false, up);
    },
  };
}

/** The sites and the tensors of GPT-2. */
function describeModules(config: Config, ownHead: boolean): SiteList {
  const { n_embd: d, n_layer: layers } = config;
  const inner = config.n_inner ?? 4 * d;
  const list = new SiteList({ width: d, transposed: false });
  const stack = 'decoder' as const;
  const table = { stack, layer: -1 };
  list.embedding({ ...table, role: 'wordEmbedding', name: words, rows: config.vocab_size });
  list.embedding({ ...table, role: 'positionEmbedding', name: 'transformer.wpe', rows: config.n_positions });
  for (let layer = 0; layer < layers; layer++) {
    const h = `transformer.h.${layer}`;
    const at = { stack, layer };
    const linear = { ...at, bias: true };
    list.norm({ ...at, role: 'attentionNorm', name: `${h}.ln_1`, bias: true });
    list.linear({ ...linear, role: 'queryKeyValue', name: `${h}.attn.c_attn`, inputs: d, outputs: 3 * d });
    list.linear({ ...linear, role: 'attentionOutput', name: `${h}.attn.c_proj`, inputs: d, outputs: d });
    list.output('sublayer', { ...at, role: 'attention', name: `${h}.attn` });
    list.norm({ ...at, role: 'mlpNorm', name: `${h}.ln_2`, bias: true });
    list.linear({ ...linear, role: 'mlpUp', name: `${h}.mlp.c_fc`, inputs: d, outputs: inner });
    list.linear({ ...linear, role: 'mlpOutput', name: `${h}.mlp.c_proj`, inputs: inner, outputs: d });
    list.output('sublayer', { ...at, role: 'mlp', name: `${h}.mlp` });
    list.output('block', { ...at, role: 'block', name: h });
  }
  list.norm({ stack, layer: layers, role: 'finalNorm', name: 'transformer.ln_f', bias: true });
  list.head({ layer: layers, outputs: config.vocab_size, ...(!ownHead && { shared: embedding }) });
  return list;
}
