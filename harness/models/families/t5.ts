/**
 * T5 1.0 and 1.1, and mT5: config.json, sites and tensors, and the outputs; t5-stacks.ts computes the forward passes.
 */
import { z } from 'zod';
import { type Architecture, ownHeadName } from '../architecture.ts';
import { headCount, layerCount, tableRows, widthSize } from './parts/config-fields.ts';
import { SiteList } from './parts/site-list.ts';
import { type Stack, t5Stacks, tableName, wordsName } from './t5-stacks.ts';

const fields = {
  vocab_size: tableRows,
  d_model: widthSize,
  d_kv: widthSize,
  d_ff: widthSize,
  num_layers: layerCount,
  num_decoder_layers: layerCount.nullish(),
  num_heads: headCount,
  relative_attention_num_buckets: tableRows.min(4).multipleOf(2).default(32),
  relative_attention_max_distance: tableRows.default(128),
  dropout_rate: z.number().min(0).lt(1).default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  initializer_factor: z.number().positive().default(1),
  feed_forward_proj: z.enum(['relu', 'gated-gelu']).default('relu'),
  is_encoder_decoder: z.literal(true).default(true),
  tie_word_embeddings: z.boolean().default(true),
  scale_decoder_outputs: z.boolean().optional(),
  decoder_start_token_id: z.int().min(0).default(0),
  // Weights of another number format under the same names.
  quantization_config: z.null().optional(),
};

/** Reports distances that leave no bucket for far ones, for zod's superRefine. */
function checkBuckets(
  config: {
    readonly relative_attention_max_distance: number;
    readonly relative_attention_num_buckets: number;
  },
  context: z.RefinementCtx,
): void {
  const { relative_attention_max_distance: farthest, relative_attention_num_buckets: buckets } = config;
  if (farthest > buckets / 2) return;
  const message = `${farthest} is not above ${buckets / 2}, half of relative_attention_num_buckets`;
  context.addIssue({ code: 'custom', path: ['relative_attention_max_distance'], message });
}

/** The part of Hugging Face's T5Config that the forward pass depends on. */
export const t5Config = z.looseObject({ model_type: z.literal('t5'), ...fields }).superRefine(checkBuckets);

/** The same of MT5Config. */
export const mt5Config = z
  .looseObject({
    model_type: z.literal('mt5'),
    ...fields,
    feed_forward_proj: fields.feed_forward_proj.default('gated-gelu'),
  })
  .superRefine(checkBuckets);
type T5Config = z.infer<typeof t5Config> | z.infer<typeof mt5Config>;

/**
 * Whether the states before the output are scaled: transformers 5 saves every T5 as tied and states the scale
 * separately. mT5 scales nothing.
 */
const isScaled = (config: T5Config): boolean =>
  config.model_type === 't5' && (config.scale_decoder_outputs ?? config.tie_word_embeddings);

/**
 * T5 (Raffel et al., 2020) and T5 1.1 as Hugging Face's T5ForConditionalGeneration computes them: pre-norm
 * blocks without biases, positions as a bias of the scores that all layers of a stack share, no scale of the
 * scores. 1.0 has ReLU and its output is the embedding, scaled by d^-0.5; 1.1 has a gated GELU, no scale and
 * an output of its own, as mT5 (Xue et al., 2021) has. transformers 5 takes the scale from config.json and
 * whether the output is the embedding from the tensors.
 */
export function t5(
  config: T5Config,
  ownHead = (config.model_type === 't5' && !isScaled(config)) || !config.tie_word_embeddings,
): Architecture {
  const { d_model: d, d_kv: headWidth, num_heads: heads, vocab_size: vocabulary } = config;
  const list = describeModules(config, ownHead);
  return {
    family: config.model_type,
    kind: 'encoder-decoder',
    sites: list.sites,
    shapes: list.shapes,
    layers: layersOf(config).decoder,
    heads,
    kvHeads: heads,
    width: d,
    headWidth,
    vocabulary,
    // Positions are relative: there is no last one.
    positions: Infinity,
    embedding,
    head: ownHead ? ownHeadName : embedding,
    mayTie: true,
    startToken: config.decoder_start_token_id,
    transposed: true,
    initial: (name) => initialOf(config, name),
    aliases: (name) =>
      name === embedding
        ? ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', ...(ownHead ? [] : [ownHeadName])]
        : [],
    // A bias that old checkpoints hold and nothing reads.
    isBuffer: (name) => name.endsWith('EncDecAttention.relative_attention_bias.weight'),
    ...t5Stacks({
      layers: layersOf(config),
      heads,
      epsilon: config.layer_norm_epsilon,
      dropout: config.dropout_rate,
      gated: isGated(config),
      outputScale: isScaled(config) ? d ** -0.5 : undefined,
      buckets: config.relative_attention_num_buckets,
      farthest: config.relative_attention_max_distance,
      find: list.finder(),
    }),
  };
}

const embedding = 'shared.weight';
const isGated = (config: T5Config): boolean => config.feed_forward_proj === 'gated-gelu';
const layersOf = (config: T5Config): Readonly<Record<Stack, number>> => ({
  encoder: config.num_layers,
  decoder: config.num_decoder_layers ?? config.num_layers,
});

/** Hugging Face's T5PreTrainedModel: deviations by the number of inputs of a module, norms constant. */
function initialOf(config: T5Config, name: string): ReturnType<Architecture['initial']> {
  const { d_model: d, d_kv: headWidth, d_ff: inner, num_heads: heads, initializer_factor: factor } = config;
  if (name.endsWith('norm.weight')) return { kind: 'constant', value: factor };
  let inputs = d;
  if (/^(shared|lm_head)\./.test(name)) inputs = 1;
  else if (name.endsWith('.q.weight')) inputs = d * headWidth;
  else if (name.endsWith('.o.weight')) inputs = heads * headWidth;
  else if (name.endsWith('.wo.weight')) inputs = inner;
  return { kind: 'normal', deviation: factor / Math.sqrt(inputs) };
}

/** The sites and the tensors of T5. */
function describeModules(config: T5Config, ownHead: boolean): SiteList {
  const { d_model: d, d_kv: headWidth, d_ff: inner, num_heads: heads } = config;
  const width = heads * headWidth;
  const layers = layersOf(config);
  const list = new SiteList({ width: d, transposed: true });
  for (const stack of ['encoder', 'decoder'] as const) {
    const words = { role: 'wordEmbedding', name: wordsName(stack), rows: config.vocab_size } as const;
    list.embedding({ ...words, stack, layer: -1, shared: embedding });
    for (let layer = 0; layer < layers[stack]; layer++) {
      const block = `${stack}.block.${layer}`;
      const at = { stack, layer, bias: false };
      const attend = (attention: 'self' | 'cross', sublayer: string, name: string): void => {
        const of = { ...at, attention };
        list.norm({ ...of, role: 'attentionNorm', name: `${sublayer}.layer_norm` });
        list.linear({ ...of, role: 'query', name: `${name}.q`, inputs: d, outputs: width });
        list.linear({ ...of, role: 'key', name: `${name}.k`, inputs: d, outputs: width });
        list.linear({ ...of, role: 'value', name: `${name}.v`, inputs: d, outputs: width });
        list.linear({ ...of, role: 'attentionOutput', name: `${name}.o`, inputs: width, outputs: d });
        list.output('sublayer', { ...of, role: 'attention', name });
      };
      attend('self', `${block}.layer.0`, `${block}.layer.0.SelfAttention`);
      if (layer === 0) list.shapes[tableName(stack)] = [config.relative_attention_num_buckets, heads];
      if (stack === 'decoder') attend('cross', `${block}.layer.1`, `${block}.layer.1.EncDecAttention`);

      const sublayer = `${block}.layer.${stack === 'decoder' ? 2 : 1}`;
      const dense = `${sublayer}.DenseReluDense`;
      const up = isGated(config) ? 'wi_1' : 'wi';
      const widen = { ...at, inputs: d, outputs: inner };
      list.norm({ ...at, role: 'mlpNorm', name: `${sublayer}.layer_norm` });
      if (isGated(config)) list.linear({ ...widen, role: 'mlpGate', name: `${dense}.wi_0` });
      list.linear({ ...widen, role: 'mlpUp', name: `${dense}.${up}` });
      list.linear({ ...at, role: 'mlpOutput', name: `${dense}.wo`, inputs: inner, outputs: d });
      list.output('sublayer', { ...at, role: 'mlp', name: dense });
      list.output('block', { ...at, role: 'block', name: block });
    }
    const name = `${stack}.final_layer_norm`;
    list.norm({ stack, layer: layers[stack], role: 'finalNorm', name, bias: false });
  }
  const tied = ownHead ? {} : { shared: embedding };
  list.head({ layer: layers.decoder, outputs: config.vocab_size, ...tied });
  return list;
}
