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

/** What is computed at once of an optimiser step: all of it, a micro-batch, or what spends the gradients of these. */
export interface StepUnit<Example> {
  readonly kind: 'step' | 'accumulate' | 'apply';
  readonly examples: readonly Example[];
  /** Of every term of the loss. */
  readonly weight: number;
  /** The step, and the rates where gradients are spent. */
  readonly controls: NamedArrays;
  /** The base's. */
  readonly dropout: boolean;
  readonly draw: Draw;
}

export interface UnitOutputs {
  /** Of each part. */
  readonly outputs: readonly NamedArrays[];
  /** This run's own; compiling is left out. */
  readonly milliseconds: number;
  /** When it was done; runs that compute together see the same time. */
  readonly computedAt: number;
}

/** Computes the programs of a run. */
export interface StepRunner<Example> {
  /** How many runs compute together, this one among them. */
  readonly runs: number;
  readonly types: TensorTypes;
  readonly accumulating: boolean;
  readonly programs: Pick<TrainingPrograms, 'evaluate'>;
  /** Waits before a step, so that signals and timers get in: the step itself holds this thread. All that compute together begin at once. */
  ready(): Promise<void>;
  /** Replaces the state by what the parts make of it; they are of one kind. */
  compute(state: State, parts: readonly StepUnit<Example>[]): Promise<UnitOutputs>;
  /** Seconds spent compiling. */
  seconds(): number;
  /** Says that no more steps follow. */
  finish(): void;
  dispose(): Promise<void>;
}

/**
 * Computes a run by itself. `shared`: its micro-batches are computed in the engine's replicas, at the same time, and their
 * gradients summed here.
 */
export function soloRunner<Example>(
  engine: Engine,
  frozen: FrozenArrays,
  definitions: Definitions,
  objective: Objective<Example>,
  shapes: readonly BatchShape[],
  shared: boolean,
): StepRunner<Example> {
  const programs = trainingPrograms(engine, frozen, definitions);
  const replicas = shared
    ? engine.replicas!.map((replica) => trainingPrograms(replica, frozen, definitions))
    : [];
  // Replicas compile at the same time.
  const seconds = (): number =>
    programs.seconds() + Math.max(0, ...replicas.map((replica) => replica.seconds()));

  const shapeOf = ({ examples }: StepUnit<Example>): BatchShape =>
    fittingShape(objective.sizesOf(examples), shapes);

  async function run(program: Program, state: State, part: StepUnit<Example>): Promise<NamedArrays> {
    const { kind, examples, weight, controls: steering, draw } = part;
    const batch = kind === 'apply' ? {} : objective.fill(examples, shapeOf(part), weight);
    return program.run(state, { ...batch, ...steering }, draw);
  }

  async function share(state: State, parts: readonly StepUnit<Example>[]): Promise<NamedArrays[]> {
    const replicaOf = (i: number): TrainingPrograms => replicas[i % replicas.length]!;
    // Before any of them runs, since the first replica lets nothing else happen in this thread.
    const compiled = await Promise.all(
      parts.map((part, i) => replicaOf(i).gradients(shapeOf(part), part.dropout)),
    );
    const outputs: NamedArrays[] = [];
    await Promise.all(
      replicas.map(async (_, first) => {
        for (let i = first; i < parts.length; i += replicas.length)
          outputs[i] = await run(compiled[i]!, state, parts[i]!);
      }),
    );
    addUp(state, outputs);
    return outputs;
  }

  async function inTurn(state: State, parts: readonly StepUnit<Example>[]): Promise<NamedArrays[]> {
    const outputs: NamedArrays[] = [];
    for (const part of parts) {
      const { kind, dropout } = part;
      // What spends the gradients is so little that more threads would only wait, and then be in the replicas' way.
      const program =
        kind === 'apply' ? (replicas[0] ?? programs).apply() : programs[kind](shapeOf(part), dropout);
      outputs.push(await run(await program, state, part));
    }
    return outputs;
  }

  return {
    runs: 1,
    types: definitions.state,
    accumulating: definitions.accumulating,
    programs,
    ready: () => new Promise(setImmediate),
    async compute(state, parts) {
      const [start, compiled] = [performance.now(), seconds()];
      const shares = shared && parts[0]?.kind === 'accumulate';
      const outputs = await (shares ? share(state, parts) : inTurn(state, parts));
      const at = performance.now();
      return { outputs, computedAt: at, milliseconds: at - start - (seconds() - compiled) * 1000 };
    },
    seconds,
    finish: () => undefined,
    async dispose() {
      for (const each of [programs, ...replicas]) await each.dispose();
      frozen.dispose();
    },
  };
}

/** Puts the sums of all parts' gradients into the state; in the order of the parts, since rounding depends on it. */
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
