/** T5 1.0 and 1.1, and mT5: their config.json, and the parts of their stacks. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { encoderDecoderFamily } from './encoder-decoder/family.ts';
import type { StackName, StackParts, SublayerNames } from './encoder-decoder/parts.ts';
import { headCount, layerCount, tableRows, widthSize } from './parts/config-fields.ts';

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
  classifier_dropout: z.number().min(0).lt(1).default(0),
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
  const { d_model: d, dropout_rate: rate } = config;
  return encoderDecoderFamily(
    {
      family: config.model_type,
      root: '',
      embedding: 'shared.weight',
      vocabulary: config.vocab_size,
      // Positions are relative: there is no last one.
      positions: Infinity,
      width: d,
      encoder: stackOf(config, 'encoder'),
      decoder: stackOf(config, 'decoder'),
      place: {
        kind: 'relative',
        buckets: config.relative_attention_num_buckets,
        farthest: config.relative_attention_max_distance,
      },
      order: 'pre',
      norm: { kind: 'rms', epsilon: config.layer_norm_epsilon },
      bias: false,
      scaled: false,
      activation: isGated(config) ? 'gelu_new' : 'relu',
      outputScale: isScaled(config) ? d ** -0.5 : undefined,
      dropout: { residual: rate, probabilities: rate, inner: rate },
      startToken: config.decoder_start_token_id,
      endToken: 1,
      classifier: {
        className: config.model_type === 't5' ? 'T5' : 'MT5',
        dropout: config.classifier_dropout,
      },
      classifierRoot: 'transformer.',
      deviation: config.initializer_factor / Math.sqrt(d),
      initial: (name) => initialOf(config, name),
      // A bias that old checkpoints hold and nothing reads.
      isBuffer: (name) => name.endsWith('EncDecAttention.relative_attention_bias.weight'),
    },
    ownHead,
  );
}

const isGated = (config: T5Config): boolean => config.feed_forward_proj === 'gated-gelu';

/** T5's names of a sublayer of attention, the `layer`-th of a block. */
function attentionNames(layer: number, module: string): SublayerNames {
  const name = `layer.${layer}.${module}`;
  return {
    name,
    norm: `layer.${layer}.layer_norm`,
    modules: { query: `${name}.q`, key: `${name}.k`, value: `${name}.v`, attentionOutput: `${name}.o` },
    dropouts: { residual: `layer.${layer}.dropout`, inner: `${name}.dropout` },
  };
}

function stackOf(config: T5Config, stack: StackName): StackParts {
  const isDecoder = stack === 'decoder';
  const last = isDecoder ? 2 : 1;
  const dense = `layer.${last}.DenseReluDense`;
  const wide = isGated(config)
    ? { mlpGate: `${dense}.wi_0`, mlpUp: `${dense}.wi_1` }
    : { mlpUp: `${dense}.wi` };
  return {
    layers: (isDecoder ? config.num_decoder_layers : undefined) ?? config.num_layers,
    heads: config.num_heads,
    headWidth: config.d_kv,
    inner: config.d_ff,
    blocks: `${stack}.block`,
    self: attentionNames(0, 'SelfAttention'),
    ...(isDecoder && { cross: attentionNames(1, 'EncDecAttention') }),
    mlp: {
      name: dense,
      norm: `layer.${last}.layer_norm`,
      modules: { ...wide, mlpOutput: `${dense}.wo` },
      dropouts: { residual: `layer.${last}.dropout`, inner: `${dense}.dropout` },
    },
    words: `${stack}.embed_tokens`,
    positions: `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias`,
    finalNorm: `${stack}.final_layer_norm`,
    dropouts: { embedding: `${stack}.dropout`, final: `${stack}.final_dropout` },
  };
}

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
