/** The record of an evaluation: what decides its numbers, the numbers, and where they were computed. */
import { z } from 'zod';
import { problemOf } from '../support/validation-messages.ts';
import { precisions } from '../engine/types.ts';
import { evaluationProtocols } from '../evaluation/evaluation.ts';
import { hashJson } from '../support/canonical-json.ts';
import { settingsSchema, recordSchema as runRecordSchema } from './record.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
const count = z.int().min(0);

/** Everything that decides what an evaluation computes; its hash is the evaluation's identity. */
const evaluationSettings = z.strictObject({
  evaluation: z.strictObject({ name: z.string(), version: z.int().positive() }),
  protocol: z.enum(evaluationProtocols),
  shots: count,
  /** What `--limit` cuts off; null is everything. */
  limit: z.int().positive().nullable(),
  data: z.strictObject({ form: z.string(), hash }),
  model: settingsSchema.shape.model,
  /** None where the base is as it is. */
  methods: z.array(settingsSchema.shape.methods.element),
  /** Of the adapter's or the run's trained tensors; null where the base is as it is. */
  trained: hash.nullable(),
  precision: z.enum(precisions),
});
export type EvaluationSettings = z.infer<typeof evaluationSettings>;

const fields = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('evaluation'),
  identity: hash,
  settings: evaluationSettings,
  label: z.string(),
  status: z.enum(['finished', 'failed']),
  error: z.strictObject({ name: z.string(), message: z.string() }).optional(),
  started: z.iso.datetime(),
  ended: z.iso.datetime(),
  /** Documents scored, of how many; `cut` of them lost the beginning of their prompt to the base's window. */
  documents: z.strictObject({
    used: count,
    of: count,
    cut: count,
    /** Texts in which no answer could be read. */
    unread: count.optional(),
  }),
  metrics: z.array(
    z.strictObject({ name: z.string(), value: z.number(), standardError: z.number().optional() }),
  ),
  /** Beside the record: what each document got, as JSON lines. */
  files: z.strictObject({ samples: z.strictObject({ name: z.string(), sha256: hash }).optional() }),
  engine: runRecordSchema.shape.engine,
  code: runRecordSchema.shape.code,
  environment: runRecordSchema.shape.environment,
});
const evaluationRecord = fields.extend({
  /** Sha256 over all else, so that a change by hand shows. */
  digest: hash,
});
export type EvaluationRecord = z.infer<typeof evaluationRecord>;

/** Puts the digest on a record. */
export function sealEvaluation(record: Omit<EvaluationRecord, 'digest'>): EvaluationRecord {
  return { ...record, digest: hashJson(record) };
}

/** What a file's text is: a record, or why it cannot be trusted. */
export function parseEvaluation(text: string): { record: EvaluationRecord } | { reason: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { reason: 'it is not JSON; it was cut short or is another file' };
  }
  const parsed = evaluationRecord.safeParse(json);
  if (!parsed.success) return { reason: problemOf(parsed.error) };
  const { digest, ...rest } = parsed.data;
  if (hashJson(rest) !== digest || hashJson(rest.settings) !== rest.identity)
    return { reason: 'its content does not fit its digest; it was changed after it was written' };
  return { record: parsed.data };
}
