/** BERT: its config.json, and the parts of its encoder. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { bertLike, classifierDropout, encoderFields, headsDivide, pooledClassifier } from './bert-like.ts';

/** The part of Hugging Face's BertConfig that the forward pass depends on. */
export const bertConfig = z
  .looseObject({ model_type: z.literal('bert'), ...encoderFields })
  .refine(headsDivide.check, { error: headsDivide.error });

/** BERT (Devlin et al., 2019): positions from 0, two token types, a pooler for its head. */
export function bert(config: z.infer<typeof bertConfig>): Architecture {
  return bertLike('bert', config, {
    root: 'bert.',
    classifier: pooledClassifier('Bert', 'bert.pooler.dense', classifierDropout(config)),
  });
}
