/** Gemma 2 and 3 (text): norms around each sublayer, soft caps, local and global layers, scaled embeddings. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import type { FamilyName } from '../edits.ts';
import { checkWindows, windowFields, windowsOf } from './parts/attention-windows.ts';
import { layerCount, widthSize } from './parts/config-fields.ts';
import type { DecoderParts } from './decoder/parts.ts';
import {
  checkHeads,
  llamaBiases,
  type LlamaConfig,
  llamaFields,
  llamaLike,
  llamaNames,
  queryKeyNorms,
  withRope,
} from './llama-like.ts';
import { readRope } from './parts/rotary.ts';

const positive = z.number().positive();
const fields = {
  ...llamaFields,
  hidden_act: z.unknown().optional(),
  hidden_activation: z.literal('gelu_pytorch_tanh').nullish(),
  head_dim: widthSize.multipleOf(2).default(256),
  num_key_value_heads: llamaFields.num_key_value_heads.default(4),
  tie_word_embeddings: z.boolean().default(true),
  sliding_window: windowFields.sliding_window.default(4096),
  layer_types: windowFields.layer_types,
  query_pre_attn_scalar: positive.default(256),
  attention_bias: z.boolean().default(false),
  use_bidirectional_attention: z.literal(false).nullish(),
};

/** The part of Hugging Face's Gemma2Config that the forward pass depends on. */
export const gemma2Config = z
  .looseObject({
    model_type: z.literal('gemma2'),
    ...fields,
    max_position_embeddings: llamaFields.max_position_embeddings.default(8192),
    final_logit_softcapping: positive.nullable().default(30),
    attn_logit_softcapping: positive.nullable().default(50),
  })
  .superRefine(checkHeads)
  .superRefine(checkWindows)
  .transform(withRope());
type Gemma2 = z.infer<typeof gemma2Config>;

/** The part of Hugging Face's Gemma3TextConfig that the forward pass depends on. */
export const gemma3Config = z
  .looseObject({
    model_type: z.literal('gemma3_text'),
    ...fields,
    max_position_embeddings: llamaFields.max_position_embeddings.default(131_072),
    final_logit_softcapping: positive.nullish(),
    // transformers reads a cap of the scores here and takes no notice of it.
    attn_logit_softcapping: z.null().optional(),
    sliding_window_pattern: layerCount.default(6),
    rope_local_base_freq: positive.nullish(),
  })
  .superRefine(checkHeads)
  .superRefine(checkWindows)
  .transform((config, context) => {
    const { rope_parameters: both, rope_theta, rope_scaling, rope_local_base_freq } = config;
    const given = (both ?? {}) as Record<string, Record<string, unknown> | undefined>;
    const sizes = { headWidth: config.head_dim, positions: config.max_position_embeddings };
    const far = { rope_theta, rope_scaling, rope_parameters: given.full_attention };
    const near = { rope_theta: rope_local_base_freq, rope_parameters: given.sliding_attention };
    const globally = readRope(far, context, 1_000_000, sizes);
    const locally = readRope(near, context, 10_000, sizes);
    return globally && locally ? { ...config, rope: globally, localRope: locally } : z.NEVER;
  });

/** What both depend on. */
interface GemmaConfig extends LlamaConfig {
  readonly attention_bias: boolean;
  readonly query_pre_attn_scalar: number;
  readonly final_logit_softcapping?: number | null | undefined;
  readonly attn_logit_softcapping?: number | null | undefined;
}

/** The parts that both have. */
function gemma(
  family: FamilyName,
  config: GemmaConfig,
  ownHead: boolean | undefined,
  windows: readonly (number | undefined)[],
  more: Partial<DecoderParts> = {},
): Architecture {
  return llamaLike(family, config, ownHead, {
    classifier: { className: family === 'gemma2' ? 'Gemma2' : 'Gemma3Text', padToken: 0 },
    ...llamaBiases(config),
    names: llamaNames(norms),
    norm: { kind: 'rms', epsilon: config.rms_norm_eps, offset: 1 },
    activation: 'gelu_pytorch_tanh',
    embeddingScale: Math.sqrt(config.hidden_size),
    logitCap: config.final_logit_softcapping ?? undefined,
    ...more,
    attention: {
      scale: 1 / Math.sqrt(config.query_pre_attn_scalar),
      softCap: config.attn_logit_softcapping ?? undefined,
      windows,
      ...more.attention,
    },
  });
}

const norms = {
  attentionOutputNorm: 'post_attention_layernorm',
  mlpNorm: 'pre_feedforward_layernorm',
  mlpOutputNorm: 'post_feedforward_layernorm',
} as const;

/** Gemma 2 (Gemma Team, 2024) as Hugging Face's Gemma2ForCausalLM computes it. */
export function gemma2(config: Gemma2, ownHead?: boolean): Architecture {
  return gemma(
    'gemma2',
    config,
    ownHead,
    windowsOf(config, (layer) => layer % 2 === 0),
  );
}

/** The text model of Gemma 3 (Gemma Team, 2025) as Hugging Face's Gemma3ForCausalLM computes it. */
export function gemma3(config: z.infer<typeof gemma3Config>, ownHead?: boolean): Architecture {
  const { sliding_window_pattern: pattern, rope, localRope } = config;
  const slides = windowsOf({ ...config, sliding_window: 1 }, (layer) => (layer + 1) % pattern !== 0);
  const windows = slides.map((isLocal) => (isLocal ? (config.sliding_window ?? undefined) : undefined));
  return gemma('gemma3_text', config, ownHead, windows, {
    names: llamaNames({ ...norms, ...queryKeyNorms }),
    place: {
      kind: 'rotary',
      tables: slides.map((isLocal) => (isLocal ? localRope.table : rope.table)),
    },
    attention: { normed: 'head' },
  });
}
