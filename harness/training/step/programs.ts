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

/** What programs need to know of an objective, whatever its examples are. */
type BatchObjective = Pick<Objective<never>, 'types' | 'loss'>;

/** What the programs of one run have in common. */
export interface ProgramSetup {
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly objective: BatchObjective;
  readonly packs: readonly Pack[];
  readonly recipe: Recipe;
  readonly totalSteps: number;
  /** The engine's. */
  readonly precision: Precision;
}

/** A program before it is compiled. */
export interface Definition {
  readonly name: string;
  readonly inputs: TensorTypes;
  readonly program: ProgramFunction;
}

/** The programs of a training run. `dropout` is the base's, as in the recipe unless given. */
export interface Definitions {
  readonly state: TensorTypes;
  /** Whether a step's gradients add up in the state, under `gradients/`, before they are spent. */
  readonly accumulating: boolean;
  /** A whole optimiser step on one batch: outputs loss and norm. */
  step(shape: BatchShape, dropout?: boolean): Definition;
  /** Adds a micro-batch's gradients to those in the state: outputs loss. */
  accumulate(shape: BatchShape, dropout?: boolean): Definition;
  /** A micro-batch's gradients, which the caller sums: outputs loss and, under their names in the state, gradients. */
  gradients(shape: BatchShape, dropout?: boolean): Definition;
  /** Spends the accumulated gradients, which the caller then clears: outputs norm. */
  apply(): Definition;
  /** Evaluation of a batch: outputs loss, and answers where the objective has them. */
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

/** Names and types of the state: trained packs, the optimiser's moments, the method's own, gradients where they add up, float16's loss scale. */
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

/** Writes the programs of a run. */
export function defineTraining(setup: ProgramSetup, accumulating: boolean): Definitions {
  const { base, delta, objective, packs, recipe, totalSteps } = setup;
  const state = stateTypes(setup, accumulating);
  const scalar = { shape: [], dtype: 'float32' as const };
  const steering: TensorTypes = { ...rateTypes(packs), step: scalar };

  function loss(
    x: ProgramTensors,
    trained: Tensors,
    shape: BatchShape,
    { training, dropout }: { training: boolean; dropout: boolean },
  ): ReturnType<BatchObjective['loss']> {
    const tensors = { ...unpack(packs, trained), ...takePrefix('own/', x.state) };
    const use: ModelUse = { base, delta, tensors, training, dropout, totalSteps };
    return objective.loss(x, use, shape);
  }

  /** The loss, and its gradients times the loss scale. */
  function differentiate(
    x: ProgramTensors,
    shape: BatchShape,
    dropout: boolean,
  ): { loss: ops.Tensor; gradients: Record<string, ops.Tensor> } {
    const packed = takePrefix('trained/', x.state);
    const { value, gradients } = ops.valueAndGradients(
      () => scaled(loss(x, packed, shape, { training: true, dropout }).loss, x.state),
      packed,
    );
    return { loss: unscaled({ value }, x.state).value!, gradients };
  }

  /** The loss of a micro-batch, and its gradients as they add up in the state. */
  function partial(
    x: ProgramTensors,
    shape: BatchShape,
    dropout: boolean,
  ): { loss: ops.Tensor; gradients: Record<string, ops.Tensor> } {
    const { loss, gradients } = differentiate(x, shape, dropout);
    const parts = packs.map(
      (pack) => [`gradients/${pack.name}`, gradients[pack.name]!.reshape([...gradientShape(pack)])] as const,
    );
    return { loss, gradients: Object.fromEntries(parts) };
  }

  function advance(x: ProgramTensors, scaledSums: Tensors): { state: Tensors; norm: ops.Tensor } {
    const sums = unscaled(scaledSums, x.state);
    const packed = takePrefix('trained/', x.state);
    const own = takePrefix('own/', x.state);
    const penalised = delta.penalty
      ? ops.valueAndGradients(() => delta.penalty!({ ...unpack(packs, packed), ...own }), packed).gradients
      : undefined;
    const gradients = penalised
      ? Object.fromEntries(packs.map(({ name }) => [name, sums[name]!.add(penalised[name]!)]))
      : sums;
    const done = optimize(recipe, packs, packed, gradients, x.state, x.inputs);
    let trained: Tensors = done.tensors;
    let kept: Tensors = {};
    if (delta.update) {
      const named = unpack(packs, trained);
      const changed = delta.update({ ...named, ...own }, unpack(packs, gradients), {
        step: x.inputs.step!,
        totalSteps,
      });
      trained = repack(packs, { ...named, ...changed });
      kept = Object.fromEntries(Object.entries(changed).filter(([name]) => name in own));
    }
    const next = { ...addPrefix('trained/', trained), ...done.state, ...addPrefix('own/', kept) };
    return { state: keepFinite(next, x.state, done.norm), norm: done.norm };
  }

  const programName = (kind: string, shape: BatchShape, dropout: boolean): string =>
    `${kind} ${shapeKey(shape)}${dropout === recipe.dropout ? '' : ', no dropout yet'}`;

  return {
    state,
    accumulating,
    step: (shape, dropout = recipe.dropout) => ({
      name: programName('step', shape, dropout),
      inputs: { ...objective.types(shape), ...steering },
      program(x) {
        const made = differentiate(x, shape, dropout);
        const { state, norm } = ops.inFloat32(() => advance(x, made.gradients));
        return { state, outputs: { loss: made.loss, norm } };
      },
    }),
    accumulate: (shape, dropout = recipe.dropout) => ({
      name: programName('accumulate', shape, dropout),
      inputs: { ...objective.types(shape), step: scalar },
      program(x) {
        const { loss, gradients } = partial(x, shape, dropout);
        const sums = Object.entries(gradients).map(([key, part]) => [key, x.state[key]!.add(part)]);
        return { state: Object.fromEntries(sums) as Tensors, outputs: { loss } };
      },
    }),
    gradients: (shape, dropout = recipe.dropout) => ({
      name: programName('gradients', shape, dropout),
      inputs: { ...objective.types(shape), step: scalar },
      program(x) {
        const { loss, gradients } = partial(x, shape, dropout);
        return { outputs: { loss, ...gradients } };
      },
    }),
    apply: () => ({
      name: 'apply',
      inputs: steering,
      program(x) {
        const sums = takePrefix('gradients/', x.state);
        const packed = packs.map(({ name, shape }) => [name, sums[name]!.reshape([...shape])] as const);
        const { state, norm } = ops.inFloat32(() => advance(x, Object.fromEntries(packed)));
        return { state, outputs: { norm } };
      },
    }),
    evaluate: (shape) => ({
      name: `evaluate ${shapeKey(shape)}`,
      inputs: objective.types(shape),
      program(x) {
        const plain = { training: false, dropout: false };
        const { loss: value, answers } = loss(x, takePrefix('trained/', x.state), shape, plain);
        return { outputs: { loss: value, ...(answers && { answers }) } };
      },
    }),
  };
}

/** Compiles the programs of a run, each when it is first asked for. */
export function trainingPrograms(
  engine: Pick<Engine, 'compile'>,
  frozen: FrozenArrays,
  definitions: Definitions,
): TrainingPrograms {
  const { compile, ...rest } = compileOnce<Program>();
  const compiled = ({ name, inputs, program }: Definition): Promise<Program> =>
    compile(name, () => engine.compile({ name, frozen, state: definitions.state, inputs }, program));
  return {
    step: (shape, dropout) => compiled(definitions.step(shape, dropout)),
    accumulate: (shape, dropout) => compiled(definitions.accumulate(shape, dropout)),
    gradients: (shape, dropout) => compiled(definitions.gradients(shape, dropout)),
    apply: () => compiled(definitions.apply()),
    evaluate: (shape) => compiled(definitions.evaluate(shape)),
    ...rest,
  };
}

/** Compiles what is asked for once under each name, and counts the seconds. */
export function compileOnce<Compiled extends Pick<Program, 'dispose'>>(): {
  compile(name: string, make: () => Promise<Compiled>): Promise<Compiled>;
  seconds(): number;
  dispose(): Promise<void>;
} {
  let spent = 0;
  const compiled = new Map<string, Promise<Compiled>>();
  return {
    compile(name, make) {
      const known = compiled.get(name);
      if (known) return known;
      const start = performance.now();
      const program = make().finally(() => (spent += (performance.now() - start) / 1000));
      compiled.set(name, program);
      return program;
    },
    seconds: () => spent,
    async dispose() {
      for (const program of compiled.values()) await (await program).dispose();
    },
  };
}
