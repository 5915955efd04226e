/** Llama: its config.json, and the settings that give its linears biases. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { checkHeads, llamaBiases, llamaFields, llamaLike, withRope } from './llama-like.ts';

/** The part of Hugging Face's LlamaConfig that the forward pass depends on. */
export const llamaConfig = z
  .looseObject({
    model_type: z.literal('llama'),
    ...llamaFields,
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
  })
  .superRefine(checkHeads)
  .transform(withRope());

/** Llama 1 to 3 (Touvron et al., 2023; SmolLM2 is one) as Hugging Face's LlamaForCausalLM computes it. */
export function llama(config: z.infer<typeof llamaConfig>, ownHead?: boolean): Architecture {
  return llamaLike('llama', config, ownHead, {
    classifier: { className: 'Llama' },
    ...llamaBiases(config),
  });
}
