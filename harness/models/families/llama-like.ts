/**
 * What Llama and the families that follow it share: the fields of config.json, the names of modules, and the
 * parts of their decoders. A family's file says where it differs.
 */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import type { FamilyName, Site } from '../edits.ts';
import { headCount, layerCount, tableRows, widthSize } from './parts/config-fields.ts';
import { decoderFamily } from './decoder/family.ts';
import type { DecoderNames, DecoderParts } from './decoder/parts.ts';
import { type ReadRope, readRope } from './parts/rotary.ts';
import type { BlockRole } from './parts/site-list.ts';

/** A dropout rate. */
export const rate = z.number().min(0).lt(1).default(0);

/** The fields of config.json that the forward pass depends on in every such family. */
export const llamaFields = {
  vocab_size: tableRows,
  hidden_size: widthSize,
  intermediate_size: widthSize,
  num_hidden_layers: layerCount,
  num_attention_heads: headCount,
  num_key_value_heads: headCount.nullish(),
  head_dim: widthSize.multipleOf(2).nullish(),
  max_position_embeddings: tableRows.default(2048),
  hidden_act: z.literal('silu').default('silu'),
  rms_norm_eps: z.number().positive().default(1e-6),
  attention_dropout: rate,
  tie_word_embeddings: z.boolean().default(false),
  initializer_range: z.number().positive().default(0.02),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: z.looseObject({}).nullish(),
  rope_parameters: z.looseObject({}).nullish(),
  // Weights of another number format under the same names.
  quantization_config: z.null().optional(),
};
/** What the parts of Llama are made of. */
export interface LlamaConfig extends HeadConfig {
  readonly vocab_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly attention_dropout: number;
  readonly initializer_range: number;
  readonly tie_word_embeddings: boolean;
  readonly rope: ReadRope;
}
interface HeadConfig {
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number | null | undefined;
  readonly head_dim?: number | null | undefined;
}

/** How many heads keys and values have, and h. */
export function headSizes(config: HeadConfig): {
  kvHeads: number;
  headWidth: number;
} {
  const heads = config.num_attention_heads;
  return {
    kvHeads: config.num_key_value_heads ?? heads,
    headWidth: config.head_dim ?? config.hidden_size / heads,
  };
}

/** Reports heads that do not divide what they must, for zod's superRefine. */
export function checkHeads(config: HeadConfig, context: z.RefinementCtx): void {
  const { hidden_size, num_attention_heads: heads, num_key_value_heads, head_dim } = config;
  const refuse = (path: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  if (head_dim == null && hidden_size % (2 * heads) !== 0)
    refuse('hidden_size', `${hidden_size} gives no heads of an even width by num_attention_heads ${heads}`);
  if (heads % (num_key_value_heads ?? heads) !== 0)
    refuse('num_key_value_heads', `${num_key_value_heads} does not divide num_attention_heads ${heads}`);
}

type Positioned = HeadConfig & Pick<LlamaConfig, 'max_position_embeddings'> & Record<string, unknown>;

/**
 * Adds `rope` to a configuration, for zod's transform; `theta` is the family's default, `partial` says whether
 * it can rotate a part of a head.
 */
export const withRope =
  (theta = 10_000, partial = false) =>
  <Config extends Positioned>(config: Config, context: z.RefinementCtx): Config & { rope: ReadRope } => {
    const sizes = { ...headSizes(config), positions: config.max_position_embeddings, partial };
    const rope = readRope(config, context, theta, sizes);
    return rope ? { ...config, rope } : z.NEVER;
  };

const modules: Partial<Record<BlockRole, string>> = {
  attentionNorm: 'input_layernorm',
  query: 'self_attn.q_proj',
  key: 'self_attn.k_proj',
  value: 'self_attn.v_proj',
  attentionOutput: 'self_attn.o_proj',
  mlpNorm: 'post_attention_layernorm',
  mlpGate: 'mlp.gate_proj',
  mlpUp: 'mlp.up_proj',
  mlpOutput: 'mlp.down_proj',
};

/** Norms of queries and keys. */
export const queryKeyNorms = { queryNorm: 'self_attn.q_norm', keyNorm: 'self_attn.k_norm' } as const;

/** Llama's names, with the modules of a block that a family has in other places. */
export const llamaNames = (more: Partial<Record<BlockRole, string | undefined>> = {}): DecoderNames => ({
  root: 'model.',
  embedding: 'model.embed_tokens',
  blocks: 'model.layers',
  finalNorm: 'model.norm',
  attention: 'self_attn',
  mlp: 'mlp',
  modules: Object.fromEntries(
    Object.entries({ ...modules, ...more }).filter(([, name]) => name !== undefined),
  ),
});

/**
 * The biases of families that have Llama's settings, and which setting gives a linear one; without `mlp_bias` an MLP
 * can have none.
 */
export const llamaBiases = (config: {
  readonly attention_bias: boolean;
  readonly mlp_bias?: boolean;
}): Pick<DecoderParts, 'biases' | 'biasSetting'> => {
  const { attention_bias: attention, mlp_bias: mlp } = config;
  const ofMlp = mlp === undefined ? undefined : 'mlp_bias';
  return {
    biases: { queryKeyValue: attention, attentionOutput: attention, mlp: mlp ?? false },
    biasSetting: ({ role }: Site) => (role.startsWith('mlp') ? ofMlp : 'attention_bias'),
  };
};

/**
 * A family that computes as Llama does, in Hugging Face's LlamaForCausalLM, but for the given parts: RMSNorm
 * before each sublayer, rotary positions in all layers, keys that several queries share, SwiGLU, no biases.
 */
export function llamaLike(
  family: FamilyName,
  config: LlamaConfig,
  ownHead: boolean | undefined,
  more: Partial<DecoderParts> & Pick<DecoderParts, 'classifier'>,
): Architecture {
  const layers = config.num_hidden_layers;
  const { rope } = config;
  const parts: DecoderParts = {
    family,
    names: llamaNames(),
    vocabulary: config.vocab_size,
    positions: rope.positions,
    layers,
    width: config.hidden_size,
    heads: config.num_attention_heads,
    ...headSizes(config),
    inner: config.intermediate_size,
    transposed: true,
    norm: { kind: 'rms', epsilon: config.rms_norm_eps },
    biases: { queryKeyValue: false, attentionOutput: false, mlp: false },
    place: { kind: 'rotary', tables: Array.from({ length: layers }, () => rope.table) },
    attention: {},
    activation: 'silu',
    dropout: { embedding: 0, probabilities: config.attention_dropout, residual: 0 },
    deviation: config.initializer_range,
    tied: config.tie_word_embeddings,
    ...more,
  };
  return decoderFamily(parts, ownHead);
}
