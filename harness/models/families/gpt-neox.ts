/** GPT-NeoX and Pythia: both sublayers side by side, fused heads, a part of each head rotated. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { activationNames } from './parts/activations.ts';
import type { DecoderNames } from './decoder/parts.ts';
import { checkHeads, llamaFields, llamaLike, rate, withRope } from './llama-like.ts';

/** The part of Hugging Face's GPTNeoXConfig that the forward pass depends on. */
export const gptNeoxConfig = z
  .looseObject({
    model_type: z.literal('gpt_neox'),
    ...llamaFields,
    num_key_value_heads: z.null().optional(),
    head_dim: z.null().optional(),
    hidden_act: z.enum(activationNames).default('gelu'),
    hidden_dropout: rate,
    layer_norm_eps: z.number().positive().default(1e-5),
    use_parallel_residual: z.boolean().default(true),
    attention_bias: z.boolean().default(true),
    rotary_pct: z.number().positive().max(1).default(0.25),
    rotary_emb_base: z.number().positive().nullish(),
  })
  .superRefine(checkHeads)
  .transform((config, context) => {
    const { rotary_pct: partial_rotary_factor, rotary_emb_base: rope_theta } = config;
    return withRope(10_000, true)({ ...config, partial_rotary_factor, rope_theta }, context);
  });

const names: DecoderNames = {
  root: 'gpt_neox.',
  embedding: 'gpt_neox.embed_in',
  blocks: 'gpt_neox.layers',
  finalNorm: 'gpt_neox.final_layer_norm',
  attention: 'attention',
  mlp: 'mlp',
  modules: {
    attentionNorm: 'input_layernorm',
    queryKeyValue: 'attention.query_key_value',
    attentionOutput: 'attention.dense',
    mlpNorm: 'post_attention_layernorm',
    mlpUp: 'mlp.dense_h_to_4h',
    mlpOutput: 'mlp.dense_4h_to_h',
  },
};

/** GPT-NeoX (Black et al., 2022) and Pythia as Hugging Face's GPTNeoXForCausalLM computes them. */
export function gptNeox(config: z.infer<typeof gptNeoxConfig>, ownHead?: boolean): Architecture {
  const { attention_bias: bias, hidden_dropout: residual } = config;
  return llamaLike('gpt_neox', config, ownHead, {
    classifier: { className: 'GPTNeoX' },
    names,
    norm: { kind: 'layer', epsilon: config.layer_norm_eps },
    biases: { queryKeyValue: bias, attentionOutput: bias, mlp: true },
    attention: { interleaved: true },
    activation: config.hidden_act,
    parallel: config.use_parallel_residual,
    dropout: { embedding: residual, probabilities: config.attention_dropout, residual },
    biasSetting: () => 'attention_bias',
    // Older checkpoints hold masks and angles as buffers, and call the output embed_out.
    isBuffer: (name) => /\.attention\.(masked_bias|bias|rotary_emb\.inv_freq)$/.test(name),
    headAliases: ['embed_out.weight'],
  });
}
