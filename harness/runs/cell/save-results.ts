/** What a run finds out, in its record and in the files beside it. */
import { basename } from 'node:path';
import { writeFileAtomic, type BeforeRename } from '../../support/atomic-files.ts';
import { hashFile } from '../../support/hash.ts';
import { writeSafetensors } from '../../data/formats/safetensors.ts';
import type { Task } from '../../data/examples/task.ts';
import { Diverged, type StepProgress, type TrainingResult } from '../../training/loop/job.ts';
import type { RunRecord } from '../../records/record.ts';
import { warmSteps } from '../../records/step-log.ts';
import { besideRecord } from '../../records/record-files.ts';
import { sum } from '../../support/arithmetic.ts';

/** How far a cell is. */
export interface CellProgress {
  readonly phase: 'train' | 'generate';
  readonly done: number;
  readonly total: number;
  /** Such as the loss. */
  readonly detail: string;
}

/** What a run has found out so far; a failed run keeps what there is. */
export type RunResults = Pick<
  RunRecord,
  'examples' | 'training' | 'metrics' | 'seconds' | 'tokensPerSecond' | 'files'
>;

/** The progress of a step. */
export function trainProgress({ step, totalSteps, loss, tokensPerSecond }: StepProgress): CellProgress {
  const detail = `loss ${loss.toFixed(4)}, ${Math.round(tokensPerSecond)} tokens/s`;
  return { phase: 'train', done: step, total: totalSteps, detail };
}

/** Where a run keeps its files: beside its record, each unless `mayWrite` throws. */
export interface ResultFiles {
  readonly place: { readonly path: string };
  readonly mayWrite: BeforeRename;
}

/** What training found, in files beside the record; throws Diverged, or Error where a trained tensor never moved. */
export async function saveTraining(
  keeping: ResultFiles,
  result: TrainingResult,
  results: RunResults,
): Promise<void> {
  results.training = {
    steps: result.log.length,
    bestStep: result.bestStep,
    ...(result.stopped && { stopped: result.stopped }),
    ...(result.resumedFrom !== undefined && { resumedFrom: result.resumedFrom }),
    ...(result.together !== undefined && { together: result.together }),
    neverMoved: [...result.neverMoved],
    evaluations: result.evaluations.map(({ step, loss, metrics, seconds }) => ({
      ...{ step, seconds, ...(metrics && { metrics }) },
      loss: Number.isFinite(loss) ? loss : null,
    })),
  };
  Object.assign(results.seconds, result.seconds);
  const warm = warmSteps(result.log, result.resumedFrom);
  // A run of a few steps has no others.
  const timed = warm.length > 0 ? warm : result.log;
  results.tokensPerSecond.train = perSecond(
    timed.map(({ tokens }) => tokens),
    timed.reduce((total, { milliseconds }) => total + milliseconds, 0) / 1000,
  );
  await saveLines(keeping, 'steps', result.log, results);
  if (result.diverged !== undefined) throw new Diverged(result.diverged);
  // LoRA's A has no gradient in the first step and a warm-up no rate: two steps prove nothing.
  if (result.neverMoved.length && result.log.length > 2) {
    throw new Error(`trained tensors that never moved: ${result.neverMoved.join(', ')}`);
  }
  const file = besideRecord(keeping.place.path, 'safetensors');
  await writeSafetensors(file, result.tensors, {}, { beforeRename: keeping.mayWrite });
  results.files.tensors = await described(file);
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

/** Rows as JSON lines beside the record. */
export async function saveLines(
  { place, mayWrite }: ResultFiles,
  kind: 'steps' | 'predictions',
  rows: readonly object[],
  results: RunResults,
): Promise<void> {
  const file = besideRecord(place.path, `${kind}.jsonl`);
  await writeFileAtomic(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''), mayWrite);
  results.files[kind] = await described(file);
}

async function described(file: string): Promise<{ name: string; sha256: string }> {
  return { name: basename(file), sha256: await hashFile(file) };
}

/** Their sum in a second. */
export function perSecond(counts: readonly number[], seconds: number): number {
  return seconds > 0 ? sum(counts) / seconds : 0;
}
