/** Llama: its config.json, its sites and tensors, and what it gives to the decoder stack. */
import { z } from 'zod';
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { type Architecture, ownHeadName } from '../architecture.ts';
import type { Site } from '../edits.ts';
import { headCount, layerCount, tableRows, widthSize } from './config-fields.ts';
import { type AddedTokens, type DecoderForm, DecoderStack, type Rotation } from './decoder-stack.ts';
import { embeddingAt, linearAt, rmsNormAt } from './layers.ts';
import { gatherRopeParameters, inverseFrequencies, ropeParameters } from './rotary.ts';
import { SiteList } from './site-list.ts';

/** The part of Hugging Face's LlamaConfig that the forward pass depends on. */
export const llamaConfig = z
  .looseObject({
    model_type: z.literal('llama'),
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
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
    attention_dropout: z.number().min(0).lt(1).default(0),
    tie_word_embeddings: z.boolean().default(false),
    initializer_range: z.number().positive().default(0.02),
    rope_theta: z.number().positive().nullish(),
    rope_scaling: z.looseObject({}).nullish(),
    rope_parameters: z.looseObject({}).nullish(),
    // Weights of another number format under the same names.
    quantization_config: z.null().optional(),
  })
  .superRefine(({ hidden_size, num_attention_heads: heads, num_key_value_heads, head_dim }, context) => {
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (head_dim == null && hidden_size % (2 * heads) !== 0)
      refuse('hidden_size', `${hidden_size} gives no heads of an even width by num_attention_heads ${heads}`);
    if (heads % (num_key_value_heads ?? heads) !== 0)
      refuse('num_key_value_heads', `${num_key_value_heads} does not divide num_attention_heads ${heads}`);
  })
  .transform((config, context) => {
    const rope = ropeParameters.safeParse(gatherRopeParameters(config));
    if (rope.success) return { ...config, rope: rope.data };
    for (const { path, message } of rope.error.issues) context.addIssue({ code: 'custom', path, message });
    return z.NEVER;
  });
type Config = z.infer<typeof llamaConfig>;

/**
 * Llama (Touvron et al., 2023) as Hugging Face's LlamaForCausalLM computes it: RMSNorm, rotary embeddings,
 * keys that several queries share, SwiGLU; its output has a weight of its own or is the embedding.
 */
export function llama(config: Config, ownHead = !config.tie_word_embeddings): Architecture {
  const { hidden_size: d, num_hidden_layers: layers, num_attention_heads: heads } = config;
  const vocabulary = config.vocab_size;
  const { kvHeads, headWidth } = headSizes(config);
  const { sites, shapes } = describeModules(config, ownHead);
  const stack = new DecoderStack(describeForm(config, sites));

  return {
    family: 'llama',
    kind: 'decoder',
    sites,
    shapes,
    layers,
    heads,
    kvHeads,
    width: d,
    headWidth,
    vocabulary,
    positions: config.max_position_embeddings,
    embedding,
    head: ownHead ? ownHeadName : embedding,
    mayTie: config.tie_word_embeddings,
    transposed: true,
    biasSetting: ({ role }) => (role.startsWith('mlp') ? 'mlp_bias' : 'attention_bias'),
    initial(name) {
      if (name.endsWith('norm.weight')) return { kind: 'constant', value: 1 };
      if (name.endsWith('.bias')) return { kind: 'constant', value: 0 };
      return { kind: 'normal', deviation: config.initializer_range };
    },
    aliases: (name) => [
      name.replace(/^model\./, ''),
      ...(name === embedding && !ownHead ? [ownHeadName] : []),
    ],
    isBuffer: (name) => name.endsWith('rotary_emb.inv_freq'),
    decode: (model, batch) => stack.decode(model, batch),
  };
}

const words = 'model.embed_tokens';
const embedding = `${words}.weight`;

/** How many heads keys and values have, and h. */
function headSizes(config: Config): { kvHeads: number; headWidth: number } {
  const heads = config.num_attention_heads;
  return {
    kvHeads: config.num_key_value_heads ?? heads,
    headWidth: config.head_dim ?? config.hidden_size / heads,
  };
}

/** What Llama gives to the decoder stack. */
function describeForm(config: Config, sites: readonly Site[]): DecoderForm {
  const { headWidth } = headSizes(config);
  const frequencies = inverseFrequencies(config.rope, headWidth);
  return {
    sites,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    headWidth,
    transposed: true,
    dropout: { probabilities: config.attention_dropout, residual: 0 },
    dropoutNames: (block) => ({
      probabilities: `${block}.self_attn.dropout`,
      attention: `${block}.self_attn.resid_dropout`,
      mlp: `${block}.mlp.dropout`,
    }),
    embed(model, find, batch, added) {
      const words = embeddingAt(model, find('wordEmbedding'), batch.ids);
      const x = added.prompt ? ops.concat([words, added.prompt], 0) : words;
      return { x, rotation: rotationsOf(batch.positions, added, frequencies) };
    },
    norm: (model, site, x) => rmsNormAt(model, site, config.rms_norm_eps, x),
    // The keys of a method's prefix are not rotated, as in peft.
    queryKeyValue(model, find, x, rotation) {
      const { cos, sin } = rotation!;
      const query = ops.rotate(linearAt(model, find('query'), true, x), cos, sin);
      const key = ops.rotate(linearAt(model, find('key'), true, x), cos, sin);
      return [query, key, linearAt(model, find('value'), true, x)];
    },
    mlp(model, find, x) {
      const gate = linearAt(model, find('mlpGate'), true, x);
      const inner = ops.swiGlu(gate, linearAt(model, find('mlpUp'), true, x));
      return linearAt(model, find('mlpOutput'), true, inner);
    },
  };
}

/**
 * Rotary embeddings of the N tokens by their positions, then of the l virtual ones, which stand before every
 * sequence: [N + l, h / 2].
 */
function rotationsOf(
  ofBatch: Tensor,
  { virtual, prefixLength }: AddedTokens,
  frequencies: Float32Array,
): Rotation {
  const ofTokens = ofBatch.cast('float32').add(prefixLength + virtual);
  const ofVirtual = Float32Array.from({ length: virtual }, (_, i) => prefixLength + i);
  const positions = virtual > 0 ? ops.concat([ofTokens, ops.tensor(ofVirtual)], 0) : ofTokens;
  const angles = positions.reshape([-1, 1]).mul(ops.tensor(frequencies, [1, frequencies.length]));
  return { cos: angles.cos(), sin: angles.sin() };
}

/** The sites and the tensors of Llama. */
function describeModules(config: Config, ownHead: boolean): SiteList {
  const { hidden_size: d, intermediate_size: inner, num_hidden_layers: layers } = config;
  const { kvHeads, headWidth } = headSizes(config);
  const [queries, keys] = [config.num_attention_heads * headWidth, kvHeads * headWidth];
  const list = new SiteList({ width: d, transposed: true });
  const stack = 'decoder' as const;
  list.embedding({ stack, layer: -1, role: 'wordEmbedding', name: words, rows: config.vocab_size });
  for (let layer = 0; layer < layers; layer++) {
    const h = `model.layers.${layer}`;
    const at = { stack, layer };
    const attention = { ...at, bias: config.attention_bias };
    const mlp = { ...at, bias: config.mlp_bias };
    list.norm({ ...at, role: 'attentionNorm', name: `${h}.input_layernorm`, bias: false });
    list.linear({ ...attention, role: 'query', name: `${h}.self_attn.q_proj`, inputs: d, outputs: queries });
    list.linear({ ...attention, role: 'key', name: `${h}.self_attn.k_proj`, inputs: d, outputs: keys });
    list.linear({ ...attention, role: 'value', name: `${h}.self_attn.v_proj`, inputs: d, outputs: keys });
    const output = { name: `${h}.self_attn.o_proj`, inputs: queries, outputs: d };
    list.linear({ ...attention, ...output, role: 'attentionOutput' });
    list.output('sublayer', { ...at, role: 'attention', name: `${h}.self_attn` });
    list.norm({ ...at, role: 'mlpNorm', name: `${h}.post_attention_layernorm`, bias: false });
    list.linear({ ...mlp, role: 'mlpGate', name: `${h}.mlp.gate_proj`, inputs: d, outputs: inner });
    list.linear({ ...mlp, role: 'mlpUp', name: `${h}.mlp.up_proj`, inputs: d, outputs: inner });
    list.linear({ ...mlp, role: 'mlpOutput', name: `${h}.mlp.down_proj`, inputs: inner, outputs: d });
    list.output('sublayer', { ...at, role: 'mlp', name: `${h}.mlp` });
    list.output('block', { ...at, role: 'block', name: h });
  }
  list.norm({ stack, layer: layers, role: 'finalNorm', name: 'model.norm', bias: false });
  list.head({ layer: layers, outputs: config.vocab_size, ...(!ownHead && { shared: embedding }) });
  return list;
}
