import * as ops from '../engine/ops.ts';
import type { Engine, Held, Program, ProgramTensors, TensorTypes } from '../engine/types.ts';
import type { ModelUse } from '../models/run-model.ts';
import type { BaseModel, Delta, Tensors } from '../models/types.ts';
import { shapeKey } from './batches.ts';
import { keepFinite, scaled, scalerTypes, unscaled } from './loss-scale.ts';
import type { BatchShape, Objective } from './objective.ts';
import { momentTypes, optimize, rateTypes } from './optimizer.ts';
import { repack, unpack, type Pack } from './packs.ts';
import type { Recipe } from './recipe.ts';

/** What programs need to know of an objective, whatever its examples are. */
type BatchObjective = Pick<Objective<never>, 'types' | 'loss'>;

/** What the programs of one run have in common. */
export interface ProgramSetup {
  readonly engine: Engine;
  readonly held: Held;
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly objective: BatchObjective;
  readonly packs: readonly Pack[];
  readonly recipe: Recipe;
  readonly totalSteps: number;
}

/** The programs of a training run, compiled when a shape is first met. */
export interface TrainingPrograms {
  /** A whole optimiser step on one batch: outputs loss and norm. `dropout` is the base's, as in the recipe unless given. */
  step(shape: BatchShape, dropout?: boolean): Promise<Program>;
  /** Adds a micro-batch's gradients to those in the state: outputs loss. */
  accumulate(shape: BatchShape, dropout?: boolean): Promise<Program>;
  /** Spends the accumulated gradients: outputs norm. */
  apply(): Promise<Program>;
  /** Evaluation of a batch: outputs loss, and answers where the objective has them. */
  evaluate(shape: BatchShape): Promise<Program>;
  /** Seconds spent compiling. */
  seconds(): number;
  dispose(): Promise<void>;
}

const prefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor]));
const pick = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, tensor]) => [name.slice(prefix.length + 1), tensor]),
  );

/** Names and types of the state: trained packs, the optimiser's moments, the method's own, gradients where they add up, float16's loss scale. */
export function stateTypes(
  { engine, packs, recipe, delta }: ProgramSetup,
  accumulating: boolean,
): TensorTypes {
  const each = (prefix: string): TensorTypes =>
    Object.fromEntries(
      packs.map(({ name, shape }) => [`${prefix}/${name}`, { shape, dtype: 'float32' as const }]),
    );
  const own = Object.entries(delta.state ?? {}).map(([name, { shape }]) => [`own/${name}`, { shape, dtype: 'float32' as const }] as const); // prettier-ignore
  return {
    ...each('trained'),
    ...momentTypes(recipe, packs),
    ...Object.fromEntries(own),
    ...(accumulating && each('gradients')),
    ...(engine.precision === 'float16' && scalerTypes),
  };
}

/** Makes the programs of a run. */
export function trainingPrograms(setup: ProgramSetup, accumulating: boolean): TrainingPrograms {
  const { engine, held, base, delta, objective, packs, recipe, totalSteps } = setup;
  const state = stateTypes(setup, accumulating);
  const scalar = { shape: [], dtype: 'float32' as const };
  const steering: TensorTypes = { ...rateTypes(packs), step: scalar };

  function loss(
    x: ProgramTensors,
    trained: Tensors,
    shape: BatchShape,
    { training, dropout }: { training: boolean; dropout: boolean },
  ): ReturnType<BatchObjective['loss']> {
    const tensors = { ...unpack(packs, trained), ...pick('own', x.state) };
    const use: ModelUse = { base, delta, tensors, training, dropout, totalSteps };
    return objective.loss(x, use, shape);
  }

  /** The loss, and its gradients times the loss scale. */
  function differentiate(
    x: ProgramTensors,
    shape: BatchShape,
    dropout: boolean,
  ): { loss: ops.Tensor; gradients: Record<string, ops.Tensor> } {
    const packed = pick('trained', x.state);
    const { value, gradients } = ops.valueAndGradients(
      () => scaled(loss(x, packed, shape, { training: true, dropout }).loss, x.state),
      packed,
    );
    return { loss: unscaled({ value }, x.state).value!, gradients };
  }

  function advance(x: ProgramTensors, scaledSums: Tensors): { state: Tensors; norm: ops.Tensor } {
    const sums = unscaled(scaledSums, x.state);
    const packed = pick('trained', x.state);
    const own = pick('own', x.state);
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
    const next = { ...prefixed('trained', trained), ...done.state, ...prefixed('own', kept) };
    return { state: keepFinite(next, x.state, done.norm), norm: done.norm };
  }

  const programName = (kind: string, shape: BatchShape, dropout: boolean): string =>
    `${kind} ${shapeKey(shape)}${dropout === recipe.dropout ? '' : ', no dropout yet'}`;

  let spent = 0;
  const compiled = new Map<string, Promise<Program>>();
  function once(name: string, make: () => Promise<Program>): Promise<Program> {
    const known = compiled.get(name);
    if (known) return known;
    const start = performance.now();
    const program = make().finally(() => (spent += (performance.now() - start) / 1000));
    compiled.set(name, program);
    return program;
  }

  return {
    step: (shape, dropout = recipe.dropout) =>
      once(programName('step', shape, dropout), () =>
        engine.compile(
          {
            name: programName('step', shape, dropout),
            held,
            state,
            inputs: { ...objective.types(shape), ...steering },
          },
          (x) => {
            const made = differentiate(x, shape, dropout);
            const { state, norm } = ops.inFloat32(() => advance(x, made.gradients));
            return { state, outputs: { loss: made.loss, norm } };
          },
        ),
      ),
    accumulate: (shape, dropout = recipe.dropout) =>
      once(programName('accumulate', shape, dropout), () =>
        engine.compile(
          {
            name: programName('accumulate', shape, dropout),
            held,
            state,
            inputs: { ...objective.types(shape), step: scalar },
          },
          (x) => {
            const { loss, gradients } = differentiate(x, shape, dropout);
            const sums = packs.map(({ name }) => [`gradients/${name}`, x.state[`gradients/${name}`]!.add(gradients[name]!)]); // prettier-ignore
            return { state: Object.fromEntries(sums) as Tensors, outputs: { loss } };
          },
        ),
      ),
    apply: () =>
      once('apply', () =>
        engine.compile({ name: 'apply', held, state, inputs: steering }, (x) => {
          const sums = pick('gradients', x.state);
          const { state, norm } = ops.inFloat32(() => advance(x, sums));
          const zeros = Object.fromEntries(packs.map(({ name }) => [name, ops.zerosLike(sums[name]!)]));
          return { state: { ...state, ...prefixed('gradients', zeros) }, outputs: { norm } };
        }),
      ),
    evaluate: (shape) =>
      once(`evaluate ${shapeKey(shape)}`, () =>
        engine.compile(
          { name: `evaluate ${shapeKey(shape)}`, held, state, inputs: objective.types(shape) },
          (x) => {
            const { loss: value, answers } = loss(x, pick('trained', x.state), shape, {
              training: false,
              dropout: false,
            });
            return { outputs: { loss: value, ...(answers && { answers }) } };
          },
        ),
      ),
    seconds: () => spent,
    async dispose() {
      for (const program of compiled.values()) await (await program).dispose();
    },
  };
}
