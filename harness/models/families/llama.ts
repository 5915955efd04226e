import { z } from 'zod';
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { headCount, layerCount, tableRows, widthSize } from './config-fields.ts';
import { ownHeadName } from '../architecture.ts';
import type {
  PrefixStates,
  Architecture,
  DecoderBatch,
  DecoderStates,
  ModelTensors,
} from '../architecture.ts';
import {
  attendPast,
  attendTokens,
  blockAt,
  causalBias,
  linearAt,
  rmsNormAt,
  selectWanted,
  sublayerAt,
} from './layers.ts';
import { gatherRopeParameters, inverseFrequencies, ropeParameters } from './rotary.ts';
import type { Shape, Site } from '../edits.ts';

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
 * Llama (Touvron et al., 2023) as Hugging Face's LlamaForCausalLM computes it: RMSNorm, rotary embeddings, shared keys,
 * SwiGLU; its output has a weight of its own or is the embedding.
 */
export function llama(config: Config, ownHead = !config.tie_word_embeddings): Architecture {
  const {
    hidden_size: d,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    vocab_size: vocabulary,
  } = config;
  const kvHeads = config.num_key_value_heads ?? heads;
  const headWidth = config.head_dim ?? d / heads;
  const stack = 'decoder' as const;
  const embedding = 'model.embed_tokens.weight';

  const shapes: Record<string, Shape> = { [embedding]: [vocabulary, d] };
  const sites: Site[] = [];
  const norm = (role: Site['role'], layer: number, name: string): void => {
    sites.push({ kind: 'norm', role, stack, layer, name, inputs: d, outputs: d, bias: false });
    shapes[`${name}.weight`] = [d];
  };
  for (let layer = 0; layer < layers; layer++) {
    const h = `model.layers.${layer}`;
    const linear = (role: Site['role'], name: string, inputs: number, outputs: number): void => {
      const bias = role.startsWith('mlp') ? config.mlp_bias : config.attention_bias;
      sites.push({ kind: 'linear', role, stack, layer, name: `${h}.${name}`, inputs, outputs, bias });
      shapes[`${h}.${name}.weight`] = [outputs, inputs];
      if (bias) shapes[`${h}.${name}.bias`] = [outputs];
    };
    const whole = (kind: Site['kind'], role: Site['role'], name: string): void => {
      sites.push({ kind, role, stack, layer, name, inputs: d, outputs: d, bias: false });
    };
    norm('attentionNorm', layer, `${h}.input_layernorm`);
    linear('query', 'self_attn.q_proj', d, heads * headWidth);
    linear('key', 'self_attn.k_proj', d, kvHeads * headWidth);
    linear('value', 'self_attn.v_proj', d, kvHeads * headWidth);
    linear('attentionOutput', 'self_attn.o_proj', heads * headWidth, d);
    whole('sublayer', 'attention', `${h}.self_attn`);
    norm('mlpNorm', layer, `${h}.post_attention_layernorm`);
    linear('mlpGate', 'mlp.gate_proj', d, inner);
    linear('mlpUp', 'mlp.up_proj', d, inner);
    linear('mlpOutput', 'mlp.down_proj', inner, d);
    whole('sublayer', 'mlp', `${h}.mlp`);
    whole('block', 'block', h);
  }
  norm('finalNorm', layers, 'model.norm');
  if (ownHead) shapes[ownHeadName] = [vocabulary, d];
  const siteAt = new Map(sites.map((site) => [site.name, site]));
  const frequencies = inverseFrequencies(config.rope, headWidth);

  function decode(whole: ModelTensors, batch: DecoderBatch): DecoderStates {
    const { outputRows } = batch;
    let model = whole;
    const at = (name: string): Site => siteAt.get(name)!;
    const linear = (name: string, x: Tensor): Tensor => linearAt(model, at(name), true, x);
    const normalize = (name: string, x: Tensor): Tensor => rmsNormAt(model, at(name), config.rms_norm_eps, x);
    const scale = 1 / Math.sqrt(headWidth);
    const bias = batch.past ? undefined : (batch.bias ?? causalBias(batch.length));
    const keys: Tensor[] = [];
    const values: Tensor[] = [];
    const prefixStates: PrefixStates[] = [];
    // Behind a past, prefix and virtual tokens stand in the cache, and positions count them already.
    const prefixes = Array.from({ length: layers }, (_, layer) =>
      batch.past ? undefined : model.edits.prefix?.(at(`model.layers.${layer}.self_attn`)),
    );
    const prompt = batch.past ? undefined : model.edits.prompt?.(stack);
    const [before, virtual] = [prefixes[0]?.key.shape[0] ?? 0, prompt?.shape[0] ?? 0];

    const words = ops.gather(model.weight(embedding), batch.ids);
    const own = batch.positions.cast('float32').add(before + virtual);
    const places = Float32Array.from({ length: virtual }, (_, i) => before + i);
    const positions = virtual > 0 ? ops.concat([own, ops.tensor(places)], 0) : own;
    const angles = positions.reshape([-1, 1]).mul(ops.tensor(frequencies, [1, headWidth / 2]));
    const [cos, sin] = [angles.cos(), angles.sin()];

    let x = prompt ? ops.concat([words, prompt], 0) : words;
    ops.boundary(x);
    for (let layer = 0; layer < layers; layer++) {
      const h = `model.layers.${layer}`;

      let attended = normalize(`${h}.input_layernorm`, x);
      const query = ops.rotate(linear(`${h}.self_attn.q_proj`, attended), cos, sin);
      const key = ops.rotate(linear(`${h}.self_attn.k_proj`, attended), cos, sin);
      const value = linear(`${h}.self_attn.v_proj`, attended);
      let mixed: Tensor;
      if (batch.past) {
        keys.push(key);
        values.push(value);
        mixed = attendPast(query, key, value, { past: batch.past, layer, heads, scale });
      } else {
        const keep = (shape: number[], rows: string): Tensor | undefined =>
          model.dropout
            ? model.context.dropoutMask(shape, config.attention_dropout, `${h}.self_attn.dropout${rows}`)
            : undefined;
        // A method's prefix is keys as they are, not turned by their positions, as in peft.
        const prefix = prefixes[layer];
        const options = { heads, scale, bias: bias!, virtual, prefix, keep };
        const made = attendTokens(batch, [query, key, value], options);
        keys.push(made.key);
        values.push(made.value);
        if (made.prefix) prefixStates.push(made.prefix);
        mixed = made.mixed;
      }
      if (outputRows && layer === layers - 1) {
        // From here on nothing reads the states of other tokens.
        model = model.only(outputRows);
        [x, attended, mixed] = [selectWanted(outputRows, x), selectWanted(outputRows, attended), selectWanted(outputRows, mixed)]; // prettier-ignore
      }
      x = x.add(sublayerAt(model, at(`${h}.self_attn`), linear(`${h}.self_attn.o_proj`, mixed), attended));

      const normal = normalize(`${h}.post_attention_layernorm`, x);
      const up = ops.swiGlu(linear(`${h}.mlp.gate_proj`, normal), linear(`${h}.mlp.up_proj`, normal));
      const m = sublayerAt(model, at(`${h}.mlp`), linear(`${h}.mlp.down_proj`, up), normal);
      x = blockAt(model, at(h), x.add(m));
    }
    const real = virtual > 0 && !outputRows ? ops.slice(x, [0, 0], [x.shape[0] - virtual, d]) : x;
    return { hidden: normalize('model.norm', real), keys, values, prefixes: prefixStates };
  }

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
    decode,
  };
}
