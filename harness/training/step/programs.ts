/**
 * The programs of a training run: a whole step, its pieces where gradients add up over micro-batches, and
 * evaluation. Each is defined for a batch shape and compiled when that is first met. The loop runs them;
 * nothing here reads data.
 */
import * as ops from '../../engine/ops.ts';
import type {
  Engine,
  FrozenArrays,
  Precision,
  Program,
  ProgramFunction,
  ProgramTensors,
  TensorTypes,
} from '../../engine/types.ts';
import type { ModelUse } from '../../models/delta/forward.ts';
import type { Tensors } from '../../models/edits.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { addPrefix, takePrefix } from '../../support/prefixed-names.ts';
import { shapeKey } from '../objectives/batch-shapes.ts';
import { keepFinite, scaled, scalerTypes, unscaled } from './loss-scale.ts';
import type { BatchShape, Objective } from '../objectives/objective.ts';
import { momentTypes, optimize, rateTypes } from './optimizer.ts';
import { gradientShape, repack, unpack, type Pack } from './parameter-packs.ts';
import type { Recipe } from '../recipe.ts';

/** The part of an objective that does not depend on the type of its examples. */
type BatchObjective = Pick<Objective<never>, 'types' | 'loss'>;

/** What the programs of one run have in common. */
export interface ProgramSetup {
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly objective: BatchObjective;
  readonly packs: readonly Pack[];
  readonly recipe: Recipe;
  readonly totalSteps: number;
  /** The engine's precision. */
  readonly precision: Precision;
}

/** A program before it is compiled. */
export interface Definition {
  readonly name: string;
  readonly inputs: TensorTypes;
  readonly program: ProgramFunction;
}

/**
 * The programs of a training run. `dropout` says whether the base's dropout acts; absent, the recipe does.
 */
export interface Definitions {
  readonly state: TensorTypes;
  /** Whether a step's gradients add up in the state, under `gradients/`, before they are applied. */
  readonly accumulating: boolean;
  /** A whole optimiser step on one batch. Outputs: loss, norm. */
  step(shape: BatchShape, dropout?: boolean): Definition;
  /** Adds a micro-batch's gradients to those in the state. Output: loss. */
  accumulate(shape: BatchShape, dropout?: boolean): Definition;
  /**
   * A micro-batch's gradients, which the caller sums. Outputs: loss, and gradients by their names in the
   * state.
   */
  gradients(shape: BatchShape, dropout?: boolean): Definition;
  /** Applies the accumulated gradients, which the caller then clears. Output: norm. */
  apply(): Definition;
  /** Evaluates a batch. Outputs: loss, and answers where the objective has them. */
  evaluate(shape: BatchShape): Definition;
}

/** The programs of a training run, compiled when a shape is first met. */
export interface TrainingPrograms {
  step(shape: BatchShape, dropout?: boolean): Promise<Program>;
  accumulate(shape: BatchShape, dropout?: boolean): Promise<Program>;
  gradients(shape: BatchShape, dropout?: boolean): Promise<Program>;
  apply(): Promise<Program>;
  evaluate(shape: BatchShape): Promise<Program>;
  /** Seconds spent compiling. */
  seconds(): number;
  dispose(): Promise<void>;
}

/**
 * Names and types of the state: trained packs, optimiser moments, the method's state, accumulated gradients,
 * loss scale.
 */
function stateTypes({ precision, packs, recipe, delta }: ProgramSetup, accumulating: boolean): TensorTypes {
  const each = (prefix: string): TensorTypes =>
    Object.fromEntries(
      packs.map(({ name, shape }) => [`${prefix}/${name}`, { shape, dtype: 'float32' as const }]),
    );
  const own = Object.entries(delta.state ?? {}).map(
    ([name, { shape }]) => [`own/${name}`, { shape, dtype: 'float32' as const }] as const,
  );
  return {
    ...each('trained'),
    ...momentTypes(recipe, packs),
    ...Object.fromEntries(own),
    ...(accumulating &&
      Object.fromEntries(
        packs.map((pack) => [
          `gradients/${pack.name}`,
          { shape: gradientShape(pack), dtype: 'float32' as const },
        ]),
      )),
    ...(precision === 'float16' && scalerTypes),
  };
}

/** The loss of a batch under packed trained tensors, and its answers. */
function lossOf(
  { base, delta, objective, packs, totalSteps }: ProgramSetup,
  x: ProgramTensors,
  packed: Tensors,
  shape: BatchShape,
  mode: { readonly training: boolean; readonly dropout: boolean },
): ReturnType<BatchObjective['loss']> {
  const tensors = { ...unpack(packs, packed), ...takePrefix('own/', x.state) };
  const use: ModelUse = { base, delta, tensors, ...mode, totalSteps };
  return objective.loss(x, use, shape);
}

/** A loss and its gradients by pack, times the loss scale. */
interface Differentiated {
  readonly loss: ops.Tensor;
  readonly gradients: Record<string, ops.Tensor>;
}

function differentiate(
  setup: ProgramSetup,
  x: ProgramTensors,
  shape: BatchShape,
  dropout: boolean,
): Differentiated {
  const packed = takePrefix('trained/', x.state);
  const { value, gradients } = ops.valueAndGradients(
    () => scaled(lossOf(setup, x, packed, shape, { training: true, dropout }).loss, x.state),
    packed,
  );
  return { loss: unscaled({ value }, x.state).value!, gradients };
}

/** The loss of a micro-batch, and its gradients under the names and shapes that they add up in. */
function differentiatePart(
  setup: ProgramSetup,
  x: ProgramTensors,
  shape: BatchShape,
  dropout: boolean,
): Differentiated {
  const { loss, gradients } = differentiate(setup, x, shape, dropout);
  const named = setup.packs.map((pack) => {
    const gradient = gradients[pack.name]!.reshape([...gradientShape(pack)]);
    return [`gradients/${pack.name}`, gradient] as const;
  });
  return { loss, gradients: Object.fromEntries(named) };
}

/** The state after an optimiser step and the method's own update; the old one where loss scaling skips the step. */
function applyGradients(
  { delta, packs, recipe, totalSteps }: ProgramSetup,
  x: ProgramTensors,
  scaledSums: Tensors,
): { state: Tensors; norm: ops.Tensor } {
  const sums = unscaled(scaledSums, x.state);
  const packed = takePrefix('trained/', x.state);
  const own = takePrefix('own/', x.state);
  const penalised = delta.penalty
    ? ops.valueAndGradients(() => delta.penalty!({ ...unpack(packs, packed), ...own }), packed).gradients
    : undefined;
  const gradients = penalised
    ? Object.fromEntries(packs.map(({ name }) => [name, sums[name]!.add(penalised[name]!)]))
    : sums;
  const stepped = optimize(recipe, packs, packed, gradients, x.state, x.inputs);
  let trained: Tensors = stepped.tensors;
  let kept: Tensors = {};
  if (delta.update) {
    const named = unpack(packs, trained);
    const progress = { step: x.inputs.step!, totalSteps };
    const changed = delta.update({ ...named, ...own }, unpack(packs, gradients), progress);
    trained = repack(packs, { ...named, ...changed });
    kept = Object.fromEntries(Object.entries(changed).filter(([name]) => name in own));
  }
  const next = { ...addPrefix('trained/', trained), ...stepped.state, ...addPrefix('own/', kept) };
  return { state: keepFinite(next, x.state, stepped.norm), norm: stepped.norm };
}

/** Defines the programs of a run. */
export function defineTraining(setup: ProgramSetup, accumulating: boolean): Definitions {
  const { objective, packs, recipe } = setup;
  const state = stateTypes(setup, accumulating);
  const scalar = { shape: [], dtype: 'float32' as const };
  const controls: TensorTypes = { ...rateTypes(packs), step: scalar };

  const programName = (kind: string, shape: BatchShape, dropout: boolean): string =>
    `${kind} ${shapeKey(shape)}${dropout === recipe.dropout ? '' : ', no dropout yet'}`;

  return {
    state,
    accumulating,
    step: (shape, dropout = recipe.dropout) => ({
      name: programName('step', shape, dropout),
      inputs: { ...objective.types(shape), ...controls },
      program(x) {
        const computed = differentiate(setup, x, shape, dropout);
        const { state, norm } = ops.inFloat32(() => applyGradients(setup, x, computed.gradients));
        return { state, outputs: { loss: computed.loss, norm } };
      },
    }),
    accumulate: (shape, dropout = recipe.dropout) => ({
      name: programName('accumulate', shape, dropout),
      inputs: { ...objective.types(shape), step: scalar },
      program(x) {
        const { loss, gradients } = differentiatePart(setup, x, shape, dropout);
        const sums = Object.entries(gradients).map(([key, part]) => [key, x.state[key]!.add(part)]);
        return { state: Object.fromEntries(sums) as Tensors, outputs: { loss } };
      },
    }),
    gradients: (shape, dropout = recipe.dropout) => ({
      name: programName('gradients', shape, dropout),
      inputs: { ...objective.types(shape), step: scalar },
      program(x) {
        const { loss, gradients } = differentiatePart(setup, x, shape, dropout);
        return { outputs: { loss, ...gradients } };
      },
    }),
    apply: () => ({
      name: 'apply',
      inputs: controls,
      program(x) {
        const sums = takePrefix('gradients/', x.state);
        const packed = packs.map(({ name, shape }) => [name, sums[name]!.reshape([...shape])] as const);
        const { state, norm } = ops.inFloat32(() => applyGradients(setup, x, Object.fromEntries(packed)));
        return { state, outputs: { norm } };
      },
    }),
    evaluate: (shape) => ({
      name: `evaluate ${shapeKey(shape)}`,
      inputs: objective.types(shape),
      program(x) {
        const plain = { training: false, dropout: false };
        const { loss: value, answers } = lossOf(setup, x, takePrefix('trained/', x.state), shape, plain);
        return { outputs: { loss: value, ...(answers && { answers }) } };
      },
    }),
  };
}

/** The programs of a run on an engine, each compiled when it is first asked for. */
export function trainingPrograms(
  engine: Pick<Engine, 'compile'>,
  frozen: FrozenArrays,
  definitions: Definitions,
): TrainingPrograms {
  const { compile, ...others } = compileOnce<Program>();
  const compiled = ({ name, inputs, program }: Definition): Promise<Program> =>
    compile(name, () => engine.compile({ name, frozen, state: definitions.state, inputs }, program));
  return {
    step: (shape, dropout) => compiled(definitions.step(shape, dropout)),
    accumulate: (shape, dropout) => compiled(definitions.accumulate(shape, dropout)),
    gradients: (shape, dropout) => compiled(definitions.gradients(shape, dropout)),
    apply: () => compiled(definitions.apply()),
    evaluate: (shape) => compiled(definitions.evaluate(shape)),
    ...others,
  };
}

/** Compiles each program once, by its name, and sums the seconds that compiling takes. */
export function compileOnce<Compiled extends Pick<Program, 'dispose'>>(): {
  compile(name: string, make: () => Promise<Compiled>): Promise<Compiled>;
  seconds(): number;
  dispose(): Promise<void>;
} {
  let total = 0;
  const compiled = new Map<string, Promise<Compiled>>();
  return {
    compile(name, make) {
      const known = compiled.get(name);
      if (known) return known;
      const start = performance.now();
      const program = make().finally(() => (total += (performance.now() - start) / 1000));
      compiled.set(name, program);
      return program;
    },
    seconds: () => total,
    async dispose() {
      for (const program of compiled.values()) await (await program).dispose();
    },
  };
}
