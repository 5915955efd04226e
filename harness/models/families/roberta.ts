/** RoBERTa and XLM-RoBERTa: their config.json, and the parts of their encoder. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { bertLike, classifierDropout, denseClassifier, encoderFields, headsDivide } from './bert-like.ts';

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
  const { model_type: family, pad_token_id: padding } = config;
  const className = family === 'roberta' ? 'Roberta' : 'XLMRoberta';
  return bertLike(family, config, {
    root: 'roberta.',
    firstPosition: padding + 1,
    classifier: denseClassifier(className, classifierDropout(config)),
  });
}
