/** ELECTRA: its config.json, and the parts of its encoder. */
import { z } from 'zod';
import type { Architecture } from '../architecture.ts';
import { bertLike, classifierDropout, denseClassifier, encoderFields, headsDivide } from './bert-like.ts';
import { widthSize } from './parts/config-fields.ts';

/** The part of Hugging Face's ElectraConfig that the forward pass depends on. */
export const electraConfig = z
  .looseObject({
    model_type: z.literal('electra'),
    ...encoderFields,
    embedding_size: widthSize.default(128),
    type_vocab_size: encoderFields.type_vocab_size.default(2),
  })
  .refine(headsDivide.check, { error: headsDivide.error });

/**
 * ELECTRA (Clark et al., 2020): BERT with narrower embeddings where config.json says so, no pooler, and a head
 * with GELU.
 */
export function electra(config: z.infer<typeof electraConfig>): Architecture {
  const { embedding_size: width, hidden_size: d } = config;
  return bertLike('electra', config, {
    root: 'electra.',
    embedding: {
      width,
      ...(width !== d && {
        projection: { name: 'electra.embeddings_project', bias: true, place: 'behind norm' },
      }),
    },
    classifier: denseClassifier('Electra', classifierDropout(config), 'gelu'),
    otherHeads: /(discriminator_predictions|generator_predictions|generator_lm_head|classifier)\./,
  });
}
