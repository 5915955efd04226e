/** RoBERTa and XLM-RoBERTa: their config.json, and where they differ from other post-norm encoders. */
import { z } from 'zod';
import { encoderFields, headsDivide, postNormEncoder } from './post-norm-encoder.ts';
import type { Architecture } from '../architecture.ts';

/** The part of Hugging Face's RobertaConfig that the forward pass depends on. */
export const robertaConfig = z
  .looseObject({
    model_type: z.literal(['roberta', 'xlm-roberta']),
    ...encoderFields,
    layer_norm_eps: z.number().positive().default(1e-5),
    pad_token_id: z.int().min(0).default(1),
  })
  .refine(headsDivide.check, { error: headsDivide.error })
  .superRefine(({ max_position_embeddings: rows, pad_token_id: pad }, context) => {
    if (rows > pad + 1) return;
    const message = `${rows} leaves no position for a token: pad_token_id ${pad} takes the first ${pad + 1}`;
    context.addIssue({ code: 'custom', path: ['max_position_embeddings'], message });
  });

/**
 * RoBERTa (Liu et al., 2019) and XLM-RoBERTa (Conneau et al., 2020): positions begin behind that of the padding
 * token, and there is one token type.
 */
export function roberta(config: z.infer<typeof robertaConfig>): Architecture {
  return postNormEncoder(config, {
    family: config.model_type,
    root: 'roberta',
    firstPosition: config.pad_token_id + 1,
    prefixTakesPositions: true,
    pooler: false,
  });
}
