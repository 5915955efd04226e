/**
 * Estimates the memory of a run from config.json, before anything is loaded: `params`, dry runs, plans and
 * refusals tell it, and runs choose their micro-batches by it.
 */
import type { DataSize } from '../../data/examples/task.ts';
import { rowsAtOnce } from '../../decoding/generate.ts';
import { cacheBytes } from '../../decoding/on-host/key-value-cache.ts';
import { floatTypeOf, partsOf, type Precision } from '../../engine/types.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { formatOf, packedSites } from '../../models/bases/base-weights.ts';
import { trainedShapes, unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import type { Delta } from '../../models/method.ts';
import { sizeOf, sum } from '../../support/numbers/arithmetic.ts';
import { MICRO_BATCH_TOKENS } from '../../training/objectives/batch-shapes.ts';
import type { Recipe } from '../../training/recipe.ts';
import {
  activationBytes,
  type ActivationLimit,
  tokensThatFit,
} from '../../training/step/activation-memory.ts';

/** Node, onnxruntime and compiled programs, in bytes. */
const PROGRAMS = 4e8;
/** The share of the memory that a run may fill; the rest is the system's and other processes'. */
const SHARE = 0.9;

/** A run whose memory is estimated. */
export interface MemoryCase {
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly recipe: Recipe;
  readonly precision: Precision;
  readonly recompute: boolean;
  /** How large the data is; where it is not known, texts are as long as the recipe allows. */
  readonly size?: DataSize | undefined;
  /** The memory that there is, in bytes. */
  readonly memory: number;
}

/** The memory that a run is expected to take, in bytes. */
export interface MemoryEstimate {
  /** The frozen base as it is kept. */
  readonly weights: number;
  /** Trained tensors, their gradients and the optimiser's moments. */
  readonly trained: number;
  /** Activations of a micro-batch of `microBatchTokens` of the batch's `batchTokens`. */
  readonly activations: number;
  readonly microBatchTokens: number;
  readonly batchTokens: number;
  /** Keys and values of `decodingRows` texts that are generated together. */
  readonly decoding: number;
  readonly decodingRows: number;
  /** What programs take, and a packed weight that is unpacked. */
  readonly programs: number;
  /** The most at any time: activations and decoding are not there at once. */
  readonly total: number;
  /** What is there in any case: weights and trained state. */
  readonly least: number;
}

/** Estimates a run; micro-batches are taken as small as the memory asks for. */
export function estimateMemory(run: MemoryCase): MemoryEstimate {
  const { base, recipe, size } = run;
  const { architecture } = base;
  const { weights, trained, programs } = fixedMemory(run);
  const least = weights + trained;
  const allowed = Math.min(recipe.length ?? Infinity, recipe.promptLength + recipe.targetLength);
  const once = Math.min(2 * (size?.tokens ?? Infinity), allowed, architecture.positions);
  const length = readsTwice(base) ? 2 * once : once;
  const { bytes, ...how } = activationLimit(run);
  const usual = MICRO_BATCH_TOKENS[predictsTokens(base) ? 'text' : 'labels'];
  const most =
    recipe.microBatch === undefined
      ? Math.max(length, Math.min(usual, tokensThatFit(architecture, bytes, { ...how, length })))
      : recipe.microBatch * length;
  const batchTokens = recipe.batchSize * length;
  const microBatchTokens = Math.min(batchTokens, most);
  const activations = activationBytes(architecture, microBatchTokens, { ...how, length });
  const decoded = Math.min(recipe.promptLength + recipe.maxNewTokens, architecture.positions);
  const decodingRows = predictsTokens(base) ? rowsAtOnce(architecture, decoded, run.memory) : 0;
  const decoding = decodingRows * cacheBytes(architecture, decoded);
  const total = least + programs + Math.max(activations, decoding);
  const parts = { weights, trained, activations, microBatchTokens, batchTokens, decoding, decodingRows };
  return { ...parts, programs, total, least };
}

/** What the activations of a run's micro-batches may take. */
export function activationLimit(run: MemoryCase): ActivationLimit {
  const { weights, trained, programs } = fixedMemory(run);
  const bytes = SHARE * run.memory - weights - trained - programs;
  return { bytes, recompute: run.recompute, isHeadFrozen: isHeadFrozen(run) };
}

/** Whether a base predicts tokens: encoders do not, nor do others under a head of classes. */
const predictsTokens = ({ sites }: BaseModel): boolean => sites.some(({ kind }) => kind === 'head');

/** Whether every text is read twice: an encoder-decoder reads it with both stacks under a head of classes. */
const readsTwice = (base: BaseModel): boolean =>
  base.architecture.kind === 'encoder-decoder' && !predictsTokens(base);

/** Whether nothing of the head of a language model is trained, neither its weight nor an edit of it. */
function isHeadFrozen({ base, delta }: Pick<MemoryCase, 'base' | 'delta'>): boolean {
  const { architecture } = base;
  if (architecture.kind === 'encoder' || !predictsTokens(base)) return true;
  const heads = base.sites.filter(({ kind }) => kind === 'head');
  const isOfHead = (name: string): boolean =>
    name === architecture.head || heads.some((site) => name.startsWith(`${site.name}.`));
  return !Object.keys(trainedShapes(base, delta)).some(isOfHead);
}

/** The parts that are the same for every batch. */
function fixedMemory({
  base,
  delta,
  recipe,
  precision,
}: Pick<MemoryCase, 'base' | 'delta' | 'recipe' | 'precision'>): Pick<
  MemoryEstimate,
  'weights' | 'trained' | 'programs'
> {
  const trainedNumbers = sum(Object.values(trainedShapes(base, delta)).map(sizeOf));
  const moments = recipe.optimizer === 'sgd' ? Number(recipe.momentum > 0) : 2;
  return {
    weights: baseBytes(
      base,
      new Set(unfrozenTensors(base, delta)),
      floatTypeOf(precision) === 'float32' ? 4 : 2,
    ),
    trained: 4 * (2 + moments) * trainedNumbers,
    programs: PROGRAMS + unpackedBytes(base),
  };
}

/** The scores of a batch of predicted tokens, in bytes. */
const SCORED = 4 * 2 ** 24;

/** Tokens of a text that is written with its prompt, where nothing is known of them. */
const WRITTEN = 1024;

/** The memory that scoring texts with a base, or writing them, is expected to take, in bytes. */
export function scoringMemory(base: BaseModel, isWriting: boolean, memory: number): number {
  const { architecture } = base;
  const tokens = Math.min(WRITTEN, architecture.positions);
  const cache = rowsAtOnce(architecture, tokens, memory) * cacheBytes(architecture, tokens);
  const weights = baseBytes(base, new Set(), 4);
  // The programs that read prompts and that write take the weights once more, by measurement.
  const work = isWriting ? weights + cache : SCORED;
  return weights + unpackedBytes(base) + PROGRAMS + work;
}

/** Bytes of the base's tensors that are not trained; those that are not packed take `plainBytes` a number. */
export function baseBytes(base: BaseModel, trained: ReadonlySet<string>, plainBytes: number): number {
  const { shapes, weights } = base;
  const packed = weights ? packedSites(base) : undefined;
  return sum(
    Object.entries(shapes).map(([name, shape]) => {
      const site = packed?.get(name);
      if (trained.has(name)) return 0;
      if (!site) return sizeOf(shape) * plainBytes;
      const { outputs, inputs } = site;
      const parts = partsOf({ format: formatOf(weights!, inputs), outputs, inputs });
      return sum(parts.map(({ bytes }) => bytes));
    }),
  );
}

/** Bytes of the largest packed weight in float32, once for its product and once for its gradient. */
function unpackedBytes(base: BaseModel): number {
  if (!base.weights) return 0;
  const sizes = [...packedSites(base).values()].map(({ inputs, outputs }) => inputs * outputs);
  return 2 * 4 * Math.max(0, ...sizes);
}
