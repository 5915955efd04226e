/**
 * Trains runs that differ in nothing but their seed in one program. Each run keeps its data, its loop, its
 * optimiser and its checkpoints; run-group.ts computes their steps together. runs/execute uses it where
 * several seeds of a cell are left.
 */
import type { Engine } from '../../engine/types.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { freezeTensors, initialize, unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import type { Delta } from '../../models/method.ts';
import { enclosingShape, planShapes } from '../objectives/batch-shapes.ts';
import type { BatchShape, Objective } from '../objectives/objective.ts';
import { defineTraining, type ProgramSetup } from '../step/programs.ts';
import { RunGroup } from './run-group.ts';
import type { StepRunner } from './step-runner.ts';

/** Why several seeds of a method cannot be trained in one program; undefined where they can. */
export function refusesTogether(base: BaseModel, delta: Delta): string | undefined {
  if (base.weights) return 'its base has packed weights, which would be unpacked for every seed';
  const changed = [...unfrozenTensors(base, delta), ...(delta.edited ?? [])];
  const matrices = changed.filter((name) => base.shapes[name]!.length > 1);
  if (matrices.length === 0) return undefined;
  return `it trains ${matrices.length} of the base's own matrices, which seeds that are trained together share`;
}

/** A run that is planned and has not begun. */
export interface PreparedRun<Example> {
  readonly engine: Engine;
  readonly setup: ProgramSetup;
  readonly seed: number;
  readonly objective: Objective<Example>;
  /** The micro-batches of each step. */
  readonly steps: readonly (readonly Example[][])[];
  /** The shapes that it would compute in by itself: its dropout is drawn in them. */
  readonly shapes: readonly BatchShape[];
  readonly accumulating: boolean;
}

/** A run's place among those that are trained in one program. */
export interface Companion {
  /** Waits until the others are prepared; undefined where none is left, or their steps differ in number. */
  join<Example>(prepared: PreparedRun<Example>): Promise<StepRunner<Example> | undefined>;
  /** Ends the run's part in the group, whether it has trained or not. */
  leave(): Promise<void>;
}

/** A prepared run that waits for the others, without its examples. */
interface WaitingRun {
  readonly prepared: Omit<PreparedRun<never>, 'objective' | 'steps'>;
  /** The least shapes of the micro-batches of each step. */
  readonly sizes: readonly BatchShape[][];
  resolve(group: RunGroup | undefined): void;
  reject(error: unknown): void;
}

/** Places for `count` runs. */
export function trainTogether(count: number): Companion[] {
  const present = new Set(Array.from({ length: count }, (_, place) => place));
  const waiting = new Map<number, WaitingRun>();
  let group: Promise<RunGroup | undefined> | undefined;

  /** Makes the group once every run that is present waits. */
  function makeGroupWhenAllWait(): void {
    if (group || waiting.size === 0 || waiting.size < present.size) return;
    const all = [...waiting.values()];
    group = makeGroup(waiting);
    group.then(
      (created) => {
        for (const { resolve } of all) resolve(created);
      },
      (error: unknown) => {
        for (const { reject } of all) reject(error);
      },
    );
  }

  return Array.from({ length: count }, (_, place) => ({
    async join<Example>({ objective, steps, ...prepared }: PreparedRun<Example>) {
      const sizes = steps.map((batches) => batches.map((batch) => objective.sizesOf(batch)));
      const joined = await new Promise<RunGroup | undefined>((resolve, reject) => {
        waiting.set(place, { prepared, sizes, resolve, reject });
        makeGroupWhenAllWait();
      });
      return joined?.runnerOf(place, objective, prepared.shapes);
    },
    async leave() {
      present.delete(place);
      // Asked before the group is awaited: several runs may leave meanwhile.
      const isLast = present.size === 0;
      makeGroupWhenAllWait();
      const left = await group?.catch(() => undefined);
      left?.finish(place);
      if (isLast) await left?.dispose();
    },
  }));
}

/** The group of runs; undefined where there is one run alone, or their steps differ in number. */
async function makeGroup(waiting: ReadonlyMap<number, WaitingRun>): Promise<RunGroup | undefined> {
  const all = [...waiting.values()];
  const [{ prepared: first }] = all as [WaitingRun];
  const { engine, setup, seed } = first;
  if (all.length === 1 || all.some(({ prepared }) => prepared.setup.totalSteps !== setup.totalSteps))
    return undefined;
  if (!engine.compileMany) throw new RangeError(`the engine ${engine.name} computes no runs together`);
  await checkFrozen(all.map(({ prepared }) => prepared));
  const accumulating = all.some(({ prepared }) => prepared.accumulating);
  return new RunGroup({
    engine,
    frozen: await freezeTensors(engine, setup.base, setup.delta, seed),
    definitions: defineTraining(setup, accumulating),
    shapes: planShapes(enclosingSizes(all, setup.totalSteps), engine.device),
    places: [...waiting.keys()],
  });
}

/**
 * The shapes that hold a micro-batch of every run at one step. Runs that are resumed at different steps may
 * mix others.
 */
function enclosingSizes(all: readonly WaitingRun[], totalSteps: number): BatchShape[] {
  return Array.from({ length: totalSteps }, (_, step) => {
    const count = Math.max(...all.map(({ sizes }) => sizes[step]!.length));
    return Array.from({ length: count }, (_, i) =>
      enclosingShape(all.flatMap(({ sizes }) => sizes[step]![i] ?? [])),
    );
  }).flat();
}

/**
 * Throws RangeError where a method draws what it freezes from the seed: the runs share their frozen tensors.
 */
async function checkFrozen(all: readonly WaitingRun['prepared'][]): Promise<void> {
  const frozen = await Promise.all(
    all.map(({ setup: { base, delta }, seed }) => initialize(delta.frozen ?? {}, base, seed)),
  );
  for (const [name, values] of Object.entries(frozen[0]!)) {
    if (frozen.some((other) => other[name]!.some((x, i) => x !== values[i])))
      throw new RangeError(`${name} is frozen and differs from seed to seed`);
  }
}
