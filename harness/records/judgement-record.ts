/**
 * The record of a judgement (`bench judge`): what was judged by whom, the rates, and how far they can be trusted.
 */
import { z } from 'zod';
import { judgingModes } from '../judging/judging.ts';
import { recordSchema as runRecordSchema } from './record.ts';
import { parseSealed, seal, type Parsed } from './sealed-record.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
const count = z.int().min(0);
const share = z.number().min(0).max(1);
const file = z.strictObject({ name: z.string(), sha256: hash });

/** Everything that decides what is judged and how; its hash is the judgement's identity. */
const judgementSettings = z.strictObject({
  evaluation: z.strictObject({ name: z.string(), version: z.int().positive() }),
  mode: z.enum(judgingModes),
  /** The identity of the answers' record, and the sha256 of its file of samples. */
  answers: z.strictObject({ identity: hash, hash }),
  /** The model whose answers these are compared with, and the sha256 of its answers; null in ratings. */
  against: z.strictObject({ model: z.string(), hash }).nullable(),
  /** The sha256 of the reference answers that the judge sees; null where it sees none. */
  references: hash.nullable(),
  /** The sha256 of the templates of prompts. */
  prompts: hash,
  /** Who judges; `hash` is that of a local base, or of a file of judgements. */
  judge: z.strictObject({
    kind: z.enum(['endpoint', 'local', 'recorded']),
    model: z.string(),
    hash: hash.nullable(),
    maxTokens: z.int().positive(),
  }),
});
export type JudgementSettings = z.infer<typeof judgementSettings>;

const fields = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('judgement'),
  identity: hash,
  settings: judgementSettings,
  /** The base and the label of the judged model. */
  model: z.string(),
  label: z.string(),
  started: z.iso.datetime(),
  ended: z.iso.datetime(),
  /** Judgements wanted; without a verdict in the judge's text; without a text, since their call failed. */
  judgements: z.strictObject({ of: count, unread: count, failed: count }),
  metrics: z.array(
    z.strictObject({ name: z.string(), value: z.number(), standardError: z.number().optional() }),
  ),
  /** Mean characters (code points) of the judged answers and of those they are compared with. */
  lengths: z.strictObject({ judged: z.number(), other: z.number().nullable() }),
  order: z
    .strictObject({
      judgements: count,
      first: share,
      second: share,
      winRates: z.tuple([z.number().nullable(), z.number().nullable()]).readonly().optional(),
    })
    .optional(),
  /** Agreement with recorded judgements, whose file has this hash. */
  agreement: z
    .strictObject({ hash, judgements: count, equal: share, kappa: z.number().nullable() })
    .optional(),
  /** Tokens as the endpoint or the tokenizer counted them. */
  tokens: z.strictObject({ prompt: count, reply: count }),
  /** The judgements in the form of the benchmark's own program, and with the answers; earlier records lack these. */
  files: z.strictObject({ judgements: file, examples: file.optional() }),
  code: runRecordSchema.shape.code,
  environment: runRecordSchema.shape.environment,
});
const judgementRecord = fields.extend({
  /** The sha256 of all other fields, which shows changes by hand. */
  digest: hash,
});
export type JudgementRecord = z.infer<typeof judgementRecord>;

/** Adds the digest to a record. */
export const sealJudgement = (fields: Omit<JudgementRecord, 'digest'>): JudgementRecord => seal(fields);

/** Parses the text of a record's file; the reason says why it cannot be trusted. */
export const parseJudgement = (text: string): Parsed<JudgementRecord> => parseSealed(text, judgementRecord);
