/**
 * Computes the steps of several runs in one program, the same unit of all of them at a time.
 * train-together.ts makes it of runs that differ in their seed alone. Each run's numbers are those that it
 * has by itself, but for rounding.
 */
import {
  type Draw,
  type Engine,
  type FrozenArrays,
  type ManyProgram,
  type NamedArrays,
  type RandomInput,
  randomKey,
  type State,
} from '../../engine/types.ts';
import { sizeOf, sum } from '../../support/numbers/arithmetic.ts';
import { enclosingShape, fittingShape } from '../objectives/batch-shapes.ts';
import type { BatchShape, Objective } from '../objectives/objective.ts';
import {
  compileOnce,
  trainingPrograms,
  type Definition,
  type Definitions,
  type TrainingPrograms,
} from '../step/programs.ts';
import { placeMask } from './place-mask.ts';
import type { StepRunner, StepUnit, UnitOutputs } from './step-runner.ts';

/** A unit of one run's step that waits for the same units of the other runs. */
interface WaitingUnit {
  /** Units of one key are computed by one program. */
  readonly key: string;
  readonly kind: StepUnit<never>['kind'];
  readonly dropout: boolean;
  readonly state: State;
  /**
   * Two shapes for its examples: the smallest that holds them, and the one of the run by itself, in which its
   * dropout masks are drawn.
   */
  readonly sizes: { readonly least: BatchShape; readonly own: BatchShape } | undefined;
  inputs(shape: BatchShape | undefined): NamedArrays;
  readonly draw: Draw;
  resolve(computed: UnitOutputs): void;
  reject(error: unknown): void;
}

/** The engine, the frozen arrays and the batch shapes that the runs of a group share. */
export interface GroupSetup {
  readonly engine: Engine;
  /** Disposed with the group. */
  readonly frozen: FrozenArrays;
  readonly definitions: Definitions;
  /** Shapes that hold the micro-batches of all runs. */
  readonly shapes: readonly BatchShape[];
  /** The runs' numbers; results depend on their order, since rounding depends on where a row stands. */
  readonly places: readonly number[];
}

/** The runs that are trained together. */
export class RunGroup {
  readonly #setup: GroupSetup;
  readonly #programs: TrainingPrograms;
  /** Runs that have steps left to take. */
  readonly #training: Set<number>;
  /** Units that runs wait for. */
  readonly #waiting = new Map<number, WaitingUnit>();
  /** Runs that have ended a step; calling the function of a run begins its next step. */
  readonly #between = new Map<number, () => void>();
  /** Programs for `copies` runs. */
  #many = compileOnce<ManyProgram>();
  #copies: number;
  /** Compile time, in seconds, of the programs that have been disposed. */
  #disposedSeconds = 0;
  readonly #randoms = new Map<string, ReadonlyMap<string, RandomInput>>();

  constructor(setup: GroupSetup) {
    const { engine, frozen, definitions, places } = setup;
    this.#setup = setup;
    this.#programs = trainingPrograms(engine, frozen, definitions);
    this.#training = new Set(places);
    this.#copies = places.length;
  }

  /** Makes the runner of one run; `shapes` are its batch shapes when it is trained by itself. */
  runnerOf<Example>(
    place: number,
    objective: Objective<Example>,
    shapes: readonly BatchShape[],
  ): StepRunner<Example> {
    const { definitions, places } = this.#setup;
    const finish = (): void => {
      this.finish(place);
    };
    return {
      runs: places.length,
      types: definitions.state,
      accumulating: definitions.accumulating,
      programs: this.#programs,
      ready: () =>
        new Promise((begin) => {
          this.#between.set(place, begin);
          this.#advance();
        }),
      compute: async (state, units) => {
        const done: UnitOutputs[] = [];
        for (const unit of units) done.push(await this.#wait(place, objective, shapes, state, unit));
        return {
          outputs: done.flatMap(({ outputs }) => outputs),
          milliseconds: sum(done.map(({ milliseconds }) => milliseconds)),
          computedAt: done.at(-1)!.computedAt,
        };
      },
      seconds: () => this.#compileSeconds() / places.length,
      finish,
      dispose() {
        finish();
        return Promise.resolve();
      },
    };
  }

  /** Takes a run that has no steps left out of the group: the others no longer wait for it. */
  finish(place: number): void {
    if (this.#training.delete(place)) this.#advance();
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
    await this.#many.dispose();
    this.#setup.frozen.dispose();
  }

  #compileSeconds(): number {
    return this.#programs.seconds() + this.#disposedSeconds + this.#many.seconds();
  }

  /** Queues a run's unit; it is computed when every run of the group has queued one. */
  #wait<Example>(
    place: number,
    objective: Objective<Example>,
    shapes: readonly BatchShape[],
    state: State,
    { kind, examples, weight, controls, dropout, draw }: StepUnit<Example>,
  ): Promise<UnitOutputs> {
    return new Promise((resolve, reject) => {
      const least = kind === 'apply' ? undefined : objective.sizesOf(examples);
      this.#waiting.set(place, {
        key: `${kind} ${dropout}`,
        kind,
        dropout,
        state,
        sizes: least && { least, own: fittingShape(least, shapes) },
        inputs: (shape) => ({ ...(shape && objective.fill(examples, shape, weight)), ...controls }),
        draw,
        resolve,
        reject,
      });
      this.#advance();
    });
  }

  /** When every run waits, either begins the next step of all, or computes the queued units of one key. */
  #advance(): void {
    if (this.#waiting.size + this.#between.size < this.#training.size) return;
    if (this.#waiting.size === 0) {
      this.#beginSteps();
      return;
    }
    // Runs may have fewer micro-batches than others: they apply their gradients when the others have all of
    // theirs.
    const all = [...this.#waiting].sort(([a], [b]) => a - b);
    const { key } = (all.find(([, { kind }]) => kind === 'accumulate') ?? all[0]!)[1];
    const chosen = all.filter(([, unit]) => unit.key === key);
    for (const [place] of chosen) this.#waiting.delete(place);
    const units = chosen.map(([, unit]) => unit);
    this.#compute(units).catch((error: unknown) => {
      for (const { reject } of units) reject(error);
    });
  }

  #beginSteps(): void {
    const begins = [...this.#between.values()];
    this.#between.clear();
    setImmediate(() => {
      for (const begin of begins) begin();
    });
  }

  /** Computes units of one key in one run of one program. */
  async #compute(units: readonly WaitingUnit[]): Promise<void> {
    const start = performance.now();
    await this.#disposeOutgrown();
    const compiled = this.#many.seconds();
    const { kind, dropout } = units[0]!;
    const least = units.flatMap(({ sizes }) => sizes?.least ?? []);
    const shape = least.length > 0 ? fittingShape(enclosingShape(least), this.#setup.shapes) : undefined;
    const definition = this.#define(kind, dropout, shape);
    const program = await this.#programOf(definition);
    const outputs = await program.run(
      units.map(({ state, sizes, inputs, draw }) => ({
        state,
        inputs: inputs(shape),
        draw: this.#drawIn(this.#define(kind, dropout, sizes?.own), definition, draw),
      })),
    );
    const computedAt = performance.now();
    const compiling = (this.#many.seconds() - compiled) * 1000;
    const milliseconds = (computedAt - start - compiling) / units.length;
    units.forEach(({ resolve }, i) => {
      resolve({ outputs: [outputs[i]!], milliseconds, computedAt });
    });
  }

  /** Disposes of programs for more runs than are left: runs only leave a group. */
  async #disposeOutgrown(): Promise<void> {
    const copies = this.#training.size;
    if (copies === this.#copies) return;
    this.#disposedSeconds += this.#many.seconds();
    await this.#many.dispose();
    this.#many = compileOnce<ManyProgram>();
    this.#copies = copies;
  }

  #define(kind: StepUnit<never>['kind'], dropout: boolean, shape: BatchShape | undefined): Definition {
    const { definitions } = this.#setup;
    return kind === 'apply' || !shape ? definitions.apply() : definitions[kind](shape, dropout);
  }

  #programOf(definition: Definition): Promise<ManyProgram> {
    const { engine } = this.#setup;
    return this.#many.compile(definition.name, () =>
      engine.compileMany!(this.#signature(definition), definition.program, this.#copies),
    );
  }

  #signature({ name, inputs }: Definition): Parameters<Engine['compile']>[0] {
    const { frozen, definitions } = this.#setup;
    return { name, frozen, state: definitions.state, inputs };
  }

  /** Draws for the program `computed` the masks that a run by itself draws in its program `own`. */
  #drawIn(own: Definition, computed: Definition, draw: Draw): Draw {
    if (own.name === computed.name) return draw;
    return (to, out) => {
      const from = this.#randomsOf(own).get(randomKey(to))!;
      const mask = new Float32Array(sizeOf(from.shape));
      draw(from, mask);
      placeMask(mask, from, out, to);
    };
  }

  #randomsOf(definition: Definition): ReadonlyMap<string, RandomInput> {
    const { name, program } = definition;
    const known = this.#randoms.get(name);
    if (known) return known;
    const randoms = this.#setup.engine.randomsOf!(this.#signature(definition), program);
    this.#randoms.set(name, randoms);
    return randoms;
  }
}
