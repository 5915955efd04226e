/**
 * Plans a run before anything is computed: packs of trained tensors, micro-batches of every step, and the
 * batch shapes that programs are compiled for. train.ts uses it. A plan depends on the job alone, so a
 * resumed run makes it again.
 */
import { virtualTokens } from '../../models/method.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { bucketedExamples, cutMicroBatches, planShapes, stepExamples } from '../objectives/batch-shapes.ts';
import type { BatchShape, Objective } from '../objectives/objective.ts';
import type { Recipe } from '../recipe.ts';
import { tokensThatFit } from '../step/activation-memory.ts';
import { packTensors, type Pack } from '../step/parameter-packs.ts';
import { replicasFor } from './choose-replicas.ts';
import type { TrainingJob } from './job.ts';
import { trainedTensors } from './run-tensors.ts';

/** The steps of a run, their micro-batches, and the shapes of these. */
export interface RunPlan<Example> {
  readonly packs: readonly Pack[];
  readonly totalSteps: number;
  /** Steps between two evaluations. */
  readonly evaluateEvery: number;
  /** The micro-batches of each step. */
  readonly steps: readonly (readonly Example[][])[];
  /** Shapes of the micro-batches. */
  readonly shapes: readonly BatchShape[];
  /** Whether any step sums the gradients of several micro-batches. */
  readonly accumulating: boolean;
  /** The number of engine replicas that compute a step's micro-batches at the same time. */
  readonly replicas: number;
  readonly validation: readonly Example[][];
  /** The job's test examples in their order, cut as the model reads them, and the same in batches. */
  readonly testExamples: readonly Example[];
  readonly test: readonly Example[][];
  /** Shapes of the batches of both splits. */
  readonly evaluationShapes: readonly BatchShape[];
}

/** Plans a run; throws RangeError where a step has no target to learn from. */
export function planRun<Example>(job: TrainingJob<Example>): RunPlan<Example> {
  const { engine, base, delta, objective, recipe, seed } = job;
  const packs = packTensors(trainedTensors(base, delta));
  const positions = base.architecture.positions - virtualTokens(delta);
  const cut = (examples: readonly Example[]): Example[] =>
    examples.map((example) => objective.cut(example, positions));

  const all = cut(job.train);
  const epochOf = (epoch: number): readonly Example[] => (job.trainAt ? cut(job.trainAt(epoch)) : all);
  const drawn =
    recipe.order === 'buckets'
      ? bucketedExamples(objective, all, recipe.batchSize, epochOf)
      : stepExamples(all, recipe.batchSize, seed, epochOf);
  const examplesOf = (step: number): Example[] => objective.together?.(drawn(step)) ?? drawn(step);
  const totalSteps = packs.length === 0 ? 0 : countSteps(recipe, job.train.length);
  const tokensPerStep = (recipe.batchSize * sum(all.map(objective.lengthOf))) / Math.max(1, all.length);
  // Runs that are trained together are cut as each would be by itself: dropout is drawn for micro-batches.
  const replicas = replicasFor(engine, base, packs, tokensPerStep, totalSteps);
  const sized = { ...objective, microBatchTokens: mostTokens(job, all, replicas) };
  const steps = Array.from({ length: totalSteps }, (_, step) =>
    cutMicroBatches(sized, examplesOf(step), recipe.microBatch, replicas),
  );
  checkTargets(objective, steps);

  const validation = cutMicroBatches(objective, cut(job.validation));
  const testExamples = cut(job.test ?? []);
  const test = cutMicroBatches(objective, testExamples);
  return {
    packs,
    totalSteps,
    evaluateEvery: recipe.evaluateEvery ?? Math.ceil(job.train.length / recipe.batchSize),
    steps,
    shapes: planShapes(steps.flat().map(objective.sizesOf), engine.device),
    accumulating: steps.some((batches) => batches.length > 1),
    replicas,
    validation,
    testExamples,
    test,
    evaluationShapes: planShapes([...validation, ...test].map(objective.sizesOf), engine.device),
  };
}

/** Most tokens of a micro-batch: as many as is fast, or fewer where the memory asks for it. */
function mostTokens<Example>(
  { objective, base, activations }: TrainingJob<Example>,
  examples: readonly Example[],
  replicas: number,
): number {
  const { microBatchTokens, lengthOf } = objective;
  if (!activations) return microBatchTokens;
  const longest = examples.reduce((most, example) => Math.max(most, lengthOf(example)), 0);
  const { bytes, ...how } = activations;
  const fit = tokensThatFit(base.architecture, bytes / replicas, { ...how, length: longest });
  return Math.min(microBatchTokens, fit);
}

/** Steps of a whole run: `epochs` passes, or `maxSteps` if that is less. */
function countSteps(recipe: Pick<Recipe, 'epochs' | 'batchSize' | 'maxSteps'>, examples: number): number {
  const all = Math.ceil(recipe.epochs * Math.ceil(examples / recipe.batchSize));
  return Math.min(all, recipe.maxSteps ?? Infinity);
}

/** The number of loss terms of all batches. */
export const countTargets = <Example>(
  { targetsOf }: Pick<Objective<Example>, 'targetsOf'>,
  batches: readonly Example[][],
): number => sum(batches.flat().map(targetsOf));

/** Throws RangeError where a step has nothing to learn from: its loss would be a mean over nothing. */
function checkTargets<Example>(objective: Objective<Example>, steps: RunPlan<Example>['steps']): void {
  const empty = steps.findIndex((batches) => countTargets(objective, batches) === 0);
  if (empty < 0) return;
  throw new RangeError(
    `none of the ${steps[empty]!.flat().length} examples of step ${empty + 1} has a target: ` +
      'their answers are empty, or their prompts fill all positions of the base',
  );
}
