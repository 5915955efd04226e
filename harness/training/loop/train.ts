/**
 * The training loop: steps, evaluations, checkpoints and the result of one run. Its stages are files beside
 * this one; what is computed lies in step/ and objectives/. It ends in a result also where a run diverged,
 * and throws only where it was told to stop or cannot begin.
 */
import type { State, TensorTypes } from '../../engine/types.ts';
import { freezeTensors } from '../../models/delta/trained-tensors.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { fittingShape, shapeKey } from '../objectives/batch-shapes.ts';
import { rates } from '../step/optimizer.ts';
import { defineTraining } from '../step/programs.ts';
import { learningRateFactor } from '../step/schedule.ts';
import { readCheckpoint, removeCheckpoint, type FoundCheckpoint } from './checkpoint.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { evaluate, notFinite, type SplitResult } from './evaluate.ts';
import { Interrupted, type TrainingJob, type TrainingResult } from './job.ts';
import { planRun, type RunPlan } from './plan-run.ts';
import { RunState } from './run-state.ts';
import { checkpointTypes, keptTensors, neverMoved, resultTensors, startState } from './run-tensors.ts';
import { SoloRunner, type StepRunner } from './step-runner.ts';
import { takeStep, type StepResult } from './take-step.ts';

/** A run that is ready for its next step. */
interface Training<Example> {
  readonly job: TrainingJob<Example>;
  readonly plan: RunPlan<Example>;
  readonly runner: StepRunner<Example>;
  readonly state: State;
  readonly run: RunState;
  readonly checkpoints: CheckpointWriter;
}

/**
 * Trains a method on a base and returns its tensors at the best evaluation. Goes on from the checkpoint in
 * `folder` and ends as if it had never stopped. Throws Interrupted when told to stop, RangeError where a step
 * has no target.
 */
export async function train<Example>(job: TrainingJob<Example>): Promise<TrainingResult> {
  const training = await prepare(job);
  try {
    await takeSteps(training);
    return await finish(training);
  } finally {
    await training.runner.dispose();
    training.state.dispose();
  }
}

/**
 * Plans a run, compiles nothing yet, and puts its tensors on the engine, from its checkpoint where there is
 * one.
 */
async function prepare<Example>(job: TrainingJob<Example>): Promise<Training<Example>> {
  const { engine, recipe } = job;
  const plan = planRun(job);
  const runner = await findRunner(job, plan);
  const state = await startState(engine, runner.types, job, plan.packs);
  const checkpoint = await findCheckpoint(job, runner.types, plan.totalSteps);
  if (checkpoint) state.write(checkpoint.state);
  const limits = { totalSteps: plan.totalSteps, patience: recipe.patience, precision: engine.precision };
  const run = new RunState(limits, checkpoint);
  return { job, plan, runner, state, run, checkpoints: new CheckpointWriter(job, state) };
}

/** What computes the run's steps: one program for it and its companions, or programs of its own. */
async function findRunner<Example>(
  job: TrainingJob<Example>,
  plan: RunPlan<Example>,
): Promise<StepRunner<Example>> {
  const { engine, base, delta, objective, recipe, seed } = job;
  const { packs, totalSteps, steps, shapes, accumulating } = plan;
  const setup = { base, delta, objective, packs, recipe, totalSteps, precision: engine.precision };
  const prepared = { engine, setup, seed, objective, steps, shapes, accumulating };
  const joined = await job.companion?.join(prepared);
  if (joined) return joined;
  const frozen = await freezeTensors(engine, base, delta, seed);
  const inReplicas = accumulating && plan.replicas > 1;
  return new SoloRunner(engine, frozen, defineTraining(setup, accumulating), objective, shapes, inReplicas);
}

/** The checkpoint to go on from. Where it cannot be used the run says why, removes it and begins anew. */
async function findCheckpoint<Example>(
  { folder, onNote }: TrainingJob<Example>,
  types: TensorTypes,
  totalSteps: number,
): Promise<Exclude<FoundCheckpoint, { reason: string }> | undefined> {
  if (folder === undefined) return undefined;
  const found = await readCheckpoint(folder, checkpointTypes(types), keptTensors(types), totalSteps);
  if (!found || !('reason' in found)) return found;
  onNote?.(`The checkpoint in ${folder} is not used: ${found.reason}. The run begins anew.`);
  await removeCheckpoint(folder);
  return undefined;
}

/** Takes steps until the run is over: its last one, patience, or a number that is not finite. */
async function takeSteps<Example>(training: Training<Example>): Promise<void> {
  const { job, plan, runner, run, checkpoints } = training;
  while (!run.isOver) {
    await runner.ready();
    if (job.signal?.aborted) {
      await checkpoints.save(run);
      throw new Interrupted(`stopped after ${run.place}`);
    }
    const { loss, milliseconds, computedAt } = await stepOnce(training);
    checkpoints.stepDone(computedAt);
    if (run.diverged !== undefined) break;

    const { step } = run;
    const tokensPerSecond = (1000 * run.progress.log.at(-1)!.tokens) / milliseconds;
    job.onProgress?.({ step, totalSteps: plan.totalSteps, loss, tokensPerSecond });
    if (step % plan.evaluateEvery === 0 || step === plan.totalSteps) {
      const isSound = plan.validation.length === 0 || (await validate(training));
      if (!isSound) break;
      await checkpoints.save(run);
    } else if (checkpoints.isDue) {
      await checkpoints.save(run);
    }
  }
  runner.finish();
}

/** Takes the run's next step and logs it. */
async function stepOnce<Example>(training: Training<Example>): Promise<StepResult> {
  const { job, plan, runner, state, run } = training;
  const { objective, recipe, seed } = job;
  const microBatches = plan.steps[run.step]!;
  const learningRate = recipe.learningRate * learningRateFactor(recipe, run.step, plan.totalSteps);
  const isDropoutOn = recipe.dropoutFrom !== 'first-evaluation' || run.progress.evaluations.length > 0;
  const result = await takeStep(runner, objective, state, microBatches, {
    rates: rates(recipe, plan.packs, learningRate, run.optimizerStep),
    step: run.step,
    seed,
    dropout: recipe.dropout && isDropoutOn,
  });
  const shapes = microBatches.map((batch) => shapeKey(fittingShape(objective.sizesOf(batch), plan.shapes)));
  run.logStep({
    loss: result.loss,
    learningRate,
    gradientNorm: result.norm,
    milliseconds: result.milliseconds,
    tokens: sum(microBatches.flat().map(objective.lengthOf)),
    shapes: [...new Set(shapes)],
  });
  return result;
}

/**
 * Evaluates the validation split and keeps the tensors if they are the best so far; false where the run
 * diverged.
 */
async function validate<Example>({ job, plan, runner, state, run }: Training<Example>): Promise<boolean> {
  const start = performance.now();
  const { programs } = runner;
  const split = await evaluate(programs, job.objective, plan.evaluationShapes, state, plan.validation);
  const broken = notFinite('validation', split);
  if (broken !== undefined) {
    run.diverge(`${broken} at ${run.place}`);
    return false;
  }
  const kept = keptTensors(state.types);
  const tensors = async (): Promise<TrainingResult['tensors']> =>
    resultTensors(job, plan.packs, await state.read(kept));
  const validated = await job.validate?.(split.answers, tensors);
  const { metrics, score } = validated ?? { metrics: undefined, score: -split.loss };
  const seconds = (performance.now() - start) / 1000;
  const rank = job.recipe.keep === 'last' ? run.step : score;
  const isBest = run.logEvaluation({ loss: split.loss, metrics, seconds }, rank);
  if (isBest) run.best = await state.read(kept);
  return true;
}

/** Answers the test examples, checks the last tensors and puts the result together. */
async function finish<Example>(training: Training<Example>): Promise<TrainingResult> {
  const { job, plan, runner, state, run } = training;
  const { progress } = run;
  const last = await state.read(keptTensors(state.types));
  const broken = Object.entries(last).find(([, data]) => !data.every(Number.isFinite));
  if (broken) run.diverge(`the trained tensor ${broken[0]} is no longer finite after step ${run.step}`);
  const test = job.test !== undefined && run.diverged === undefined ? await answerTest(training) : undefined;
  return {
    ...(test && run.diverged === undefined && { test }),
    tensors: await resultTensors(job, plan.packs, run.best ?? last),
    bestStep: run.best ? progress.bestStep : run.step,
    totalSteps: plan.totalSteps,
    log: progress.log.map((row) => ({
      ...row,
      loss: row.loss ?? NaN,
      gradientNorm: row.gradientNorm ?? NaN,
    })),
    evaluations: progress.evaluations.map((each) => ({ ...each, loss: each.loss ?? NaN })),
    ...(run.stopped && { stopped: run.stopped }),
    ...(run.diverged !== undefined && { diverged: run.diverged }),
    neverMoved: await neverMoved(job, plan.packs, last),
    seconds: { compile: runner.seconds(), ...progress.seconds },
    ...(run.resumedFrom !== undefined && { resumedFrom: run.resumedFrom }),
    ...(runner.runs > 1 && { together: runner.runs }),
  };
}

/** Answers the test examples under the best tensors, and fails the run where an answer is not finite. */
async function answerTest<Example>(
  training: Training<Example>,
): Promise<NonNullable<TrainingResult['test']>> {
  const { job, plan, runner, state, run } = training;
  if (plan.testExamples.length === 0) return { answers: [], seconds: 0 };
  const start = performance.now();
  if (run.best) state.write(run.best);
  const { programs } = runner;
  const split = await evaluate(programs, job.objective, plan.evaluationShapes, state, plan.test);
  const broken = notFinite('test', split);
  if (broken !== undefined) run.diverge(broken);
  return { answers: inOrder(plan.testExamples, split), seconds: (performance.now() - start) / 1000 };
}

function inOrder<Example>(examples: readonly Example[], { answers }: SplitResult<Example>): Float32Array[] {
  const found = new Map(answers.map(({ example, answer }) => [example, answer]));
  return examples.map((example) => found.get(example)!);
}
