/**
 * Saves what a run has measured: metrics and times for its record, and steps, predictions and tensors in
 * files beside it. Results are filled in as they come, so that the record of a failed run has those that it
 * got.
 */
import { basename } from 'node:path';
import { writeFileAtomic, type BeforeRename } from '../../support/atomic-files.ts';
import { hashFile } from '../../support/hash.ts';
import { writeSafetensors } from '../../data/formats/safetensors.ts';
import type { Cell } from '../plan/cell.ts';
import type { Task } from '../../data/examples/task.ts';
import { Diverged, type StepProgress, type TrainingResult } from '../../training/loop/job.ts';
import type { RunRecord } from '../../records/record.ts';
import { warmSteps } from '../../records/beside/step-log.ts';
import { besideRecord } from '../../records/record-files.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/** The progress of a cell. */
export interface CellProgress {
  readonly phase: 'train' | 'generate' | 'evaluate';
  readonly done: number;
  readonly total: number;
  /** More in words, such as the loss. */
  readonly detail: string;
  /** What was measured of a step, by name, for logs. */
  readonly numbers?: Readonly<Record<string, number>> | undefined;
}

/** The part of a record that a run measures. */
export type RunResults = Pick<
  RunRecord,
  'examples' | 'training' | 'metrics' | 'seconds' | 'tokensPerSecond' | 'files'
>;

/** The progress of a cell after an optimiser step. */
export function trainProgress({ step, totalSteps, loss, tokensPerSecond }: StepProgress): CellProgress {
  const detail = `loss ${loss.toFixed(4)}, ${Math.round(tokensPerSecond)} tokens/s`;
  return { phase: 'train', done: step, total: totalSteps, detail, numbers: { loss, tokensPerSecond } };
}

/** Where a run saves its files: beside its record, each unless `mayWrite` throws. */
export interface ResultFiles {
  readonly place: { readonly path: string };
  readonly mayWrite: BeforeRename;
}

/**
 * Saves training; throws Diverged, or Error where a trained tensor never moved, after steps and times are
 * saved.
 */
export async function saveTraining(
  files: ResultFiles,
  result: TrainingResult,
  results: RunResults,
  { judgedOn }: Pick<Cell, 'judgedOn'>,
): Promise<void> {
  results.training = describeTraining(result);
  Object.assign(results.seconds, result.seconds);
  results.tokensPerSecond.train = trainingSpeed(result);
  await saveLines(files, 'steps', result.log, results);
  if (result.diverged !== undefined) throw new Diverged(result.diverged);
  // LoRA's A has no gradient in the first step and a warm-up no rate: two steps prove nothing.
  if (result.neverMoved.length && result.log.length > 2) {
    throw new Error(`trained tensors that never moved: ${result.neverMoved.join(', ')}`);
  }
  // Nobody asks for the tensors of a trial, and there are many trials.
  if (judgedOn) return;
  const file = besideRecord(files.place.path, 'safetensors');
  await writeSafetensors(file, result.tensors, {}, { beforeRename: files.mayWrite });
  results.files.tensors = await describeFile(file);
}

/** Training as a record has it; a loss that is not finite is null, which JSON can hold. */
function describeTraining(result: TrainingResult): RunResults['training'] {
  return {
    steps: result.log.length,
    bestStep: result.bestStep,
    ...(result.stopped && { stopped: result.stopped }),
    ...(result.resumedFrom !== undefined && { resumedFrom: result.resumedFrom }),
    ...(result.together !== undefined && { together: result.together }),
    neverMoved: [...result.neverMoved],
    evaluations: result.evaluations.map(({ step, loss, metrics, seconds }) => ({
      step,
      seconds,
      ...(metrics && { metrics }),
      loss: Number.isFinite(loss) ? loss : null,
    })),
  };
}

/**
 * Tokens trained in a second, without the first steps of each program; a run of a few steps has no others.
 */
function trainingSpeed({ log, resumedFrom }: TrainingResult): number {
  const warm = warmSteps(log, resumedFrom);
  const timed = warm.length > 0 ? warm : log;
  const tokens = timed.map((step) => step.tokens);
  return perSecond(tokens, sum(timed.map(({ milliseconds }) => milliseconds)) / 1000);
}

/** Metrics of the test split, in the task's order; throws Error where one is unknown or not finite. */
export function addMetrics(task: Task, metrics: Readonly<Record<string, number>>, results: RunResults): void {
  for (const [name, value] of Object.entries(metrics)) {
    if (!task.metrics.some((metric) => metric.name === name))
      throw new Error(`${task.name} has no metric ${name}`);
    if (!Number.isFinite(value)) throw new Error(`the test's ${name} is ${value}`);
  }
  results.metrics = task.metrics
    .filter(({ name }) => name in metrics)
    .map(({ name, higherIsBetter, scale, decimals }) => ({
      name,
      split: 'test',
      value: metrics[name]!,
      higherIsBetter,
      scale,
      decimals,
    }));
}

/** Writes rows as JSON lines beside the record. */
export async function saveLines(
  { place, mayWrite }: ResultFiles,
  kind: 'steps' | 'predictions',
  rows: readonly object[],
  results: RunResults,
): Promise<void> {
  const file = besideRecord(place.path, `${kind}.jsonl`);
  await writeFileAtomic(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''), mayWrite);
  results.files[kind] = await describeFile(file);
}

async function describeFile(file: string): Promise<{ name: string; sha256: string }> {
  return { name: basename(file), sha256: await hashFile(file) };
}

/** The rate of counts over a time; 0 where no time has passed. */
export function perSecond(counts: readonly number[], seconds: number): number {
  return seconds > 0 ? sum(counts) / seconds : 0;
}
