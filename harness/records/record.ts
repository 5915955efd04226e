/**
 * What is in a record: the settings that a run's identity hashes, and what came out of it. Runs write
 * records, reports read them; a field that is added later is optional, so that old records stay readable.
 */
import { z } from 'zod';
import { sides } from '../papers/discrepancy.ts';
import { precisions } from '../engine/types.ts';
import { baseWeightsSchema } from '../models/bases/base-weights.ts';
import { recipeSchema } from '../training/recipe.ts';
import { parseSealed, seal, type Parsed } from './sealed-record.ts';

const count = z.int().min(0);
const seconds = z.number().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');
/** A loss; null if it was not finite, which JSON cannot hold. */
const loss = z.number().nullable();

/** Everything that decides what a run computes; its hash is the run's identity. */
export const settingsSchema = z.strictObject({
  task: z.strictObject({ name: z.string(), version: z.int().positive() }),
  data: z.strictObject({ name: z.string(), form: z.string(), hash }),
  model: z.strictObject({ id: z.string(), hash, tokenizer: hash }),
  /** The methods of a composition from left to right, with every option. */
  methods: z.array(z.strictObject({ name: z.string(), options: z.record(z.string(), z.unknown()) })).min(1),
  /** The adapter that training started from. */
  start: z.strictObject({ hash }).optional(),
  /** Where an encoder's head started from, if not from random numbers: the checkpoint's own head. */
  headFrom: z.literal('checkpoint').optional(),
  recipe: recipeSchema,
  protocol: z.string(),
  precision: z.enum(precisions),
  /** How the weights of the base's linear modules were kept; float32 where absent. */
  baseWeights: baseWeightsSchema.optional(),
  /** The limits of `--limit` and `--max-steps`; null is no limit. */
  limits: z.strictObject({ examples: z.int().positive().nullable(), steps: z.int().min(0).nullable() }),
  seed: z.int().min(0),
  /** Set in trials of tuning, which leave the test split out. */
  judgedOn: z.literal('validation').optional(),
});
export type Settings = z.infer<typeof settingsSchema>;

const fileSchema = z.strictObject({ name: z.string(), sha256: hash });

const recordFields = z.strictObject({
  schema: z.literal(1),
  /** The sha256 of the settings as canonical JSON. */
  identity: hash,
  settings: settingsSchema,
  status: z.enum(['finished', 'failed']),
  /** Why the run failed. */
  error: z.strictObject({ name: z.string(), message: z.string() }).optional(),
  /** Counts from 1; a failed run that is tried again counts on. */
  attempt: z.int().positive(),
  started: z.iso.datetime(),
  ended: z.iso.datetime(),
  /** The variant as a command names it, and as tables print it. */
  method: z.strictObject({
    variant: z.string(),
    label: z.string(),
    /** The rule that answered in place of a model. */
    answers: z.enum(['most-frequent', 'copied-input']).optional(),
  }),
  /** The base's family, such as `t5`; records of earlier versions have none. */
  family: z.string().optional(),
  /**
   * What the run follows of papers: the base, as the paper calls it, whose recipes are used; these recipes;
   * and the side taken in each discrepancy that applies.
   */
  published: z
    .strictObject({
      base: z.string(),
      recipes: z.array(z.string()),
      sides: z.record(z.string(), z.enum(sides)),
    })
    .optional(),
  /** Per split: examples used, examples there are, and how many were cut to the allowed length. */
  examples: z
    .record(
      z.enum(['train', 'validation', 'test']),
      z.strictObject({ used: count, of: count, truncated: count.optional() }),
    )
    .optional(),
  parameters: z.strictObject({
    /** Parameters that the method trains, without the task's head. */
    trained: count,
    head: count,
    /** Parameters of base, method and head together. */
    all: count,
  }),
  training: z
    .strictObject({
      steps: count,
      bestStep: count,
      stopped: z.enum(['patience', 'diverged']).optional(),
      resumedFrom: count.optional(),
      /**
       * The number of runs that were trained in one program (`--batch-seeds`). The seconds of compiling and
       * training are then this run's share.
       */
      together: z.int().min(2).optional(),
      neverMoved: z.array(z.string()),
      /** The losses, and the metrics if there are any, on the validation split. */
      evaluations: z.array(
        z.strictObject({ step: count, loss, metrics: z.record(z.string(), loss).optional(), seconds }),
      ),
    })
    .optional(),
  /** Names of the classes by number; records of earlier versions have none. */
  classes: z.array(z.string()).optional(),
  metrics: z.array(
    z.strictObject({
      name: z.string(),
      /** Runs write scores of the test split; reports show those of validation in the same form. */
      split: z.enum(['test', 'validation']),
      value: z.number(),
      higherIsBetter: z.boolean(),
      /** Tables print value × scale with this many decimals. */
      scale: z.number(),
      decimals: count,
    }),
  ),
  /** Seconds that each phase took. */
  seconds: z.partialRecord(z.enum(['compile', 'train', 'evaluate', 'generate', 'predict', 'score']), seconds),
  /** Tokens per second, padding not counted. */
  tokensPerSecond: z.partialRecord(z.enum(['train', 'generate', 'predict']), z.number().min(0)),
  /** The largest resident size of the process until the run ended. */
  peakMemoryBytes: count,
  /** The most memory on GPUs that nvidia-smi reported for the process, asked once a second; only on CUDA. */
  peakDeviceBytes: count.optional(),
  /**
   * Files beside the record: the training log and the predictions as JSON lines, and the trained tensors as
   * safetensors.
   */
  files: z.partialRecord(z.enum(['steps', 'predictions', 'tensors']), fileSchema),
  engine: z.strictObject({
    name: z.string(),
    device: z.string(),
    recompute: z.literal(true).optional(),
    /** True if half precision was emulated: float32 products of rounded operands. */
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

/** The record of one cell's run, as it lies on disk. */
export const recordSchema = recordFields.extend({
  /** The sha256 of all other fields, which shows changes by hand. */
  digest: hash,
});
export type RunRecord = z.infer<typeof recordSchema>;

/**
 * The family of a record's base. Records of earlier versions do not name it: then it is t5 if a discrepancy
 * that only T5 has was recorded, else ''.
 */
export function familyOf({ family, published }: Pick<RunRecord, 'family' | 'published'>): string {
  return family ?? (published && 't5-format' in published.sides ? 't5' : '');
}

/** Whether the seed divides one official set into the run's validation and test set. */
export function isDrawnBySeed(published: RunRecord['published']): boolean {
  const { 'split-seeded': seeded, 'split-t5': t5 } = published?.sides ?? {};
  return seeded !== undefined && seeded !== 'corrected' && t5 !== 'code';
}

/** Whether a run has the same result for every seed: it trains nothing, and the seed draws no data. */
export function isSameForEverySeed({
  parameters,
  published,
}: Pick<RunRecord, 'parameters' | 'published'>): boolean {
  return parameters.trained === 0 && parameters.head === 0 && !isDrawnBySeed(published);
}

/** Whether a run is a standing row, against which methods are measured: no parameter of a base is trained. */
export const isStanding = ({ parameters }: Pick<RunRecord, 'parameters'>): boolean =>
  parameters.trained === 0;

/** Adds the digest to a record. */
export const sealRecord = (fields: Omit<RunRecord, 'digest'>): RunRecord => seal(fields);

/** Parses the text of a record's file; the reason says why it cannot be trusted. */
export const parseRecord = (text: string): Parsed<RunRecord> => parseSealed(text, recordSchema);
