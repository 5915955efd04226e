/** ALBERT: its config.json, and the parts of its encoder, whose layers share their blocks. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { bertLike, encoderFields, headsDivide, pooledClassifier } from './bert-like.ts';
import type { EncoderBlockNames } from './encoder/parts.ts';
import { layerCount, widthSize } from './parts/config-fields.ts';

const { hidden_dropout_prob: rate } = encoderFields;

/** The part of Hugging Face's AlbertConfig that the forward pass depends on. */
export const albertConfig = z
  .looseObject({
    model_type: z.literal('albert'),
    ...encoderFields,
    embedding_size: widthSize.default(128),
    num_hidden_groups: layerCount.default(1),
    inner_group_num: layerCount.default(1),
    hidden_act: encoderFields.hidden_act.default('gelu_new'),
    hidden_dropout_prob: rate.default(0),
    attention_probs_dropout_prob: rate.default(0),
    classifier_dropout_prob: rate.default(0.1),
    type_vocab_size: encoderFields.type_vocab_size.default(2),
  })
  .refine(headsDivide.check, { error: headsDivide.error })
  .refine(({ num_hidden_layers, num_hidden_groups }) => num_hidden_groups <= num_hidden_layers, {
    path: ['num_hidden_groups'],
    error: 'there are more groups than layers',
  });

const block: EncoderBlockNames = {
  attention: 'attention',
  // Hugging Face has no module around the MLP's two linears.
  mlp: 'mlp',
  modules: {
    query: 'attention.query',
    key: 'attention.key',
    value: 'attention.value',
    attentionOutput: 'attention.dense',
    attentionNorm: 'attention.LayerNorm',
    mlpUp: 'ffn',
    mlpOutput: 'ffn_output',
    mlpNorm: 'full_layer_layer_norm',
  },
  dropouts: {
    probabilities: 'attention.attention_dropout',
    attention: 'attention.output_dropout',
    mlp: 'dropout',
  },
};

/**
 * ALBERT (Lan et al., 2020): BERT with narrow embeddings, and blocks that several layers share: a method acts on
 * a shared block once, in all of these layers. The MLP has no dropout.
 */
export function albert(config: z.infer<typeof albertConfig>): Architecture {
  const { embedding_size: width, num_hidden_layers: layers, num_hidden_groups: groups } = config;
  const blocksOf = (layer: number): string[] =>
    Array.from(
      { length: config.inner_group_num },
      (_, i) =>
        `albert.encoder.albert_layer_groups.${Math.trunc(layer / (layers / groups))}.albert_layers.${i}`,
    );
  return bertLike('albert', config, {
    root: 'albert.',
    embedding: {
      width,
      projection: {
        name: 'albert.encoder.embedding_hidden_mapping_in',
        bias: true,
        place: 'behind norm',
      },
    },
    blocks: Array.from({ length: layers }, (_, layer) => blocksOf(layer)).flat(),
    block,
    dropout: { mlp: 0 },
    classifier: pooledClassifier('Albert', 'albert.pooler', config.classifier_dropout_prob),
    otherHeads: /(predictions|sop_classifier|classifier|pooler|qa_outputs)\./,
  });
}
