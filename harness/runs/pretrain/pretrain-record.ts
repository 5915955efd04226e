/** The request and the record of pretraining a base. */
import { z } from 'zod';

/** What a person asks of `bench pretrain`. */
export interface PretrainRequest {
  readonly family: string;
  /** `layers=4,width=192,heads=6`, as a random base takes them; empty for its defaults. */
  readonly config: string;
  readonly texts: readonly string[];
  /** Tokens of the tokenizer that is trained on the texts, where none is given. */
  readonly vocabulary: number;
  readonly tokenizer?: string | undefined;
  readonly steps: number;
  /** Tokens of a row of the batch, and the longest text. */
  readonly length: number;
  readonly seed: number;
  /** `key=value` of the recipe. */
  readonly settings: readonly string[];
  readonly dtype: string;
  /** Where the texts are from and under what terms, for the folder's README. */
  readonly terms?: string | undefined;
  readonly threads?: number | undefined;
  readonly out: string;
}
/** The schema of pretraining.json; fields that later versions add are kept. */
export const recordSchema = z.looseObject({
  schema: z.literal(1),
  identity: z.string(),
  settings: z.record(z.string(), z.unknown()),
  parameters: z.number(),
  training: z.looseObject({
    steps: z.number(),
    bestStep: z.number(),
    tokens: z.number(),
    evaluations: z.array(z.looseObject({ step: z.number(), loss: z.number() })),
    unigramLoss: z.number(),
  }),
  seconds: z.record(z.string(), z.number()),
  tokensPerSecond: z.number(),
  environment: z.looseObject({ cpu: z.string() }),
});

/** The content of pretraining.json: settings, and what pretraining gave. */
export type PretrainRecord = z.infer<typeof recordSchema>;
