/** BERT: its config.json, and where it differs from other post-norm encoders. */
import { z } from 'zod';
import { encoderFields, headsDivide, postNormEncoder } from './post-norm-encoder.ts';
import type { Architecture } from '../architecture.ts';

/** The part of Hugging Face's BertConfig that the forward pass depends on. */
export const bertConfig = z
  .looseObject({ model_type: z.literal('bert'), ...encoderFields })
  .refine(headsDivide.check, { error: headsDivide.error });

/** BERT (Devlin et al., 2019): positions from 0, two token types, a pooler for its head. */
export function bert(config: z.infer<typeof bertConfig>): Architecture {
  return postNormEncoder(config, {
    family: 'bert',
    root: 'bert',
    firstPosition: 0,
    prefixTakesPositions: true,
    pooler: true,
  });
}
