import { z } from 'zod';
import { problemOf } from '../support/validation-messages.ts';
import { sides } from '../papers/red/discrepancies.ts';
import { precisions } from '../engine/types.ts';
import { recipeSchema } from '../training/recipe.ts';
import { hashJson } from '../support/canonical-json.ts';

const count = z.int().min(0);
const seconds = z.number().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
/** A loss; null where it was not finite, which JSON cannot hold. */
const loss = z.number().nullable();

/** Everything that decides what a run computes; its hash is the run's identity. */
export const settingsSchema = z.strictObject({
  task: z.strictObject({ name: z.string(), version: z.int().positive() }),
  data: z.strictObject({ name: z.string(), form: z.string(), hash }),
  model: z.strictObject({ id: z.string(), hash, tokenizer: hash }),
  /** Left to right, with every option. */
  methods: z.array(z.strictObject({ name: z.string(), options: z.record(z.string(), z.unknown()) })).min(1),
  /** The adapter that the method began with. */
  start: z.strictObject({ hash }).optional(),
  /** What an encoder's head began as, where it was not drawn: the checkpoint's own. */
  headFrom: z.literal('checkpoint').optional(),
  recipe: recipeSchema,
  protocol: z.string(),
  precision: z.enum(precisions),
  /** What `--limit` and `--max-steps` cut off; null is everything. */
  limits: z.strictObject({ examples: z.int().positive().nullable(), steps: z.int().min(0).nullable() }),
  seed: z.int().min(0),
});
export type Settings = z.infer<typeof settingsSchema>;

const fileSchema = z.strictObject({ name: z.string(), sha256: hash });

const recordFields = z.strictObject({
  schema: z.literal(1),
  /** Sha256 over the settings. */
  identity: hash,
  settings: settingsSchema,
  status: z.enum(['finished', 'failed']),
  /** Why it failed. */
  error: z.strictObject({ name: z.string(), message: z.string() }).optional(),
  /** Counts from 1; a failed run tried again counts on. */
  attempt: z.int().positive(),
  started: z.iso.datetime(),
  ended: z.iso.datetime(),
  /** The variant as it is written and as tables print it. */
  method: z.strictObject({ variant: z.string(), label: z.string() }),
  /** The base's family, such as `t5`; records of earlier versions have none. */
  family: z.string().optional(),
  /**
   * The base whose published recipes it follows, as the paper calls it; these; the side of each discrepancy
   * that matters to it.
   */
  published: z
    .strictObject({
      base: z.string(),
      recipes: z.array(z.string()),
      sides: z.record(z.string(), z.enum(sides)),
    })
    .optional(),
  /** Examples used, of those there are, and how many were cut to the length allowed. */
  examples: z
    .record(
      z.enum(['train', 'validation', 'test']),
      z.strictObject({ used: count, of: count, truncated: count.optional() }),
    )
    .optional(),
  parameters: z.strictObject({
    /** Without the task's head. */
    trained: count,
    head: count,
    /** Base, method and head together. */
    all: count,
  }),
  training: z
    .strictObject({
      steps: count,
      bestStep: count,
      stopped: z.enum(['patience', 'diverged']).optional(),
      resumedFrom: count.optional(),
      /**
       * So many runs were trained in one program (`--batch-seeds`); seconds of compiling and training are
       * this one's share.
       */
      together: z.int().min(2).optional(),
      neverMoved: z.array(z.string()),
      /** Loss on the validation split. */
      evaluations: z.array(
        z.strictObject({ step: count, loss, metrics: z.record(z.string(), loss).optional(), seconds }),
      ),
    })
    .optional(),
  metrics: z.array(
    z.strictObject({
      name: z.string(),
      split: z.literal('test'),
      value: z.number(),
      higherIsBetter: z.boolean(),
      /** Tables print value × scale with so many decimals. */
      scale: z.number(),
      decimals: count,
    }),
  ),
  /** Seconds by phase. */
  seconds: z.partialRecord(z.enum(['compile', 'train', 'evaluate', 'generate', 'predict', 'score']), seconds),
  /** Real tokens, padding left out. */
  tokensPerSecond: z.partialRecord(z.enum(['train', 'generate', 'predict']), z.number().min(0)),
  /** The largest resident size of the process up to the end of this run. */
  peakMemoryBytes: count,
  /**
   * The largest of a sample a second of the process's memory on GPUs, where the device is CUDA and nvidia-smi
   * tells.
   */
  peakDeviceBytes: count.optional(),
  /**
   * Beside the record: the training log and the predictions as JSON lines, the trained tensors as
   * safetensors.
   */
  files: z.partialRecord(z.enum(['steps', 'predictions', 'tensors']), fileSchema),
  engine: z.strictObject({
    name: z.string(),
    device: z.string(),
    recompute: z.literal(true).optional(),
    /** Half precision was computed in float32, of rounded operands. */
    emulated: z.literal(true).optional(),
  }),
  code: z.strictObject({ version: z.string(), commit: z.string().nullable(), dirty: z.boolean().nullable() }),
  environment: z.strictObject({
    node: z.string(),
    platform: z.string(),
    cpu: z.string(),
    threads: z.int().positive(),
    memoryBytes: count,
    packages: z.record(z.string(), z.string()),
  }),
});

/** One cell's result as it lies on disk. */
export const recordSchema = recordFields.extend({
  /** Sha256 over all else, so that a change by hand shows. */
  digest: hash,
});
export type RunRecord = z.infer<typeof recordSchema>;

/**
 * The family of a record's base. A record of an earlier version does not say it: its base is a T5 where an
 * entry of the protocol that is about T5 alone applied, else the family is unknown and ''.
 */
export function familyOf({ family, published }: Pick<RunRecord, 'family' | 'published'>): string {
  return family ?? (published && 't5-format' in published.sides ? 't5' : '');
}

/** Whether a run's validation and test set are drawn from one by its seed. */
export function isDrawnBySeed(published: RunRecord['published']): boolean {
  const { 'split-seeded': seeded, 'split-t5': t5 } = published?.sides ?? {};
  return seeded !== undefined && seeded !== 'corrected' && t5 !== 'code';
}

/** Whether a run stands for every seed: nothing of it is trained, and no data are drawn by the seed. */
export function isSameForEverySeed({
  parameters,
  published,
}: Pick<RunRecord, 'parameters' | 'published'>): boolean {
  return parameters.trained === 0 && parameters.head === 0 && !isDrawnBySeed(published);
}

/** Puts the digest on a record. */
export function sealRecord(record: Omit<RunRecord, 'digest'>): RunRecord {
  return { ...record, digest: hashJson(record) };
}

/** What a file's text is: a record, or why it cannot be trusted. */
export function parseRecord(text: string): { record: RunRecord } | { reason: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { reason: 'it is not JSON; it was cut short or is another file' };
  }
  const schema = typeof json === 'object' && json !== null && 'schema' in json ? json.schema : undefined;
  if (schema !== 1) {
    return { reason: `its schema is ${JSON.stringify(schema)}, this version reads 1` };
  }
  const parsed = recordSchema.safeParse(json);
  if (!parsed.success) {
    return { reason: problemOf(parsed.error) };
  }
  const { digest, ...rest } = json as RunRecord;
  if (hashJson(rest) !== digest || hashJson(rest.settings) !== rest.identity) {
    return { reason: 'its content does not fit its digest; it was changed after it was written' };
  }
  return { record: parsed.data };
}
