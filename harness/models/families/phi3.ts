/** Phi-3 and Phi-4-mini: Llama with fused projections, and a part of each head rotated. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { windowFields, windowsOf } from './parts/attention-windows.ts';
import { tableRows } from './parts/config-fields.ts';
import { checkHeads, llamaFields, llamaLike, llamaNames, rate, withRope } from './llama-like.ts';

/** The part of Hugging Face's Phi3Config that the forward pass depends on. */
export const phi3Config = z
  .looseObject({
    model_type: z.literal('phi3'),
    ...llamaFields,
    max_position_embeddings: llamaFields.max_position_embeddings.default(4096),
    original_max_position_embeddings: tableRows.default(4096),
    rms_norm_eps: z.number().positive().default(1e-5),
    resid_pdrop: rate,
    sliding_window: windowFields.sliding_window,
    layer_types: z.null().optional(),
  })
  .superRefine(checkHeads)
  .transform(withPhiRope);

/** transformers reads the older names of longrope, su and yarn, in Phi-3 alone. */
function withPhiRope<Config extends Parameters<ReturnType<typeof withRope>>[0]>(
  config: Config & Record<string, unknown>,
  context: z.RefinementCtx,
) {
  const renamed = (given: unknown): unknown => {
    const settings = given as { type?: unknown; rope_type?: unknown } | null | undefined;
    const type = settings?.rope_type ?? settings?.type;
    return type === 'su' || type === 'yarn' ? { ...settings, rope_type: 'longrope' } : given;
  };
  const { rope_scaling, rope_parameters } = config;
  const read = { ...config, rope_scaling: renamed(rope_scaling), rope_parameters: renamed(rope_parameters) };
  return withRope(10_000, true)(read, context);
}

/** Phi-3 (Abdin et al., 2024) as Hugging Face's Phi3ForCausalLM computes it. */
export function phi3(config: z.infer<typeof phi3Config>, ownHead?: boolean): Architecture {
  const fused = { queryKeyValue: 'self_attn.qkv_proj', mlpGateUp: 'mlp.gate_up_proj' };
  const apart = { query: undefined, key: undefined, value: undefined, mlpGate: undefined, mlpUp: undefined };
  return llamaLike('phi3', config, ownHead, {
    classifier: { className: 'Phi3', padToken: 32_000 },
    names: llamaNames({ ...apart, ...fused }),
    attention: { windows: windowsOf(config, () => true) },
    dropout: { embedding: 0, probabilities: config.attention_dropout, residual: config.resid_pdrop },
  });
}
