import { sum } from 'simple-statistics';
import { type Draw, type Engine, randomKey, type State, type TensorTypes } from '../../engine/types.ts';
import {
  freezeTensors,
  initialize,
  trainedShapes,
  unfrozenTensors,
} from '../../models/delta/trained-tensors.ts';
import { randomStream } from '../../support/random-stream.ts';
import { type Delta, virtualTokens } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import {
  cutMicroBatches,
  fittingShape,
  planShapes,
  shapeKey,
  stepExamples,
} from '../objectives/batch-shapes.ts';
import { readCheckpoint, removeCheckpoint, writeCheckpoint, type RunMetadata } from './checkpoint.ts';
import type { Answered, BatchShape, Objective } from '../objectives/objective.ts';
import { firstScaler } from '../step/loss-scale.ts';
import { rates } from '../step/optimizer.ts';
import { packArrays, packTensors, unpackArrays, type Pack } from '../step/parameter-packs.ts';
import { defineTraining, type TrainingPrograms } from '../step/programs.ts';
import type { Recipe } from '../recipe.ts';
import { learningRateFactor } from '../step/schedule.ts';
import { replicasFor } from './choose-replicas.ts';
import { stepAlone, type Part, type Stepping } from './stepping.ts';
import { Interrupted, type TrainingJob, type TrainingResult } from './job.ts';
import { sizeOf } from '../../support/arithmetic.ts';

type Arrays = Record<string, Float32Array>;

/** Seconds between checkpoints; a large state is written less often, so that writing stays a small share. */
const CHECKPOINT_SECONDS = 30;
const WRITING_SHARE = 20;

/** Steps skipped by the loss scaling in a row: halved so often, no scale is left that could be the reason. */
const MOST_SKIPPED = 100;

/** Steps of a whole run: `epochs` passes, or `maxSteps` if that is less. */
export function countSteps(
  recipe: Pick<Recipe, 'epochs' | 'batchSize' | 'maxSteps'>,
  examples: number,
): number {
  const all = Math.ceil(recipe.epochs * Math.ceil(examples / recipe.batchSize));
  return Math.min(all, recipe.maxSteps ?? Infinity);
}

/**
 * Trains a method on a base and returns its tensors at the best evaluation. Goes on from the checkpoint in `folder` and
 * ends as if it had never stopped. Throws Interrupted when told to stop.
 */
export async function train<Example>(job: TrainingJob<Example>): Promise<TrainingResult> {
  const { engine, base, delta, objective, recipe, seed, folder, signal } = job;
  const packs = packTensors(trainedTensors(base, delta));
  const positions = base.architecture.positions - virtualTokens(delta);
  const taken = (examples: readonly Example[]): Example[] =>
    examples.map((example) => objective.cut(example, positions));
  const all = taken(job.train);
  const seen = (epoch: number): readonly Example[] => (job.trainAt ? taken(job.trainAt(epoch)) : all);
  const examplesOf = stepExamples(all, recipe.batchSize, seed, seen);
  const totalSteps = packs.length === 0 ? 0 : countSteps(recipe, job.train.length);
  const every = recipe.evaluateEvery ?? Math.ceil(job.train.length / recipe.batchSize);
  const tokens = (recipe.batchSize * sum(all.map(objective.lengthOf))) / Math.max(1, all.length);
  // Runs that are trained together are cut as each would be by itself: dropout is drawn for micro-batches.
  const replicas = replicasFor(engine, base, packs, tokens, totalSteps);
  const planned = Array.from({ length: totalSteps }, (_, step) =>
    cutMicroBatches(objective, examplesOf(step), recipe.microBatch, replicas),
  );
  checkTargets(objective, planned);
  const accumulating = planned.some((parts) => parts.length > 1);
  const shapes = planShapes(planned.flat().map(objective.sizesOf), engine.device);
  const validation = cutMicroBatches(objective, taken(job.validation));
  const tested = taken(job.test ?? []);
  const test = cutMicroBatches(objective, tested);
  const validationShapes = planShapes([...validation, ...test].map(objective.sizesOf), engine.device);
  const setup = { base, delta, objective, packs, recipe, totalSteps, precision: engine.precision };
  const joined = await job.companion?.join({ engine, setup, seed, objective, planned, shapes, accumulating });
  const stepping =
    joined ??
    stepAlone(engine, await freezeTensors(engine, base, delta, seed), defineTraining(setup, accumulating), objective, shapes, accumulating && replicas > 1); // prettier-ignore
  const { types, programs } = stepping;
  const state = await startState(engine, types, job, packs);

  let run: RunMetadata = { step: 0, bestStep: 0, bestScore: null, waited: 0, seconds: { train: 0, evaluate: 0 }, log: [], evaluations: [] }; // prettier-ignore
  let best: Arrays | undefined;
  const sums = gradientsIn(types);
  const saved = Object.fromEntries(Object.entries(types).filter(([name]) => !sums.includes(name)));
  const kept = Object.keys(types).filter((name) => /^(trained|own)\//.test(name));
  const resumed = await findCheckpoint(job, saved, kept, totalSteps);
  if (resumed) {
    run = resumed.run;
    best = resumed.best;
    state.write(resumed.state);
  }
  const resumedFrom = resumed?.run.step;

  // By the clock of the steps, which runs that are trained together share: they save at the same one.
  let clock: number | undefined;
  let savedAt: number | undefined;
  let writing = 0;
  const save = async (): Promise<void> => {
    if (folder === undefined) return;
    const start = performance.now();
    await writeCheckpoint(folder, types, await state.read(Object.keys(saved)), best, run, job.mayWrite);
    savedAt = clock;
    writing = performance.now() - start;
  };

  const tensorsOf = async (arrays: Arrays): Promise<TrainingResult['tensors']> => ({
    ...unpackArrays(packs, stripped('trained', arrays)),
    ...ownTensors(delta, arrays),
    ...(await frozenTensors(job)),
  });

  const isSkipped = ({ gradientNorm }: RunMetadata['log'][number]): boolean => gradientNorm === null;
  let skipped = run.log.filter(isSkipped).length;
  const isPatient = (): boolean => recipe.patience === undefined || run.waited < recipe.patience;
  // A run may have been killed between its last step and its end.
  let stopped: TrainingResult['stopped'] = isPatient() ? undefined : 'patience';
  let diverged: string | undefined;
  const evaluateNow = async (): Promise<void> => {
    const start = performance.now();
    const { loss, answers } = await evaluate(programs, objective, validationShapes, state, validation);
    const broken = notFinite('validation', loss, answers);
    if (broken !== undefined) {
      diverged = `${broken} at step ${run.step} of ${totalSteps}`;
      return;
    }
    const now = async (): ReturnType<typeof tensorsOf> => tensorsOf(await state.read(kept));
    const validated = await job.validate?.(answers, now);
    const { metrics, score } = validated ?? { metrics: undefined, score: -loss };
    const seconds = (performance.now() - start) / 1000;
    run.evaluations.push({ step: run.step, loss, ...(metrics && { metrics }), seconds });
    run.seconds.evaluate += seconds;
    // A score may be NaN, such as the correlation of predictions that are all the same: any other is better.
    const isBetter = Number.isFinite(score) && !(score <= (run.bestScore ?? NaN));
    if (best === undefined || isBetter) {
      run = { ...run, bestScore: finite(score), bestStep: run.step, waited: 0 };
      best = await state.read(kept);
    } else {
      run = { ...run, waited: run.waited + 1 };
      if (!isPatient()) stopped = 'patience';
    }
  };

  const testNow = async (): Promise<TrainingResult['test']> => {
    const start = performance.now();
    if (best) state.write(best);
    const { loss, answers } = await evaluate(programs, objective, validationShapes, state, test);
    diverged = notFinite('test', loss, answers);
    const found = new Map(answers.map(({ example, answer }) => [example, answer]));
    return {
      answers: tested.map((example) => found.get(example)!),
      seconds: (performance.now() - start) / 1000,
    };
  };

  try {
    while (run.step < totalSteps && !stopped) {
      await stepping.ready();
      if (signal?.aborted) {
        await save();
        throw new Interrupted(`stopped after step ${run.step} of ${totalSteps}`);
      }
      const parts = planned[run.step]!;
      const rate = recipe.learningRate * learningRateFactor(recipe, run.step, totalSteps);
      const { loss, norm, milliseconds, at } = await takeStep(stepping, objective, state, parts, {
        // The optimiser has not seen the steps that were skipped.
        rates: rates(recipe, packs, rate, run.step - skipped + 1),
        step: run.step,
        seed,
        dropout: recipe.dropout && (recipe.dropoutFrom !== 'first-evaluation' || run.evaluations.length > 0),
      }); // prettier-ignore
      clock = at;
      savedAt ??= at;
      const tokens = parts.flat().reduce((sum, example) => sum + objective.lengthOf(example), 0);
      run.step++;
      run.seconds.train += milliseconds / 1000;
      const used = [...new Set(parts.map((part) => shapeKey(fittingShape(objective.sizesOf(part), shapes))))];
      run.log.push({ step: run.step, loss: finite(loss), learningRate: rate, gradientNorm: finite(norm), milliseconds, tokens, shapes: used }); // prettier-ignore
      if (engine.precision === 'float16' && !Number.isFinite(norm)) {
        skipped++;
        const last = run.log.slice(-MOST_SKIPPED);
        if (last.length === MOST_SKIPPED && last.every(isSkipped)) {
          diverged = `the gradient was not finite in ${MOST_SKIPPED} steps in a row, whatever the loss scale, at step ${run.step} of ${totalSteps}`;
          break;
        }
      } else if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
        const what = Number.isFinite(loss) ? `the gradient's norm is ${norm}` : `the loss is ${loss}`;
        diverged = `${what} at step ${run.step} of ${totalSteps}`;
        break;
      }
      job.onProgress?.({ step: run.step, totalSteps, loss, tokensPerSecond: (1000 * tokens) / milliseconds });
      if (run.step % every === 0 || run.step === totalSteps) {
        if (job.validation.length > 0) await evaluateNow();
        if (diverged !== undefined) break;
        await save();
      } else if (at - savedAt >= Math.max(CHECKPOINT_SECONDS * 1000, WRITING_SHARE * writing)) {
        await save();
      }
    }
    stepping.finish();
    const last = await state.read(kept);
    const broken = Object.entries(last).find(([, data]) => !data.every(Number.isFinite));
    if (broken) diverged ??= `the trained tensor ${broken[0]} is no longer finite after step ${run.step}`;
    const nothing: TrainingResult['test'] = { answers: [], seconds: 0 };
    const tests = job.test !== undefined && diverged === undefined;
    const answered = tests ? (tested.length > 0 ? await testNow() : nothing) : undefined;
    return {
      ...(answered && diverged === undefined && { test: answered }),
      tensors: await tensorsOf(best ?? last),
      bestStep: best ? run.bestStep : run.step,
      totalSteps,
      log: run.log.map((row) => ({ ...row, loss: row.loss ?? NaN, gradientNorm: row.gradientNorm ?? NaN })),
      evaluations: run.evaluations.map((e) => ({ ...e, loss: e.loss ?? NaN })),
      ...(stopped && { stopped }),
      ...(diverged !== undefined && { diverged }),
      // Made again: nobody needs them between.
      neverMoved: unmoved(delta, packs, await initialTensors(job, packs), last),
      seconds: { compile: stepping.seconds(), train: run.seconds.train, evaluate: run.seconds.evaluate },
      ...(resumedFrom !== undefined && { resumedFrom }),
      ...(stepping.runs > 1 && { together: stepping.runs }),
    };
  } finally {
    await stepping.dispose();
    state.dispose();
  }
}

/** The checkpoint to go on from, unless it cannot be used: then the run says why, and begins anew. */
async function findCheckpoint<Example>(
  { folder, onNote }: TrainingJob<Example>,
  types: TensorTypes,
  kept: readonly string[],
  totalSteps: number,
): Promise<Exclude<Awaited<ReturnType<typeof readCheckpoint>>, { reason: string }>> {
  if (folder === undefined) return undefined;
  const found = await readCheckpoint(folder, types, kept, totalSteps);
  if (!found || !('reason' in found)) return found;
  onNote?.(`The checkpoint in ${folder} is not used: ${found.reason}. The run begins anew.`);
  await removeCheckpoint(folder);
  return undefined;
}

/** Names of the gradients that add up in a state within a step. */
const gradientsIn = (types: TensorTypes): string[] =>
  Object.keys(types).filter((name) => name.startsWith('gradients/'));

/** As JSON holds a number. */
const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);
const zeros = (shape: readonly number[]): Float32Array => new Float32Array(sizeOf(shape));
const stripped = (prefix: string, arrays: Arrays): Arrays =>
  Object.fromEntries(
    Object.entries(arrays)
      .filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, data]) => [name.slice(prefix.length + 1), data]),
  );

type Attached = Pick<TrainingJob<never>, 'base' | 'delta' | 'seed'>;

function trainedTensors(base: BaseModel, delta: Delta): Parameters<typeof packTensors>[0] {
  return Object.entries(trainedShapes(base, delta)).map(([name, shape]) => {
    const spec = delta.trained[name];
    return { name, shape, decays: spec?.weightDecay !== 0, rate: spec?.learningRate ?? 1 };
  });
}

/** The state before the first step. */
export async function startState(
  engine: Engine,
  types: TensorTypes,
  attached: Attached,
  packs: readonly Pack[],
): Promise<State> {
  const initial = await initialTensors(attached, packs);
  return engine.state(
    Object.fromEntries(Object.entries(types).map(([name, { shape }]) => [name, { shape, data: initial[name] ?? zeros(shape) }])), // prettier-ignore
  );
}

async function initialTensors({ base, delta, seed }: Attached, packs: readonly Pack[]): Promise<Arrays> {
  const tensors = await initialize(delta.trained, base, seed);
  for (const name of unfrozenTensors(base, delta)) tensors[name] = await base.tensor(name);
  const packed = packArrays(packs, tensors);
  const own = await initialize(delta.state ?? {}, base, seed);
  return {
    ...Object.fromEntries(Object.entries(packed).map(([name, data]) => [`trained/${name}`, data])),
    ...Object.fromEntries(Object.entries(own).map(([name, data]) => [`own/${name}`, data])),
    ...firstScaler,
  };
}

function ownTensors(
  delta: Delta,
  kept: Arrays,
): Record<string, { shape: readonly number[]; data: Float32Array }> {
  return Object.fromEntries(
    Object.entries(stripped('own', kept)).map(([name, data]) => [
      name,
      { shape: delta.state![name]!.shape, data },
    ]),
  );
}

/** What the method made at the start and never trained: decoding and saving need it as much. */
async function frozenTensors({ delta, base, seed }: Attached): Promise<TrainingResult['tensors']> {
  const frozen = delta.frozen ?? {};
  const values = Object.entries(await initialize(frozen, base, seed));
  return Object.fromEntries(values.map(([name, data]) => [name, { shape: frozen[name]!.shape, data }]));
}

/** Takes an optimiser step: its loss, its gradient's norm, its milliseconds and when it was done. */
export async function takeStep<Example>(
  { accumulating, compute }: Pick<Stepping<Example>, 'accumulating' | 'compute'>,
  objective: Objective<Example>,
  state: State,
  parts: readonly Example[][],
  { rates, step, seed, dropout }: { rates: Arrays; step: number; seed: number; dropout: boolean },
): Promise<{ loss: number; norm: number; milliseconds: number; at: number }> {
  const counter = Float32Array.of(step);
  const drawing =
    (part: number): Draw =>
    (mask, out) => {
      randomStream(seed, `${randomKey(mask)} ${step} ${part}`).dropout(out, mask.rate);
    };
  const weight = 1 / countTargets(objective, parts);
  const common = { weight, dropout };
  const spent = { ...common, steering: { ...rates, step: counter } };
  const calls: Part<Example>[][] = accumulating
    ? [
        parts.map((examples, part) => ({ ...common, kind: 'accumulate', examples, steering: { step: counter }, draw: drawing(part) })), // prettier-ignore
        [{ ...spent, kind: 'apply', examples: [], draw: drawing(0) }],
      ]
    : [[{ ...spent, kind: 'step', examples: parts[0] ?? [], draw: drawing(0) }]];
  const taken = { loss: 0, norm: 0, milliseconds: 0, at: 0 };
  for (const call of calls) {
    const { outputs, milliseconds, computedAt: at } = await compute(state, call);
    taken.loss += sum(outputs.map(({ loss }) => loss?.[0] ?? 0));
    taken.norm = outputs.at(-1)!.norm?.[0] ?? 0;
    taken.milliseconds += milliseconds;
    taken.at = at;
  }
  // Between two steps no gradients wait to be spent.
  state.clear(gradientsIn(state.types));
  return taken;
}

/**
 * The mean of the loss's terms over all batches, and the answers, where the objective has them; throws RangeError where the
 * batches have no terms.
 */
export async function evaluate<Example>(
  programs: Pick<TrainingPrograms, 'evaluate'>,
  objective: Objective<Example>,
  shapes: readonly BatchShape[],
  state: State,
  batches: readonly Example[][],
): Promise<{ loss: number; answers: Answered<Example>[] }> {
  const terms = countTargets(objective, batches);
  if (terms === 0) throw new RangeError('an evaluation needs at least one target, got none');
  let sum = 0;
  const answers: Answered<Example>[] = [];
  for (const batch of batches) {
    const shape = fittingShape(objective.sizesOf(batch), shapes);
    const out = await (await programs.evaluate(shape)).run(state, objective.fill(batch, shape, 1));
    sum += out.loss![0]!;
    const rows = out.answers as Float32Array | undefined;
    if (rows) {
      const width = rows.length / shape.rows;
      batch.forEach((example, i) =>
        answers.push({ example, answer: rows.slice(i * width, (i + 1) * width) }),
      );
    }
    await new Promise(setImmediate);
  }
  return { loss: sum / terms, answers };
}

/** Why an evaluation of a split says nothing; undefined where all its numbers are finite. */
function notFinite(
  split: string,
  loss: number,
  answers: readonly Pick<Answered<unknown>, 'answer'>[],
): string | undefined {
  // Before any maximum is taken, which passes over a NaN.
  if (!answers.every(({ answer }) => answer.every(Number.isFinite)))
    return `the model's outputs on the ${split} set are not finite`;
  return Number.isFinite(loss) ? undefined : `the loss on the ${split} set is ${loss}`;
}

/** Throws RangeError where a step has nothing to learn from: its loss would be a mean over nothing. */
function checkTargets<Example>(objective: Objective<Example>, planned: readonly Example[][][]): void {
  const empty = planned.findIndex((parts) => countTargets(objective, parts) === 0);
  if (empty < 0) return;
  throw new RangeError(
    `none of the ${planned[empty]!.flat().length} examples of step ${empty + 1} has a target: their answers are empty, or their prompts fill all positions of the base`,
  );
}

const countTargets = <Example>({ targetsOf }: Objective<Example>, batches: readonly Example[][]): number =>
  batches.flat().reduce((count, example) => count + targetsOf(example), 0);

/** Trained tensors whose every value is what it was at the start, but for those that the method itself put back there. */
function unmoved(delta: Delta, packs: readonly Pack[], before: Arrays, after: Arrays): string[] {
  const start = unpackArrays(packs, stripped('trained', before));
  const now = unpackArrays(packs, stripped('trained', after));
  const values = Object.fromEntries(Object.entries(now).map(([name, { data }]) => [name, data]));
  const all = { ...values, ...stripped('own', after) };
  return Object.entries(start)
    .filter(([name, { data }]) => data.every((x, i) => x === values[name]![i]))
    .map(([name]) => name)
    .filter((name) => !delta.putsBack?.(name, all));
}
