/**
 * The units of an optimiser step, and what computes them for a run by itself. take-step.ts makes the units;
 * run-group.ts computes those of several runs together.
 */
import type {
  Draw,
  Engine,
  FrozenArrays,
  NamedArrays,
  Program,
  State,
  TensorTypes,
} from '../../engine/types.ts';
import { fittingShape } from '../objectives/batch-shapes.ts';
import type { BatchShape, Objective } from '../objectives/objective.ts';
import { trainingPrograms, type Definitions, type TrainingPrograms } from '../step/programs.ts';

/**
 * One unit of an optimiser step: `step` does all of it, `accumulate` one micro-batch forward and backward,
 * `apply` the update from accumulated gradients.
 */
export interface StepUnit<Example> {
  readonly kind: 'step' | 'accumulate' | 'apply';
  readonly examples: readonly Example[];
  /** The weight of every term of the loss. */
  readonly weight: number;
  /** Inputs beside the batch: the step, and the rates where gradients are applied. */
  readonly controls: NamedArrays;
  /** Whether the base's dropout acts. */
  readonly dropout: boolean;
  readonly draw: Draw;
}

/** The results of all units of one kind. */
export interface UnitOutputs {
  /** The outputs of each unit. */
  readonly outputs: readonly NamedArrays[];
  /** The run's own milliseconds; compiling is left out. */
  readonly milliseconds: number;
  /** The time when the units were done, the same in all runs of a group. */
  readonly computedAt: number;
}

/** Computes the steps of a run, by itself or in a group. */
export interface StepRunner<Example> {
  /** The number of runs that compute together, this one included. */
  readonly runs: number;
  readonly types: TensorTypes;
  readonly accumulating: boolean;
  readonly programs: Pick<TrainingPrograms, 'evaluate'>;
  /**
   * Waits before a step, so that signals and timers get in: a step holds this thread. The runs of a group
   * wait for each other.
   */
  ready(): Promise<void>;
  /** Computes units of one kind and replaces the state by their results. */
  compute(state: State, units: readonly StepUnit<Example>[]): Promise<UnitOutputs>;
  /** Seconds spent compiling. */
  seconds(): number;
  /** Says that no more steps follow. */
  finish(): void;
  dispose(): Promise<void>;
}

/** Computes a run by itself, in replicas of the engine where a step's micro-batches are shared out. */
export class SoloRunner<Example> implements StepRunner<Example> {
  readonly runs = 1;
  readonly types: TensorTypes;
  readonly accumulating: boolean;
  readonly programs: TrainingPrograms;
  readonly #frozen: FrozenArrays;
  readonly #objective: Objective<Example>;
  readonly #shapes: readonly BatchShape[];
  /** Empty where the engine itself computes all micro-batches. */
  readonly #replicas: readonly TrainingPrograms[];

  constructor(
    engine: Engine,
    frozen: FrozenArrays,
    definitions: Definitions,
    objective: Objective<Example>,
    shapes: readonly BatchShape[],
    inReplicas: boolean,
  ) {
    this.types = definitions.state;
    this.accumulating = definitions.accumulating;
    this.programs = trainingPrograms(engine, frozen, definitions);
    this.#frozen = frozen;
    this.#objective = objective;
    this.#shapes = shapes;
    const replicas = inReplicas ? engine.replicas! : [];
    this.#replicas = replicas.map((replica) => trainingPrograms(replica, frozen, definitions));
  }

  ready(): Promise<void> {
    return new Promise(setImmediate);
  }

  async compute(state: State, units: readonly StepUnit<Example>[]): Promise<UnitOutputs> {
    const [start, compiled] = [performance.now(), this.seconds()];
    const shares = this.#replicas.length > 0 && units[0]?.kind === 'accumulate';
    const outputs = await (shares ? this.#inReplicas(state, units) : this.#inTurn(state, units));
    const at = performance.now();
    return { outputs, computedAt: at, milliseconds: at - start - (this.seconds() - compiled) * 1000 };
  }

  /** Replicas compile at the same time. */
  seconds(): number {
    return this.programs.seconds() + Math.max(0, ...this.#replicas.map((replica) => replica.seconds()));
  }

  finish(): void {
    // Nobody waits for a run that is by itself.
  }

  async dispose(): Promise<void> {
    for (const each of [this.programs, ...this.#replicas]) await each.dispose();
    this.#frozen.dispose();
  }

  #shapeOf({ examples }: StepUnit<Example>): BatchShape {
    return fittingShape(this.#objective.sizesOf(examples), this.#shapes);
  }

  #run(program: Program, state: State, unit: StepUnit<Example>): Promise<NamedArrays> {
    const { kind, examples, weight, controls, draw } = unit;
    const batch = kind === 'apply' ? {} : this.#objective.fill(examples, this.#shapeOf(unit), weight);
    return program.run(state, { ...batch, ...controls }, draw);
  }

  /** Computes gradients of units at the same time, and sums them in the state. */
  async #inReplicas(state: State, units: readonly StepUnit<Example>[]): Promise<NamedArrays[]> {
    const replicas = this.#replicas;
    const replicaOf = (i: number): TrainingPrograms => replicas[i % replicas.length]!;
    // All are compiled before any runs: the first replica holds this thread while it computes.
    const compiled = await Promise.all(
      units.map((unit, i) => replicaOf(i).gradients(this.#shapeOf(unit), unit.dropout)),
    );
    const outputs: NamedArrays[] = [];
    await Promise.all(
      replicas.map(async (_, first) => {
        for (let i = first; i < units.length; i += replicas.length)
          outputs[i] = await this.#run(compiled[i]!, state, units[i]!);
      }),
    );
    addUp(state, outputs);
    return outputs;
  }

  async #inTurn(state: State, units: readonly StepUnit<Example>[]): Promise<NamedArrays[]> {
    const outputs: NamedArrays[] = [];
    for (const unit of units) {
      const { kind, dropout } = unit;
      const { programs } = this;
      // Applying gradients is too little work for more threads, which would then be in the replicas' way.
      const program =
        kind === 'apply'
          ? (this.#replicas[0] ?? programs).apply()
          : programs[kind](this.#shapeOf(unit), dropout);
      outputs.push(await this.#run(await program, state, unit));
    }
    return outputs;
  }
}

/**
 * Writes the sums of all units' gradients into the state. They are summed in the units' order, for rounding
 * depends on it.
 */
function addUp(state: State, outputs: readonly NamedArrays[]): void {
  const names = Object.keys(outputs[0]!).filter((name) => name in state.types);
  const sums = names.map((name) => {
    const [sum, ...others] = outputs.map((each) => each[name] as Float32Array) as [
      Float32Array,
      ...Float32Array[],
    ];
    for (const other of others) for (let i = 0; i < sum.length; i++) sum[i]! += other[i]!;
    return [name, sum] as const;
  });
  state.write(Object.fromEntries(sums));
}
