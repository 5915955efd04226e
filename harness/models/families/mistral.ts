/** Mistral: Llama whose layers see a sliding window. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { windowFields, windowsOf } from './parts/attention-windows.ts';
import { checkHeads, llamaFields, llamaLike, withRope } from './llama-like.ts';

/** The part of Hugging Face's MistralConfig that the forward pass depends on. */
export const mistralConfig = z
  .looseObject({
    model_type: z.literal('mistral'),
    ...llamaFields,
    max_position_embeddings: llamaFields.max_position_embeddings.default(131_072),
    sliding_window: windowFields.sliding_window.default(4096),
    layer_types: z.null().optional(),
  })
  .superRefine(checkHeads)
  .transform(withRope());

/** Mistral (Jiang et al., 2023) as Hugging Face's MistralForCausalLM computes it. */
export function mistral(config: z.infer<typeof mistralConfig>, ownHead?: boolean): Architecture {
  return llamaLike('mistral', config, ownHead, {
    classifier: { className: 'Mistral' },
    attention: { windows: windowsOf(config, () => true) },
  });
}
