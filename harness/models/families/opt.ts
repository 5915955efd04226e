/** OPT: its config.json, and the parts of its decoder. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { activationNames } from './parts/activations.ts';
import { headCount, layerCount, tableRows, widthSize } from './parts/config-fields.ts';
import { decoderFamily } from './decoder/family.ts';
import type { DecoderNames } from './decoder/parts.ts';
import { rate } from './llama-like.ts';

/** The part of Hugging Face's OPTConfig that the forward pass depends on. */
export const optConfig = z
  .looseObject({
    model_type: z.literal('opt'),
    vocab_size: tableRows,
    hidden_size: widthSize,
    num_hidden_layers: layerCount,
    num_attention_heads: headCount,
    ffn_dim: widthSize,
    max_position_embeddings: tableRows.default(2048),
    activation_function: z.enum(activationNames).default('relu'),
    // OPT-350m alone has norms behind its sublayers and narrower embeddings.
    do_layer_norm_before: z.literal(true).default(true),
    _remove_final_layer_norm: z.literal(false).default(false),
    word_embed_proj_dim: widthSize.nullish(),
    enable_bias: z.boolean().default(true),
    layer_norm_elementwise_affine: z.literal(true).default(true),
    layerdrop: z.literal(0).default(0),
    dropout: rate.default(0.1),
    attention_dropout: rate,
    init_std: z.number().positive().default(0.02),
    tie_word_embeddings: z.boolean().default(true),
    quantization_config: z.null().optional(),
  })
  .superRefine(({ hidden_size: d, num_attention_heads: heads, word_embed_proj_dim: words }, context) => {
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (d % heads !== 0) refuse('hidden_size', `${d} is no multiple of num_attention_heads ${heads}`);
    if ((words ?? d) !== d) refuse('word_embed_proj_dim', `${words} is not built; hidden_size ${d} is`);
  });

const names: DecoderNames = {
  root: 'model.',
  embedding: 'model.decoder.embed_tokens',
  blocks: 'model.decoder.layers',
  finalNorm: 'model.decoder.final_layer_norm',
  attention: 'self_attn',
  // Hugging Face has no module around the MLP's two linears.
  mlp: 'mlp',
  modules: {
    attentionNorm: 'self_attn_layer_norm',
    query: 'self_attn.q_proj',
    key: 'self_attn.k_proj',
    value: 'self_attn.v_proj',
    attentionOutput: 'self_attn.out_proj',
    mlpNorm: 'final_layer_norm',
    mlpUp: 'fc1',
    mlpOutput: 'fc2',
  },
};

/** OPT (Zhang et al., 2022) as Hugging Face's OPTForCausalLM computes it: learnt positions from row 2 on. */
export function opt(config: z.infer<typeof optConfig>, ownHead?: boolean): Architecture {
  const { hidden_size: d, num_attention_heads: heads, max_position_embeddings: positions } = config;
  const { enable_bias: bias, dropout: residual } = config;
  return decoderFamily(
    {
      family: 'opt',
      classifier: { className: 'OPT', padToken: 1 },
      names,
      vocabulary: config.vocab_size,
      positions,
      layers: config.num_hidden_layers,
      width: d,
      heads,
      kvHeads: heads,
      headWidth: d / heads,
      inner: config.ffn_dim,
      transposed: true,
      norm: { kind: 'layer', epsilon: 1e-5 },
      biases: { queryKeyValue: bias, attentionOutput: bias, mlp: bias },
      place: {
        kind: 'learned',
        table: 'model.decoder.embed_positions',
        rows: positions + 2,
        first: 2,
      },
      attention: {},
      activation: config.activation_function,
      dropout: { embedding: 0, probabilities: config.attention_dropout, residual },
      deviation: config.init_std,
      tied: config.tie_word_embeddings,
      biasSetting: () => 'enable_bias',
    },
    ownHead,
  );
}
