/** BART: its config.json, and the parts of its stacks. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { encoderDecoderFamily } from './encoder-decoder/family.ts';
import type { StackName, StackParts, SublayerNames } from './encoder-decoder/parts.ts';
import { activationNames } from './parts/activations.ts';
import { headCount, layerCount, tableRows, widthSize } from './parts/config-fields.ts';

const rate = z.number().min(0).lt(1).default(0);
const noLayerdrop = z.literal(0).default(0);

/** The part of Hugging Face's BartConfig that the forward pass depends on. */
export const bartConfig = z
  .looseObject({
    model_type: z.literal('bart'),
    vocab_size: tableRows,
    d_model: widthSize,
    encoder_layers: layerCount,
    decoder_layers: layerCount,
    encoder_attention_heads: headCount,
    decoder_attention_heads: headCount,
    encoder_ffn_dim: widthSize,
    decoder_ffn_dim: widthSize,
    max_position_embeddings: tableRows.default(1024),
    activation_function: z.enum(activationNames).default('gelu'),
    scale_embedding: z.boolean().default(false),
    dropout: rate.default(0.1),
    attention_dropout: rate,
    activation_dropout: rate,
    classifier_dropout: rate,
    encoder_layerdrop: noLayerdrop,
    decoder_layerdrop: noLayerdrop,
    init_std: z.number().positive().default(0.02),
    is_encoder_decoder: z.literal(true).default(true),
    tie_word_embeddings: z.boolean().default(true),
    decoder_start_token_id: z.int().min(0).default(2),
    eos_token_id: z.int().min(0).default(2),
    // Old checkpoints: norms before the sublayers, static positions.
    normalize_before: z.literal(false).default(false),
    static_position_embeddings: z.literal(false).default(false),
    quantization_config: z.null().optional(),
  })
  .superRefine((config, context) => {
    for (const stack of ['encoder', 'decoder'] as const) {
      const heads = config[`${stack}_attention_heads`];
      if (config.d_model % heads === 0) continue;
      const message = `${config.d_model} is no multiple of ${stack}_attention_heads ${heads}`;
      context.addIssue({ code: 'custom', path: ['d_model'], message });
    }
  });
type BartConfig = z.infer<typeof bartConfig>;

const outputBias = 'final_logits_bias';

/**
 * BART (Lewis et al., 2020) as Hugging Face's BartForConditionalGeneration computes it: post-norm blocks, learnt
 * positions from row 2 on, a norm of the embeddings, and logits with a bias that nothing trains.
 */
export function bart(config: BartConfig, ownHead = !config.tie_word_embeddings): Architecture {
  const { d_model: d, init_std: deviation } = config;
  return encoderDecoderFamily(
    {
      family: 'bart',
      root: 'model.',
      embedding: 'model.shared.weight',
      vocabulary: config.vocab_size,
      positions: config.max_position_embeddings,
      width: d,
      encoder: stackOf(config, 'encoder'),
      decoder: stackOf(config, 'decoder'),
      place: { kind: 'learned', rows: config.max_position_embeddings + 2, first: 2 },
      order: 'post',
      norm: { kind: 'layer', epsilon: 1e-5 },
      bias: true,
      scaled: true,
      activation: config.activation_function,
      embeddingScale: config.scale_embedding ? Math.sqrt(d) : undefined,
      outputBias,
      dropout: {
        residual: config.dropout,
        probabilities: config.attention_dropout,
        inner: config.activation_dropout,
      },
      startToken: config.decoder_start_token_id,
      endToken: config.eos_token_id,
      classifier: { className: 'Bart', dropout: config.classifier_dropout },
      deviation,
      initial(name) {
        if (/norm(_embedding)?\.weight$/.test(name)) return { kind: 'constant', value: 1 };
        if (name === outputBias || name.endsWith('.bias')) return { kind: 'constant', value: 0 };
        return { kind: 'normal', deviation };
      },
      // fairseq's checkpoints hold a number for the version of their format.
      isBuffer: (name) => /(^|\.)(encoder|decoder)\.version$/.test(name),
    },
    ownHead,
  );
}

/** BART's names of a sublayer of attention. */
const attentionNames = (name: string): SublayerNames => ({
  name,
  norm: `${name}_layer_norm`,
  modules: {
    query: `${name}.q_proj`,
    key: `${name}.k_proj`,
    value: `${name}.v_proj`,
    attentionOutput: `${name}.out_proj`,
  },
  dropouts: { residual: `${name}.residual_dropout`, inner: `${name}.dropout` },
});

const mlpNames: SublayerNames = {
  // Hugging Face has no module around the two linears.
  name: 'mlp',
  norm: 'final_layer_norm',
  modules: { mlpUp: 'fc1', mlpOutput: 'fc2' },
  dropouts: { residual: 'dropout', inner: 'activation_dropout' },
};

function stackOf(config: BartConfig, stack: StackName): StackParts {
  const heads = config[`${stack}_attention_heads`];
  const module = (name: string): string => `model.${stack}.${name}`;
  return {
    layers: config[`${stack}_layers`],
    heads,
    headWidth: config.d_model / heads,
    inner: config[`${stack}_ffn_dim`],
    blocks: module('layers'),
    self: attentionNames('self_attn'),
    ...(stack === 'decoder' && { cross: attentionNames('encoder_attn') }),
    mlp: mlpNames,
    words: module('embed_tokens'),
    positions: module('embed_positions'),
    embeddingNorm: module('layernorm_embedding'),
    dropouts: { embedding: module('dropout') },
  };
}
