/** SmolLM3: Llama with layers that know no positions. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { checkWindows, windowFields, windowsOf, withUsedWindow } from './parts/attention-windows.ts';
import { layerCount } from './parts/config-fields.ts';
import { checkHeads, llamaBiases, llamaFields, llamaLike, withRope } from './llama-like.ts';

/** The part of Hugging Face's SmolLM3Config that the forward pass depends on. */
export const smollm3Config = z
  .looseObject({
    model_type: z.literal('smollm3'),
    ...llamaFields,
    max_position_embeddings: llamaFields.max_position_embeddings.default(32_768),
    num_key_value_heads: llamaFields.num_key_value_heads.default(4),
    tie_word_embeddings: z.boolean().default(true),
    ...windowFields,
    use_sliding_window: z.boolean().default(false),
    no_rope_layers: z.array(z.literal([0, 1])).nullish(),
    no_rope_layer_interval: layerCount.default(4),
    attention_bias: z.boolean().default(false),
    mlp_bias: z.boolean().default(false),
  })
  .superRefine(checkHeads)
  .transform(withUsedWindow)
  .superRefine((config, context) => {
    const { no_rope_layers: given, num_hidden_layers: layers, layer_types, use_sliding_window } = config;
    // transformers reads layer_types here only where windows are used.
    checkWindows({ ...config, layer_types: use_sliding_window ? layer_types : null }, context);
    if (!given || given.length >= layers) return;
    const message = `has ${given.length} entries for ${layers} layers`;
    context.addIssue({ code: 'custom', path: ['no_rope_layers'], message });
  })
  .transform(withRope(2_000_000));

/** SmolLM3 (Bakouch et al., 2025) as Hugging Face's SmolLM3ForCausalLM computes it; 1 in no_rope_layers rotates. */
export function smollm3(config: z.infer<typeof smollm3Config>, ownHead?: boolean): Architecture {
  const { num_hidden_layers: layers, no_rope_layer_interval: interval, no_rope_layers: given, rope } = config;
  const rotates = (layer: number): boolean => (given ? given[layer] === 1 : (layer + 1) % interval !== 0);
  return llamaLike('smollm3', config, ownHead, {
    classifier: { className: 'SmolLM3', padToken: 128_004 },
    place: {
      kind: 'rotary',
      tables: Array.from({ length: layers }, (_, layer) => (rotates(layer) ? rope.table : undefined)),
    },
    attention: { windows: windowsOf(config, (layer) => !rotates(layer)) },
    ...llamaBiases(config),
  });
}
