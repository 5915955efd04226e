/** StarCoder2: Llama with layer norms, biases, a plain MLP and a sliding window. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { activationNames } from './parts/activations.ts';
import { windowFields, windowsOf } from './parts/attention-windows.ts';
import { checkHeads, llamaFields, llamaLike, llamaNames, rate, withRope } from './llama-like.ts';

/** The part of Hugging Face's Starcoder2Config that the forward pass depends on. */
export const starcoder2Config = z
  .looseObject({
    model_type: z.literal('starcoder2'),
    ...llamaFields,
    num_key_value_heads: llamaFields.num_key_value_heads.default(2),
    max_position_embeddings: llamaFields.max_position_embeddings.default(4096),
    hidden_act: z.enum(activationNames).default('gelu_pytorch_tanh'),
    norm_epsilon: z.number().positive().default(1e-5),
    norm_type: z.literal('layer_norm').default('layer_norm'),
    initializer_range: z.number().positive().default(0.018_042),
    embedding_dropout: rate,
    residual_dropout: rate,
    use_bias: z.boolean().default(true),
    tie_word_embeddings: z.boolean().default(true),
    sliding_window: windowFields.sliding_window,
    layer_types: z.null().optional(),
  })
  .superRefine(checkHeads)
  .transform(withRope());

/** StarCoder2 (Lozhkov et al., 2024) as Hugging Face's Starcoder2ForCausalLM computes it. */
export function starcoder2(config: z.infer<typeof starcoder2Config>, ownHead?: boolean): Architecture {
  const { use_bias: bias } = config;
  return llamaLike('starcoder2', config, ownHead, {
    classifier: { className: 'Starcoder2' },
    names: llamaNames({ mlpGate: undefined, mlpUp: 'mlp.c_fc', mlpOutput: 'mlp.c_proj' }),
    norm: { kind: 'layer', epsilon: config.norm_epsilon },
    biases: { queryKeyValue: bias, attentionOutput: bias, mlp: bias },
    attention: { windows: windowsOf(config, () => true) },
    activation: config.hidden_act,
    dropout: {
      embedding: config.embedding_dropout,
      probabilities: config.attention_dropout,
      residual: config.residual_dropout,
    },
    biasSetting: () => 'use_bias',
  });
}
