/** DistilBERT: its config.json, and the parts of its encoder. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { bertLike, encoderFields } from './bert-like.ts';
import type { EncoderBlockNames } from './encoder/parts.ts';
import { headCount, layerCount, widthSize } from './parts/config-fields.ts';

const { vocab_size, max_position_embeddings, hidden_act, hidden_dropout_prob, initializer_range } =
  encoderFields;

/** The part of Hugging Face's DistilBertConfig that the forward pass depends on. */
export const distilbertConfig = z
  .looseObject({
    model_type: z.literal('distilbert'),
    vocab_size,
    max_position_embeddings,
    dim: widthSize,
    n_layers: layerCount,
    n_heads: headCount,
    hidden_dim: widthSize,
    activation: hidden_act,
    dropout: hidden_dropout_prob,
    attention_dropout: hidden_dropout_prob,
    seq_classif_dropout: hidden_dropout_prob.default(0.2),
    initializer_range,
    quantization_config: encoderFields.quantization_config,
  })
  .refine(({ dim, n_heads }) => dim % n_heads === 0, {
    error: ({ input }) => {
      const { dim, n_heads } = input as { dim: number; n_heads: number };
      return `dim ${dim} is no multiple of n_heads ${n_heads}`;
    },
  });

const block: EncoderBlockNames = {
  attention: 'attention',
  mlp: 'ffn',
  modules: {
    query: 'attention.q_lin',
    key: 'attention.k_lin',
    value: 'attention.v_lin',
    attentionOutput: 'attention.out_lin',
    attentionNorm: 'sa_layer_norm',
    mlpUp: 'ffn.lin1',
    mlpOutput: 'ffn.lin2',
    mlpNorm: 'output_layer_norm',
  },
  dropouts: { probabilities: 'attention.dropout', attention: 'attention.out_dropout', mlp: 'ffn.dropout' },
};

/** DistilBERT (Sanh et al., 2019): BERT without token types and pooler; attention's output has no dropout. */
export function distilbert(config: z.infer<typeof distilbertConfig>): Architecture {
  const sizes = {
    vocab_size: config.vocab_size,
    hidden_size: config.dim,
    num_hidden_layers: config.n_layers,
    num_attention_heads: config.n_heads,
    intermediate_size: config.hidden_dim,
    max_position_embeddings: config.max_position_embeddings,
    type_vocab_size: 0,
    layer_norm_eps: 1e-12,
    hidden_act: config.activation,
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attention_dropout,
    initializer_range: config.initializer_range,
  };
  return bertLike('distilbert', sizes, {
    root: 'distilbert.',
    embedding: { tokenTypes: undefined },
    blocks: Array.from({ length: config.n_layers }, (_, layer) => `distilbert.transformer.layer.${layer}`),
    block,
    dropout: { attention: 0 },
    classifier: {
      className: 'DistilBert',
      pooling: 'first',
      dense: 'pre_classifier',
      denseBias: true,
      isPooler: false,
      activation: 'relu',
      output: 'classifier',
      dropout: config.seq_classif_dropout,
      dropsInput: false,
    },
    otherHeads: /vocab_(transform|layer_norm|projector)\.|(pre_)?classifier\.|qa_outputs\./,
  });
}
