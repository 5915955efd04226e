/** GPT-2: its config.json, and the parts of its decoder. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { headCount, layerCount, tableRows, widthSize } from './parts/config-fields.ts';
import { decoderFamily } from './decoder/family.ts';
import type { DecoderNames } from './decoder/parts.ts';

/** The part of Hugging Face's GPT2Config that the forward pass depends on. */
export const gpt2Config = z
  .looseObject({
    model_type: z.literal('gpt2'),
    vocab_size: tableRows,
    n_positions: tableRows,
    n_embd: widthSize,
    n_layer: layerCount,
    n_head: headCount,
    n_inner: widthSize.nullish(),
    activation_function: z.enum(['gelu_new', 'gelu_pytorch_tanh']).default('gelu_new'),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    resid_pdrop: z.number().min(0).lt(1).default(0.1),
    embd_pdrop: z.number().min(0).lt(1).default(0.1),
    attn_pdrop: z.number().min(0).lt(1).default(0.1),
    initializer_range: z.number().positive().default(0.02),
    scale_attn_weights: z.literal(true).default(true),
    scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
    add_cross_attention: z.literal(false).default(false),
    tie_word_embeddings: z.boolean().default(true),
  })
  .refine(({ n_embd, n_head }) => n_embd % n_head === 0, {
    error: ({ input }) => {
      const { n_embd, n_head } = input as { n_embd: number; n_head: number };
      return `n_embd ${n_embd} is no multiple of n_head ${n_head}`;
    },
  });

const names: DecoderNames = {
  root: 'transformer.',
  embedding: 'transformer.wte',
  blocks: 'transformer.h',
  finalNorm: 'transformer.ln_f',
  attention: 'attn',
  mlp: 'mlp',
  modules: {
    attentionNorm: 'ln_1',
    queryKeyValue: 'attn.c_attn',
    attentionOutput: 'attn.c_proj',
    mlpNorm: 'ln_2',
    mlpUp: 'mlp.c_fc',
    mlpOutput: 'mlp.c_proj',
  },
  probabilities: 'attn.attn_dropout',
};

/**
 * GPT-2 (Radford et al., 2019) as Hugging Face's GPT2LMHeadModel computes it: pre-norm blocks with learnt
 * positions, whose output is the embedding unless it has a weight of its own.
 */
export function gpt2(config: z.infer<typeof gpt2Config>, ownHead?: boolean): Architecture {
  const { n_embd: d, n_layer: layers, n_head: heads } = config;
  return decoderFamily(
    {
      family: 'gpt2',
      names,
      classifier: { className: 'GPT2' },
      vocabulary: config.vocab_size,
      positions: config.n_positions,
      layers,
      width: d,
      heads,
      kvHeads: heads,
      headWidth: d / heads,
      inner: config.n_inner ?? 4 * d,
      transposed: false,
      norm: { kind: 'layer', epsilon: config.layer_norm_epsilon },
      biases: { queryKeyValue: true, attentionOutput: true, mlp: true },
      place: { kind: 'learned', table: 'transformer.wpe', rows: config.n_positions, first: 0 },
      attention: {},
      activation: config.activation_function,
      dropout: {
        embedding: config.embd_pdrop,
        probabilities: config.attn_pdrop,
        residual: config.resid_pdrop,
      },
      deviation: config.initializer_range,
      // Hugging Face's GPT2PreTrainedModel: projections into the residual stream are scaled down by √(2 · layers).
      deviationOf: (name) => (name.endsWith('c_proj.weight') ? 1 / Math.sqrt(2 * layers) : 1),
      tied: config.tie_word_embeddings,
      // GPT-2's checkpoint on the hub holds its masks as buffers.
      isBuffer: (name) => /\.attn\.(masked_)?bias$/.test(name),
    },
    ownHead,
  );
}
