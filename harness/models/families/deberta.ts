/** DeBERTa v2 and v3: their config.json, and the parts of their encoder. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { bertBlock, bertLike, encoderFields, headsDivide } from './bert-like.ts';
import { tableRows, widthSize } from './parts/config-fields.ts';

const asked = z.enum(['c2p', 'p2c']);

/** The part of Hugging Face's DebertaV2Config that the forward pass depends on. */
export const debertaConfig = z
  .looseObject({
    model_type: z.literal('deberta-v2'),
    ...encoderFields,
    max_position_embeddings: tableRows.default(512),
    type_vocab_size: tableRows.or(z.literal(0)).default(0),
    layer_norm_eps: z.number().positive().default(1e-7),
    embedding_size: widthSize.nullish(),
    relative_attention: z.boolean().default(false),
    max_relative_positions: z.int().default(-1),
    position_buckets: z.int().default(-1),
    position_biased_input: z.boolean().default(true),
    pos_att_type: z
      .preprocess(
        (given) =>
          typeof given === 'string'
            ? given
                .toLowerCase()
                .split('|')
                .map((each) => each.trim())
            : given,
        z.array(asked).nullish(),
      )
      .transform((types) => types ?? []),
    share_att_key: z.boolean().default(false),
    norm_rel_ebd: z.enum(['none', 'layer_norm']).default('none'),
    conv_kernel_size: z.literal(0, 'a convolution behind the first layer is not built').default(0),
    attention_head_size: z.int().positive().nullish(),
    pooler_dropout: z.literal(0).default(0),
    pooler_hidden_act: z.enum(['gelu', 'relu', 'tanh']).default('gelu'),
    pooler_hidden_size: widthSize.nullish(),
    cls_dropout: encoderFields.classifier_dropout,
  })
  .refine(headsDivide.check, { error: headsDivide.error })
  .superRefine((config, context) => {
    const { hidden_size: d, num_attention_heads: heads, relative_attention, pos_att_type: types } = config;
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    const { attention_head_size: h, pooler_hidden_size: pooled, position_buckets: buckets } = config;
    if ((h ?? d / heads) !== d / heads)
      refuse('attention_head_size', `${h} is not built; hidden_size / num_attention_heads is`);
    if ((pooled ?? d) !== d) refuse('pooler_hidden_size', `${pooled} is not built; hidden_size ${d} is`);
    if (relative_attention && types.length === 0)
      refuse('pos_att_type', 'relative_attention without c2p and p2c is not built');
    if (!relative_attention && types.length > 0)
      refuse('pos_att_type', `${types.join(' and ')} need relative_attention`);
    if (buckets > 0 && buckets < 4) refuse('position_buckets', `${buckets} are too few`);
    if (buckets > 0 && farthestOf(config) - 1 <= Math.floor(buckets / 2))
      refuse('position_buckets', `${buckets} reach beyond the farthest of ${farthestOf(config)} positions`);
  });
type DebertaConfig = z.infer<typeof debertaConfig>;

/** The relative position from which on all are alike. */
const farthestOf = (
  config: Pick<DebertaConfig, 'max_relative_positions' | 'max_position_embeddings'>,
): number =>
  config.max_relative_positions < 1 ? config.max_position_embeddings : config.max_relative_positions;

const names = {
  query: 'attention.self.query_proj',
  key: 'attention.self.key_proj',
  value: 'attention.self.value_proj',
};

/**
 * DeBERTa v2 and v3 (He et al., 2021) as Hugging Face's DebertaV2Model computes them: relative positions that meet
 * queries and keys in the scores, and a head whose pooler is new on a pretrained base.
 */
export function deberta(config: DebertaConfig): Architecture {
  const { hidden_size: d } = config;
  const width = config.embedding_size ?? d;
  const { cls_dropout: dropout } = config;
  return bertLike('deberta-v2', config, {
    root: 'deberta.',
    embedding: {
      width,
      ...(!config.position_biased_input && { positions: undefined }),
      ...(config.type_vocab_size === 0 && { tokenTypes: undefined }),
      ...(width !== d && {
        projection: { name: 'deberta.embeddings.embed_proj', bias: false, place: 'before norm' },
      }),
    },
    block: { ...bertBlock, modules: { ...bertBlock.modules, ...names } },
    attention: { relative: relativeOf(config) },
    classifier: {
      className: 'DebertaV2',
      pooling: 'first',
      dense: 'pooler.dense',
      denseBias: true,
      isPooler: false,
      activation: config.pooler_hidden_act,
      output: 'classifier',
      dropout: dropout ?? config.hidden_dropout_prob,
      dropsInput: false,
    },
    // The position table of a model that does not add it is in its checkpoints all the same.
    otherHeads:
      /(lm_predictions|mask_predictions|cls|classifier|pooler|qa_outputs)\.|embeddings\.position_embeddings\./,
  });
}

function relativeOf(config: DebertaConfig) {
  if (!config.relative_attention) return undefined;
  const { position_buckets: count, share_att_key: shared, pos_att_type: types } = config;
  const farthest = farthestOf(config);
  const encoder = 'deberta.encoder';
  return {
    table: `${encoder}.rel_embeddings.weight`,
    norm: config.norm_rel_ebd === 'layer_norm' ? `${encoder}.LayerNorm` : undefined,
    span: count > 0 ? count : farthest,
    buckets: count > 0 ? { count, farthest } : undefined,
    key: types.includes('c2p') ? (shared ? names.key : 'attention.self.pos_key_proj') : undefined,
    query: types.includes('p2c') ? (shared ? names.query : 'attention.self.pos_query_proj') : undefined,
    dropout: 'attention.self.pos_dropout',
  };
}
