/**
 * What BERT and the encoders that follow it share: the fields of config.json, the names of modules, and the parts
 * of post-norm encoders. A family's file says where it differs.
 */
import { z } from 'zod';
import type { Architecture, Classifier } from '../architecture.ts';
import type { FamilyName } from '../edits.ts';
import { encoderFamily } from './encoder/family.ts';
import { type EmbeddingParts, type EncoderBlockNames, type EncoderParts, inBlock } from './encoder/parts.ts';
import { activationNames } from './parts/activations.ts';
import { headCount, layerCount, tableRows, widthSize } from './parts/config-fields.ts';

/** A dropout rate. */
const rate = z.number().min(0).lt(1);

/** The fields of config.json that the forward pass depends on in every such family. */
export const encoderFields = {
  vocab_size: tableRows,
  hidden_size: widthSize,
  num_hidden_layers: layerCount,
  num_attention_heads: headCount,
  intermediate_size: widthSize,
  max_position_embeddings: tableRows,
  type_vocab_size: tableRows,
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_act: z.enum(activationNames).default('gelu'),
  hidden_dropout_prob: rate.default(0.1),
  attention_probs_dropout_prob: rate.default(0.1),
  classifier_dropout: rate.nullish(),
  initializer_range: z.number().positive().default(0.02),
  position_embedding_type: z.literal('absolute').default('absolute'),
  is_decoder: z.literal(false).default(false),
  add_cross_attention: z.literal(false).default(false),
  // Weights of another number format under the same names.
  quantization_config: z.null().optional(),
};
export type EncoderConfig = Omit<
  z.infer<z.ZodObject<typeof encoderFields>>,
  'position_embedding_type' | 'is_decoder' | 'add_cross_attention' | 'quantization_config'
>;

/** Says what is wrong with a configuration whose fields are sound each by itself. */
export const headsDivide = {
  check: ({ hidden_size, num_attention_heads }: HeadSizes): boolean =>
    hidden_size % num_attention_heads === 0,
  error: ({ input }: { input?: unknown }): string => {
    const { hidden_size, num_attention_heads } = input as HeadSizes;
    return `hidden_size ${hidden_size} is no multiple of num_attention_heads ${num_attention_heads}`;
  },
};
type HeadSizes = Pick<EncoderConfig, 'hidden_size' | 'num_attention_heads'>;

/** BERT's names within a block. */
export const bertBlock: EncoderBlockNames = {
  attention: 'attention',
  // Hugging Face has no module around the MLP's two linears, so the sublayer is called as the second one's parent.
  mlp: 'output',
  modules: {
    query: 'attention.self.query',
    key: 'attention.self.key',
    value: 'attention.self.value',
    attentionOutput: 'attention.output.dense',
    attentionNorm: 'attention.output.LayerNorm',
    mlpUp: 'intermediate.dense',
    mlpOutput: 'output.dense',
    mlpNorm: 'output.LayerNorm',
  },
  dropouts: {
    probabilities: 'attention.self.dropout',
    attention: 'attention.output.dropout',
    mlp: 'output.dropout',
  },
};

/** BERT's pooler and output, whose pooler is pretrained. */
export const pooledClassifier = (className: string, dense: string, dropout: number): Classifier => ({
  className,
  pooling: 'first',
  dense,
  denseBias: true,
  isPooler: true,
  activation: 'tanh',
  output: 'classifier',
  dropout,
  dropsInput: false,
});

/** RoBERTa's head, which is new on a pretrained base. */
export const denseClassifier = (
  className: string,
  dropout: number,
  activation: Classifier['activation'] = 'tanh',
): Classifier => ({
  className,
  pooling: 'first',
  dense: 'classifier.dense',
  denseBias: true,
  isPooler: false,
  activation,
  output: 'classifier.out_proj',
  dropout,
  dropsInput: true,
});

/** The head's dropout rate, where config.json may give it one of its own. */
export const classifierDropout = (
  config: Pick<EncoderConfig, 'classifier_dropout' | 'hidden_dropout_prob'>,
): number => config.classifier_dropout ?? config.hidden_dropout_prob;

/** What a family must say, and whatever it has of its own. */
type Own = Pick<EncoderParts, 'root' | 'classifier'> &
  Partial<Omit<EncoderParts, 'embedding' | 'dropout'>> & {
    /** Rows of the position table before that of the first token. */
    readonly firstPosition?: number;
    readonly embedding?: Partial<EmbeddingParts>;
    readonly dropout?: Partial<EncoderParts['dropout']>;
  };

/**
 * An encoder of post-norm blocks (Devlin et al., 2019) as Hugging Face's BertModel computes it, but for the given
 * parts.
 */
export function bertLike(family: FamilyName, config: EncoderConfig, own: Own): Architecture {
  const { firstPosition: first = 0, root, embedding, dropout, ...more } = own;
  const table = (name: string): string => `${root}embeddings.${name}`;
  const { hidden_dropout_prob: hidden, max_position_embeddings: rows, hidden_size: width } = config;
  return encoderFamily({
    family,
    root,
    vocabulary: config.vocab_size,
    positions: rows - first,
    width,
    heads: config.num_attention_heads,
    inner: config.intermediate_size,
    embedding: {
      width,
      words: table('word_embeddings'),
      positions: { name: table('position_embeddings'), rows, first },
      tokenTypes: { name: table('token_type_embeddings'), rows: config.type_vocab_size },
      norm: table('LayerNorm'),
      ...embedding,
    },
    blocks: Array.from({ length: config.num_hidden_layers }, (_, layer) =>
      inBlock(`${root}encoder.layer`, String(layer)),
    ),
    block: bertBlock,
    order: 'post',
    norm: { epsilon: config.layer_norm_eps, bias: true },
    biases: { attention: true, mlp: true },
    attention: {},
    activation: config.hidden_act,
    dropout: {
      embedding: hidden,
      probabilities: config.attention_probs_dropout_prob,
      attention: hidden,
      inner: 0,
      mlp: hidden,
      ...dropout,
    },
    deviation: config.initializer_range,
    otherHeads: /(lm_head|cls|classifier)\.|pooler\.dense\./,
    ...more,
  });
}
