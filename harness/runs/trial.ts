import { basename } from 'node:path';
import { writeFileAtomic } from '../data/atomic.ts';
import { hashFile } from '../data/hash.ts';
import { writeSafetensors } from '../data/safetensors.ts';
import type { Prediction, TestScore, TextTask } from '../data/task.ts';
import type { Engine } from '../engine/types.ts';
import { Diverged, type TrainingResult } from '../training/types.ts';
import { encodeSplit, type TextSplit } from './encode.ts';
import type { PreparedCell } from './prepare.ts';
import type { RunRecord } from './record.ts';
import { besideRecord } from './store.ts';

/** How far a cell is. */
export interface CellProgress {
  readonly phase: 'train' | 'generate';
  readonly done: number;
  readonly total: number;
  /** Such as the loss. */
  readonly detail: string;
}

/** What a run has found out so far; a failed run keeps what there is. */
export type Findings = Pick<
  RunRecord,
  'examples' | 'training' | 'metrics' | 'seconds' | 'tokensPerSecond' | 'files'
>;

export interface Trial {
  readonly run: PreparedCell;
  readonly engine: Engine;
  /** Where checkpoints lie. */
  readonly folder: string;
  readonly events: { onProgress(progress: CellProgress): void };
  readonly signal: AbortSignal;
}

/** Trains, generates and scores one cell, and writes its files; fills `findings` as it goes, so that a failure keeps them. */
export async function trainAndTest(
  {
    run: { cell, task, place, splits, base, tokenizer, endToken, delta },
    engine,
    folder,
    events,
    signal,
  }: Trial,
  findings: Findings,
): Promise<void> {
  const { recipe, seed } = cell;
  const cut = <T>(items: readonly T[]) => items.slice(0, cell.limits.examples ?? undefined);
  const parts = { train: cut(splits.train), validation: cut(splits.validation), test: cut(splits.test) };
  findings.examples = {
    train: { used: parts.train.length, of: splits.train.length },
    validation: { used: parts.validation.length, of: splits.validation.length },
    test: { used: parts.test.length, of: splits.test.length },
  };
  const encode = (items: TextSplit['items']) => encodeSplit({ task, items }, tokenizer, recipe);

  const { train } = await import('../training/train.ts');
  const { languageModel } = await import('../training/language-model.ts');
  const result = await train({
    ...{ engine, base, delta, recipe, seed, folder, signal },
    objective: languageModel(base.architecture, recipe.labelSmoothing),
    train: await encode(parts.train),
    validation: await encode(parts.validation),
    onProgress: ({ step, totalSteps, loss, tokensPerSecond }) => {
      const detail = `loss ${loss.toFixed(4)}, ${Math.round(tokensPerSecond)} tokens/s`;
      events.onProgress({ phase: 'train', done: step, total: totalSteps, detail });
    },
  });
  await keepTraining(place.path, result, findings);

  const { generate } = await import('../decoding/generate.ts');
  const prompts = (await encode(parts.test)).map(({ prompt }) => prompt);
  const { tokens, seconds } = await generate({
    ...{ engine, base, delta, tensors: result.tensors, prompts, signal },
    // The recipe's names for how decoding chooses are the generator's.
    ...recipe,
    eosId: recipe.stopAtEnd ? endToken : undefined,
    onProgress: (done: number) => {
      events.onProgress({ phase: 'generate', done, total: prompts.length, detail: '' });
    },
  });
  findings.seconds.generate = seconds;
  findings.tokensPerSecond.generate = perSecond(
    tokens.map((row) => row.length),
    seconds,
  );
  const predictions = parts.test.map((item, i) => ({
    ...item,
    prediction: task.clean(tokenizer.decode(untilEnd(tokens[i]!, endToken), { skipSpecialTokens: true })),
  }));
  // Kept before they are scored, so that no failure there loses them.
  await keepLines(place.path, 'predictions', predictions, findings);
  const segments = await score(task, predictions, findings);
  const scored = predictions.map((prediction, i) => ({ ...prediction, scores: segments?.[i] }));
  if (segments) await keepLines(place.path, 'predictions', scored, findings);
}

/** Decoding that does not know the end token goes on behind it. */
function untilEnd(tokens: readonly number[], endToken: number): number[] {
  const end = tokens.indexOf(endToken);
  return tokens.slice(0, end < 0 ? undefined : end);
}

async function keepTraining(path: string, result: TrainingResult, findings: Findings): Promise<void> {
  findings.training = {
    steps: result.log.length,
    bestStep: result.bestStep,
    ...(result.stopped && { stopped: result.stopped }),
    ...(result.resumedFrom !== undefined && { resumedFrom: result.resumedFrom }),
    neverMoved: [...result.neverMoved],
    evaluations: result.evaluations.map(({ step, loss, seconds }) => ({
      ...{ step, seconds },
      loss: Number.isFinite(loss) ? loss : null,
    })),
  };
  Object.assign(findings.seconds, result.seconds);
  findings.tokensPerSecond.train = perSecond(
    result.log.map(({ tokens }) => tokens),
    result.log.reduce((total, { milliseconds }) => total + milliseconds, 0) / 1000,
  );
  await keepLines(path, 'steps', result.log, findings);
  if (result.diverged !== undefined) throw new Diverged(result.diverged);
  // LoRA's A has no gradient in the first step and a warm-up no rate: two steps prove nothing.
  if (result.neverMoved.length && result.log.length > 2) {
    throw new Error(`trained tensors that never moved: ${result.neverMoved.join(', ')}`);
  }
  const file = besideRecord(path, 'safetensors');
  await writeSafetensors(file, result.tensors);
  findings.files.tensors = await described(file);
}

async function score(
  task: TextTask,
  predictions: readonly Prediction[],
  findings: Findings,
): Promise<TestScore['segments']> {
  const start = performance.now();
  const { metrics, segments } = await task.score(predictions);
  findings.seconds.score = (performance.now() - start) / 1000;
  for (const [name, value] of Object.entries(metrics)) {
    if (!task.metrics.some((metric) => metric.name === name))
      throw new Error(`${task.name} has no metric ${name}`);
    if (!Number.isFinite(value)) throw new Error(`the test's ${name} is ${value}`);
  }
  findings.metrics = task.metrics
    .filter(({ name }) => name in metrics)
    .map(({ name, ...info }) => ({ name, split: 'test', value: metrics[name]!, ...info }));
  return segments;
}

async function keepLines(
  path: string,
  kind: 'steps' | 'predictions',
  rows: readonly object[],
  findings: Findings,
): Promise<void> {
  const file = besideRecord(path, `${kind}.jsonl`);
  await writeFileAtomic(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  findings.files[kind] = await described(file);
}

async function described(file: string): Promise<{ name: string; sha256: string }> {
  return { name: basename(file), sha256: await hashFile(file) };
}

function perSecond(counts: readonly number[], seconds: number): number {
  return seconds > 0 ? counts.reduce((total, n) => total + n, 0) / seconds : 0;
}
