/**
 * Trains a base from texts and writes it as a Hugging Face folder: settings, texts, tokenizer, training,
 * record, folder. Used by `bench pretrain` and for the built-in bases; a run that was stopped goes on from
 * its working folder.
 */
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import { loadTokenizer, type Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { createEngine } from '../../engine/create.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { newBase } from '../../models/bases/new-base.ts';
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import { UsageError } from '../../support/errors.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';
import { Diverged, type StepProgress, type TrainingResult } from '../../training/loop/job.ts';
import { train } from '../../training/loop/train.ts';
import type { Piece } from '../../training/pretraining/documents.ts';
import type { Row } from '../../training/pretraining/objective.ts';
import { unigramLoss } from '../../training/pretraining/unigram.ts';
import type { Recipe } from '../../training/recipe.ts';
import { claimWork, clearWork, findFinished, writeBase } from './base-folder.ts';
import { pretrainObjective } from './pretrain-objective.ts';
import type { PretrainRecord, PretrainRequest } from './pretrain-record.ts';
import { checkDtype, checkFamily, EVALUATIONS, pretrainRecipe } from './pretrain-settings.ts';
import { findTokenizer, packTexts, readTexts, type PackedTexts, type TextFile } from './pretrain-texts.ts';

export interface PretrainOptions {
  readonly signal: AbortSignal;
  onProgress(progress: StepProgress): void;
  /** Something that the user should know; one line. */
  onNote?(text: string): void;
}

/**
 * Pretrains a base; returns the record of the folder where it is there already with these settings. Throws
 * UsageError where something asked for cannot be used, and Interrupted when `signal` is aborted.
 */
export async function pretrain(request: PretrainRequest, options: PretrainOptions): Promise<PretrainRecord> {
  const { steps, length, seed } = request;
  const family = checkFamily(request.family);
  const dtype = checkDtype(request.dtype);
  const out = resolve(request.out);
  const work = `${out}.work`;
  const recipe = pretrainRecipe(request.settings, family, steps);
  const files = await unlessAborted(readTexts(request.texts), options.signal);
  const texts = files.map(({ path, sha256 }) => ({ name: basename(path), sha256 }));
  const tokenizerSetting = request.tokenizer
    ? (await loadTokenizer(request.tokenizer)).hash
    : request.vocabulary;
  const settings = {
    family,
    config: request.config,
    texts,
    tokenizer: tokenizerSetting,
    steps,
    length,
    seed,
    recipe,
    dtype,
  };
  const identity = hashJson(settings);
  const finished = await findFinished(out, identity);
  if (finished) return finished;

  const code = await codeVersion();
  await clearWork(work, identity);
  const documents = files.flatMap((file: TextFile) => file.documents);
  const tokenizer = await unlessAborted(findTokenizer(request, family, documents, work), options.signal);
  const base = newBase({ family, settings: request.config, tokenizer, length, seed });
  checkLength(length, base);
  const packed = packTexts(documents, base, tokenizer, length, seed);
  await claimWork(work, identity);
  const started = Date.now();
  const trained = await trainBase({ request, recipe, base, tokenizer, packed, work, options });
  const record: PretrainRecord = {
    schema: 1,
    identity,
    settings,
    ...(request.terms !== undefined && { terms: request.terms }),
    ...describeTraining(trained, documents.length, packed),
    seconds: { ...trained.result.seconds, all: (Date.now() - started) / 1000 },
    tokensPerSecond: tokensOf(trained.result) / trained.result.seconds.train,
    ...(trained.result.resumedFrom !== undefined && { resumedFrom: trained.result.resumedFrom }),
    code,
    environment: await describeEnvironment(request.threads ?? availableParallelism()),
  };
  const { tensors } = trained.result;
  await writeBase(out, { base, tokenizer, tensors, dtype, record, request, texts });
  await rm(work, { recursive: true, force: true });
  return record;
}

function checkLength(length: number, { architecture: { positions } }: BaseModel): void {
  if (length <= positions) return;
  throw new UsageError(`--length ${length} is more than the ${positions} positions of --config.`);
}

/** What training needs. */
interface BaseTraining {
  readonly request: PretrainRequest;
  readonly recipe: Recipe;
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  readonly packed: PackedTexts;
  readonly work: string;
  readonly options: PretrainOptions;
}

/** What training gives. */
interface TrainedBase {
  readonly result: TrainingResult;
  /** Passes over the rows to train on. */
  readonly epochs: number;
  /** The loss of predicting each token by its frequency alone. */
  readonly unigramLoss: number;
}

/** Trains all weights of a base; each epoch draws its masks anew. Throws Diverged. */
async function trainBase(training: BaseTraining): Promise<TrainedBase> {
  const { request, recipe, base, tokenizer, packed, work, options } = training;
  const { steps, seed, threads } = request;
  const { draw, delta, objective } = pretrainObjective(base, tokenizer);
  const drawRows = (rows: PackedTexts['train'], stream: string): Row[] =>
    rows.map((row, r) =>
      row.map((piece: Piece, p) => draw(piece, () => randomStream(seed, `${stream}/${r}/${p}`))),
    );
  const trainAt = (epoch: number): Row[] => drawRows(packed.train, `draw/${epoch}`);
  const first = trainAt(0);
  const validation = drawRows(packed.validation, 'draw/validation');
  const stepsPerEpoch = Math.ceil(packed.train.length / recipe.batchSize);
  const result = await train<Row>({
    engine: await createEngine({ name: 'onnx', ...(threads !== undefined && { threads }) }),
    base,
    delta,
    objective,
    train: first,
    trainAt,
    validation,
    recipe: { ...recipe, epochs: Math.ceil(steps / stepsPerEpoch), maxSteps: steps },
    seed,
    folder: work,
    signal: options.signal,
    onProgress: options.onProgress,
    onNote: (text) => options.onNote?.(text),
  });
  if (result.diverged !== undefined) throw new Diverged(result.diverged);
  return {
    result,
    epochs: steps / stepsPerEpoch,
    unigramLoss: unigramLoss(first, validation, base.architecture.vocabulary),
  };
}

const tokensOf = ({ log }: TrainingResult): number => sum(log.map(({ tokens }) => tokens));

/** Parameters, text and training as the record has them. */
function describeTraining(
  { result, epochs, unigramLoss }: TrainedBase,
  documents: number,
  { train: trainRows, validation }: PackedTexts,
) {
  return {
    parameters: sum(Object.values(result.tensors).map(({ data }) => data.length)),
    text: { documents, trainRows: trainRows.length, validationRows: validation.length, epochs },
    training: {
      steps: result.totalSteps,
      bestStep: result.bestStep,
      tokens: tokensOf(result),
      evaluations: result.evaluations.map((each) => ({ ...each })),
      unigramLoss,
      log: summarizeLog(result),
    },
  };
}

/** The log's mean loss and gradient norm over as many stretches as there are evaluations. */
function summarizeLog({ log }: TrainingResult): { step: number; loss: number; gradientNorm: number }[] {
  const size = Math.ceil(log.length / EVALUATIONS);
  return Array.from({ length: Math.ceil(log.length / size) }, (_, i) => {
    const part = log.slice(i * size, (i + 1) * size);
    const mean = (valueOf: (step: (typeof part)[number]) => number): number =>
      sum(part.map(valueOf)) / part.length;
    return {
      step: part.at(-1)!.step,
      loss: mean(({ loss }) => loss),
      gradientNorm: mean(({ gradientNorm }) => gradientNorm),
    };
  });
}
