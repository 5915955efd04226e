/** ModernBERT: its config.json, and the parts of its encoder. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import type { Site } from '../edits.ts';
import { encoderFields, headsDivide } from './bert-like.ts';
import { encoderFamily } from './encoder/family.ts';
import type { EncoderBlockNames } from './encoder/parts.ts';
import { checkWindows, windowFields } from './parts/attention-windows.ts';
import { layerCount, tableRows } from './parts/config-fields.ts';
import { readRope } from './parts/rotary.ts';

const { vocab_size, hidden_size, num_hidden_layers, num_attention_heads, intermediate_size } = encoderFields;
const rate = encoderFields.hidden_dropout_prob.default(0);
const theta = z.number().positive();

/** The part of Hugging Face's ModernBertConfig that the forward pass depends on. */
export const modernbertConfig = z
  .looseObject({
    model_type: z.literal('modernbert'),
    vocab_size,
    hidden_size,
    num_hidden_layers,
    num_attention_heads,
    intermediate_size,
    max_position_embeddings: tableRows.default(8192),
    hidden_activation: encoderFields.hidden_act,
    initializer_range: encoderFields.initializer_range,
    norm_eps: z.number().positive().default(1e-5),
    norm_bias: z.boolean().default(false),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    attention_dropout: rate,
    embedding_dropout: rate,
    mlp_dropout: rate,
    layer_types: windowFields.layer_types,
    global_attn_every_n_layers: layerCount.default(3),
    local_attention: tableRows.default(128),
    global_rope_theta: theta.default(160_000),
    local_rope_theta: theta.default(10_000),
    rope_scaling: z.looseObject({}).nullish(),
    rope_parameters: z.looseObject({}).nullish(),
    classifier_pooling: z.enum(['cls', 'mean']).default('cls'),
    classifier_bias: z.boolean().default(false),
    classifier_activation: z.enum(['gelu', 'relu', 'tanh']).default('gelu'),
    classifier_dropout: rate,
    quantization_config: encoderFields.quantization_config,
  })
  .refine(headsDivide.check, { error: headsDivide.error })
  .superRefine((config, context) => {
    checkWindows({ ...config, sliding_window: config.local_attention }, context);
  })
  .transform((config, context) => {
    const { rope_parameters: both, rope_scaling, hidden_size: d, num_attention_heads: heads } = config;
    const given = (both ?? {}) as Record<string, Record<string, unknown> | undefined>;
    const sizes = { headWidth: d / heads, positions: config.max_position_embeddings };
    const read = (kind: string, theta: number) =>
      readRope({ rope_scaling, rope_parameters: given[kind] }, context, theta, sizes);
    const globally = read('full_attention', config.global_rope_theta);
    const locally = read('sliding_attention', config.local_rope_theta);
    return globally && locally ? { ...config, rope: globally, localRope: locally } : z.NEVER;
  });

const block: EncoderBlockNames = {
  attention: 'attn',
  mlp: 'mlp',
  modules: {
    attentionNorm: 'attn_norm',
    queryKeyValue: 'attn.Wqkv',
    attentionOutput: 'attn.Wo',
    mlpNorm: 'mlp_norm',
    mlpGateUp: 'mlp.Wi',
    mlpOutput: 'mlp.Wo',
  },
  dropouts: { probabilities: 'attn.dropout', attention: 'attn.out_drop', mlp: 'mlp.out_drop' },
};

/** The setting that gives a linear module a bias. */
const biasSetting = ({ role }: Site): string => (role.startsWith('mlp') ? 'mlp_bias' : 'attention_bias');

/**
 * ModernBERT (Warner et al., 2024) as Hugging Face's ModernBertModel computes it: norms before the sublayers, of
 * which the first is the embedding's, rotary positions by two thetas, GeGLU, and layers that see near tokens alone.
 */
export function modernbert(config: z.infer<typeof modernbertConfig>): Architecture {
  const { hidden_size: width, num_hidden_layers: layers, norm_eps: epsilon, norm_bias: normBias } = config;
  const every = config.global_attn_every_n_layers;
  const isLocal = Array.from({ length: layers }, (_, layer) =>
    config.layer_types ? config.layer_types[layer] === 'sliding_attention' : layer % every !== 0,
  );
  const { rope, localRope } = config;
  return encoderFamily({
    family: 'modernbert',
    root: 'model.',
    vocabulary: config.vocab_size,
    positions: Math.min(rope.positions, localRope.positions),
    width,
    heads: config.num_attention_heads,
    inner: config.intermediate_size,
    embedding: { width, words: 'model.embeddings.tok_embeddings', norm: 'model.embeddings.norm' },
    blocks: isLocal.map((_, layer) => `model.layers.${layer}`),
    block,
    order: { finalNorm: 'model.final_norm' },
    firstUnnormed: true,
    norm: { epsilon, bias: normBias },
    biases: { attention: config.attention_bias, mlp: config.mlp_bias },
    attention: {
      rotary: isLocal.map((local) => (local ? localRope.table : rope.table)),
      reach: isLocal.map((local) => (local ? Math.floor(config.local_attention / 2) : undefined)),
    },
    activation: config.hidden_activation,
    dropout: {
      embedding: config.embedding_dropout,
      probabilities: config.attention_dropout,
      attention: config.attention_dropout,
      inner: config.mlp_dropout,
      mlp: 0,
    },
    deviation: config.initializer_range,
    // Hugging Face's ModernBertPreTrainedModel: projections into the residual stream begin smaller.
    deviationOf: (name) => (name.endsWith('.Wo.weight') ? 1 / Math.sqrt(2 * layers) : 1),
    classifier: {
      className: 'ModernBert',
      pooling: config.classifier_pooling === 'cls' ? 'first' : 'mean',
      dense: 'head.dense',
      denseBias: config.classifier_bias,
      isPooler: false,
      activation: config.classifier_activation,
      norm: { name: 'head.norm', epsilon, bias: normBias },
      output: 'classifier',
      dropout: config.classifier_dropout,
      dropsInput: false,
    },
    biasSetting,
    otherHeads: /(head|decoder|classifier)\./,
  });
}
