import type { Draw, Engine, Held, NamedArrays, State, TensorTypes } from '../engine/types.ts';
import { fittingShape } from './batches.ts';
import type { BatchShape, Objective } from './objective.ts';
import { trainingPrograms, type Definitions, type TrainingPrograms } from './programs.ts';

/** What is computed at once of an optimiser step: all of it, a micro-batch, or what spends the gradients of these. */
export interface Part<Example> {
  readonly kind: 'step' | 'accumulate' | 'apply';
  readonly examples: readonly Example[];
  /** Of every term of the loss. */
  readonly weight: number;
  /** The step, and the rates where gradients are spent. */
  readonly steering: NamedArrays;
  /** The base's. */
  readonly dropout: boolean;
  readonly draw: Draw;
}

export interface Computed {
  readonly outputs: NamedArrays;
  /** This run's own; compiling is left out. */
  readonly milliseconds: number;
  /** When it was done; runs that compute together see the same time. */
  readonly at: number;
}

/** Computes the programs of a run. */
export interface Stepping<Example> {
  /** How many runs compute together, this one among them. */
  readonly runs: number;
  readonly types: TensorTypes;
  readonly accumulating: boolean;
  readonly programs: Pick<TrainingPrograms, 'evaluate'>;
  /** Waits before a step, so that signals and timers get in: the step itself holds this thread. All that compute together begin at once. */
  ready(): Promise<void>;
  /** Replaces the state by what the part makes of it. */
  compute(state: State, part: Part<Example>): Promise<Computed>;
  /** Seconds spent compiling. */
  seconds(): number;
  /** Says that no more steps follow. */
  rest(): void;
  dispose(): Promise<void>;
}

/** Computes a run by itself. */
export function stepAlone<Example>(
  engine: Engine,
  held: Held,
  definitions: Definitions,
  objective: Objective<Example>,
  shapes: readonly BatchShape[],
): Stepping<Example> {
  const programs = trainingPrograms(engine, held, definitions);
  return {
    runs: 1,
    types: definitions.state,
    accumulating: definitions.accumulating,
    programs,
    ready: () => new Promise(setImmediate),
    async compute(state, { kind, examples, weight, steering, dropout, draw }) {
      const [start, compiled] = [performance.now(), programs.seconds()];
      let program = programs.apply;
      let batch: NamedArrays = {};
      if (kind !== 'apply') {
        const shape = fittingShape(objective.sizesOf(examples), shapes);
        batch = objective.fill(examples, shape, weight);
        program = () => programs[kind](shape, dropout);
      }
      const outputs = await (await program()).run(state, { ...batch, ...steering }, draw);
      const at = performance.now();
      return { outputs, at, milliseconds: at - start - (programs.seconds() - compiled) * 1000 };
    },
    seconds: programs.seconds,
    rest: () => undefined,
    async dispose() {
      await programs.dispose();
      held.dispose();
    },
  };
}
