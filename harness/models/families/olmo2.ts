/** OLMo 2: Llama with norms behind its sublayers in place of before them, and norms of queries and keys. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import {
  checkHeads,
  llamaBiases,
  llamaFields,
  llamaLike,
  llamaNames,
  queryKeyNorms,
  withRope,
} from './llama-like.ts';

/** The part of Hugging Face's Olmo2Config that the forward pass depends on. */
export const olmo2Config = z
  .looseObject({
    model_type: z.literal('olmo2'),
    ...llamaFields,
    rms_norm_eps: z.number().positive().default(1e-5),
    attention_bias: z.boolean().default(false),
  })
  .superRefine(checkHeads)
  .transform(withRope());

/** OLMo 2 (OLMo Team, 2024) as Hugging Face's Olmo2ForCausalLM computes it. */
export function olmo2(config: z.infer<typeof olmo2Config>, ownHead?: boolean): Architecture {
  return llamaLike('olmo2', config, ownHead, {
    classifier: { className: 'Olmo2', padToken: 1 },
    ...llamaBiases(config),
    names: llamaNames({
      ...queryKeyNorms,
      attentionNorm: undefined,
      attentionOutputNorm: 'post_attention_layernorm',
      mlpNorm: undefined,
      mlpOutputNorm: 'post_feedforward_layernorm',
    }),
    attention: { normed: 'width' },
  });
}
