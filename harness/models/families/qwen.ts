/** Qwen2, Qwen2.5 and Qwen3: Llama with biases of queries, keys and values, or norms of queries and keys. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { checkWindows, windowFields, windowsOf, withUsedWindow } from './parts/attention-windows.ts';
import { layerCount, widthSize } from './parts/config-fields.ts';
import {
  checkHeads,
  llamaBiases,
  llamaFields,
  llamaLike,
  llamaNames,
  queryKeyNorms,
  withRope,
} from './llama-like.ts';

const fields = {
  ...llamaFields,
  max_position_embeddings: llamaFields.max_position_embeddings.default(32_768),
  ...windowFields,
  use_sliding_window: z.boolean().default(false),
  max_window_layers: layerCount.or(z.literal(0)).default(28),
};

/** The part of Hugging Face's Qwen2Config that the forward pass depends on. */
export const qwen2Config = z
  .looseObject({ model_type: z.literal('qwen2'), ...fields })
  .superRefine(checkHeads)
  .transform(withUsedWindow)
  .superRefine(checkWindows)
  .transform(withRope());
type Qwen2 = z.infer<typeof qwen2Config>;

/** The part of Hugging Face's Qwen3Config that the forward pass depends on. */
export const qwen3Config = z
  .looseObject({
    model_type: z.literal('qwen3'),
    ...fields,
    head_dim: widthSize.multipleOf(2).default(128),
    attention_bias: z.boolean().default(false),
  })
  .superRefine(checkHeads)
  .transform(withUsedWindow)
  .superRefine(checkWindows)
  .transform(withRope());
type Qwen3 = z.infer<typeof qwen3Config>;

const windows = (config: Qwen2 | Qwen3): (number | undefined)[] =>
  windowsOf(config, (layer) => layer >= config.max_window_layers);

/** Qwen2 and Qwen2.5 (Qwen Team, 2024) as Hugging Face's Qwen2ForCausalLM computes them. */
export function qwen2(config: Qwen2, ownHead?: boolean): Architecture {
  return llamaLike('qwen2', config, ownHead, {
    classifier: { className: 'Qwen2' },
    biases: { queryKeyValue: true, attentionOutput: false, mlp: false },
    attention: { windows: windows(config) },
  });
}

/** Qwen3 (Qwen Team, 2025) as Hugging Face's Qwen3ForCausalLM computes it. */
export function qwen3(config: Qwen3, ownHead?: boolean): Architecture {
  return llamaLike('qwen3', config, ownHead, {
    classifier: { className: 'Qwen3' },
    ...llamaBiases(config),
    names: llamaNames(queryKeyNorms),
    attention: { normed: 'head', windows: windows(config) },
  });
}
