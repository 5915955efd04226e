/**
 * The record of an evaluation (`bench eval`): the settings that its identity hashes, its measures, and where
 * they were computed.
 */
import { z } from 'zod';
import { precisions } from '../engine/types.ts';
import { evaluationProtocols } from '../evaluation/evaluation.ts';
import { settingsSchema, recordSchema as runRecordSchema } from './record.ts';
import { parseSealed, seal, type Parsed } from './sealed-record.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
const count = z.int().min(0);
const file = z.strictObject({ name: z.string(), sha256: hash });

/** Everything that decides what an evaluation computes; its hash is the evaluation's identity. */
const evaluationSettings = z.strictObject({
  evaluation: z.strictObject({ name: z.string(), version: z.int().positive() }),
  protocol: z.enum(evaluationProtocols),
  shots: count,
  /** The limit of `--limit`; null is everything. */
  limit: z.int().positive().nullable(),
  data: z.strictObject({ form: z.string(), hash }),
  model: settingsSchema.shape.model,
  /** Empty for the bare base. */
  methods: z.array(settingsSchema.shape.methods.element),
  /** The sha256 of the trained tensors of the adapter or run; null for the bare base. */
  trained: hash.nullable(),
  precision: z.enum(precisions),
  /** How the base's weights are kept; absent where in float32. */
  baseWeights: settingsSchema.shape.baseWeights,
  /** The sha256 of the chat template that wrote the prompts; absent where none did. */
  chatTemplate: hash.optional(),
  /** What the base's files say of the texts that it writes; absent where that is nothing. */
  rules: z
    .strictObject({
      repetitionPenalty: z.number().positive().optional(),
      noRepeatNgram: count.optional(),
      maxNewTokens: count.optional(),
    })
    .optional(),
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
  /**
   * Documents scored, documents there are, and how many prompts lost their beginning to the base's window.
   */
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
  /**
   * Files beside the record: what each document got, as JSON lines, and answers that are to be judged, in the
   * form of their benchmark's own program and under the model's name there.
   */
  files: z.strictObject({ samples: file.optional(), answers: file.extend({ model: z.string() }).optional() }),
  /** The largest resident size of the process until the evaluation ended; older records have none. */
  peakMemoryBytes: count.optional(),
  /** The most memory on GPUs that nvidia-smi reported for the process; only on CUDA. */
  peakDeviceBytes: count.optional(),
  engine: runRecordSchema.shape.engine,
  code: runRecordSchema.shape.code,
  environment: runRecordSchema.shape.environment,
});
const evaluationRecord = fields.extend({
  /** The sha256 of all other fields, which shows changes by hand. */
  digest: hash,
});
export type EvaluationRecord = z.infer<typeof evaluationRecord>;

/** Adds the digest to a record. */
export const sealEvaluation = (fields: Omit<EvaluationRecord, 'digest'>): EvaluationRecord => seal(fields);

/** Parses the text of a record's file; the reason says why it cannot be trusted. */
export const parseEvaluation = (text: string): Parsed<EvaluationRecord> =>
  parseSealed(text, evaluationRecord);
