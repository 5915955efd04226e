import { sum } from 'simple-statistics';
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
import { freezeTensors, initialize, unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { around, fittingShape, planShapes } from '../objectives/batch-shapes.ts';
import { placeMask } from './place-mask.ts';
import type { BatchShape, Objective } from '../objectives/objective.ts';
import {
  compileOnce,
  defineTraining,
  trainingPrograms,
  type Definition,
  type Definitions,
  type ProgramSetup,
  type TrainingPrograms,
} from '../step/programs.ts';
import type { Computed, Part, Stepping } from './stepping.ts';
import { sizeOf } from '../../support/arithmetic.ts';

/** Why several seeds of a method cannot be trained in one program; undefined where they can. */
export function refusesTogether(base: BaseModel, delta: Delta): string | undefined {
  const matrices = unfrozenTensors(base, delta).filter((name) => base.shapes[name]!.length > 1);
  return matrices.length === 0
    ? undefined
    : `it trains ${matrices.length} of the base's own matrices, which seeds that are trained together share`;
}

/** A run that is ready to train. */
export interface Ready<Example> {
  readonly engine: Engine;
  readonly setup: ProgramSetup;
  readonly seed: number;
  readonly objective: Objective<Example>;
  /** The micro-batches of each step. */
  readonly planned: readonly (readonly Example[][])[];
  /** What it would compute in by itself: its dropout is drawn in these shapes. */
  readonly shapes: readonly BatchShape[];
  readonly accumulating: boolean;
}

/** A run's place among those that differ in nothing but their seed and are trained in one program. */
export interface Companion {
  /** Waits until the others are ready; undefined where none is left, or their steps differ in number. */
  join<Example>(ready: Ready<Example>): Promise<Stepping<Example> | undefined>;
  /** Ends the run's part in it, whether it has trained or not. */
  leave(): Promise<void>;
}

/** A run that waits for the others, as all of them see it. */
interface Waiting {
  readonly ready: Omit<Ready<never>, 'objective' | 'planned'>;
  readonly sizes: readonly BatchShape[][];
  enter(group: Group | undefined): void;
  failed(error: unknown): void;
}

/** Places for `count` runs: each keeps data, a loop, an optimiser and checkpoints of its own, but they compute their steps together. */
export function trainTogether(count: number): Companion[] {
  const present = new Set(Array.from({ length: count }, (_, place) => place));
  const waiting = new Map<number, Waiting>();
  let group: Promise<Group | undefined> | undefined;

  function begin(): void {
    if (group || waiting.size === 0 || waiting.size < present.size) return;
    const all = [...waiting.values()];
    group = makeGroup(waiting);
    group.then(
      (made) => {
        for (const { enter } of all) enter(made);
      },
      (error: unknown) => {
        for (const { failed } of all) failed(error);
      },
    );
  }

  return Array.from({ length: count }, (_, place) => ({
    async join<Example>({ objective, planned, ...ready }: Ready<Example>) {
      const sizes = planned.map((parts) => parts.map((part) => objective.sizesOf(part)));
      const made = await new Promise<Group | undefined>((enter, failed) => {
        waiting.set(place, { ready, sizes, enter, failed });
        begin();
      });
      return made?.stepping(place, objective, ready.shapes);
    },
    async leave() {
      present.delete(place);
      // Asked at once: several may leave while the group is awaited.
      const isLast = present.size === 0;
      begin();
      const made = await group?.catch(() => undefined);
      made?.rest(place);
      if (isLast) await made?.dispose();
    },
  }));
}

async function makeGroup(waiting: ReadonlyMap<number, Waiting>): Promise<Group | undefined> {
  const all = [...waiting.values()];
  const [{ ready: first }] = all as [Waiting];
  const { engine, setup, seed } = first;
  if (all.length === 1 || all.some(({ ready }) => ready.setup.totalSteps !== setup.totalSteps))
    return undefined;
  if (!engine.compileMany) throw new RangeError(`the engine ${engine.name} computes no runs together`);
  await checkFrozen(all.map(({ ready }) => ready));
  const accumulating = all.some(({ ready }) => ready.accumulating);
  // As if all were at the same step, which they are unless some of them go on from earlier ones.
  const sizes = Array.from({ length: setup.totalSteps }, (_, step) => {
    const parts = Math.max(...all.map(({ sizes }) => sizes[step]!.length));
    return Array.from({ length: parts }, (_, part) =>
      around(all.flatMap(({ sizes }) => sizes[step]![part] ?? [])),
    );
  });
  const frozen = await freezeTensors(engine, setup.base, setup.delta, seed);
  return new Group(engine, frozen, defineTraining(setup, accumulating), planShapes(sizes.flat(), engine.device), [...waiting.keys()]); // prettier-ignore
}

/** Throws RangeError where a method draws what it freezes from the seed. */
async function checkFrozen(all: readonly Waiting['ready'][]): Promise<void> {
  const frozen = await Promise.all(all.map(({ setup: { base, delta }, seed }) => initialize(delta.frozen ?? {}, base, seed))); // prettier-ignore
  for (const [name, values] of Object.entries(frozen[0]!)) {
    if (frozen.some((other) => other[name]!.some((x, i) => x !== values[i])))
      throw new RangeError(`${name} is frozen and differs from seed to seed`);
  }
}

/** A part of a run's step that waits for those of the others. */
interface Call {
  /** What is computed: calls of one key are computed by one program. */
  readonly key: string;
  readonly kind: Part<never>['kind'];
  readonly dropout: boolean;
  readonly state: State;
  /** Where there are examples: the least shape that holds them, and the one that dropout is drawn in. */
  readonly sizes?: { readonly least: BatchShape; readonly own: BatchShape };
  inputs(shape: BatchShape | undefined): NamedArrays;
  readonly draw: Draw;
  done(computed: Computed): void;
  failed(error: unknown): void;
}

/** The runs that are trained together. */
class Group {
  readonly #engine: Engine;
  readonly #held: FrozenArrays;
  readonly #definitions: Definitions;
  readonly #shapes: readonly BatchShape[];
  readonly #programs: TrainingPrograms;
  readonly #count: number;
  /** Those that still take steps, what they want computed, and which are between two steps. */
  readonly #training: Set<number>;
  readonly #calls = new Map<number, Call>();
  readonly #between = new Map<number, () => void>();
  #many = compileOnce<ManyProgram>();
  #copies: number;
  #seconds = 0;
  readonly #randoms = new Map<string, ReadonlyMap<string, RandomInput>>();

  constructor(
    engine: Engine,
    frozen: FrozenArrays,
    definitions: Definitions,
    shapes: readonly BatchShape[],
    places: readonly number[],
  ) {
    this.#engine = engine;
    this.#held = frozen;
    this.#definitions = definitions;
    this.#shapes = shapes;
    this.#programs = trainingPrograms(engine, frozen, definitions);
    this.#training = new Set(places);
    this.#count = this.#copies = places.length;
  }

  /** What one of the runs computes by; `shapes` are those that it would compute in by itself. */
  stepping<Example>(
    place: number,
    objective: Objective<Example>,
    shapes: readonly BatchShape[],
  ): Stepping<Example> {
    const rest = (): void => {
      this.rest(place);
    };
    return {
      runs: this.#count,
      types: this.#definitions.state,
      accumulating: this.#definitions.accumulating,
      programs: this.#programs,
      ready: () =>
        new Promise((begin) => {
          this.#between.set(place, begin);
          this.#advance();
        }),
      compute: async (state, parts) => {
        const done: Computed[] = [];
        for (const part of parts) done.push(await this.#join(place, objective, shapes, state, part));
        return {
          outputs: done.flatMap(({ outputs }) => outputs),
          milliseconds: sum(done.map(({ milliseconds }) => milliseconds)),
          computedAt: done.at(-1)!.computedAt,
        };
      },
      seconds: () => (this.#programs.seconds() + this.#seconds + this.#many.seconds()) / this.#count,
      finish: rest,
      dispose() {
        rest();
        return Promise.resolve();
      },
    };
  }

  /** Has a part computed as soon as all others want theirs. */
  #join<Example>(
    place: number,
    objective: Objective<Example>,
    shapes: readonly BatchShape[],
    state: State,
    { kind, examples, weight, steering, dropout, draw }: Part<Example>,
  ): Promise<Computed> {
    return new Promise((done, failed) => {
      const least = kind === 'apply' ? undefined : objective.sizesOf(examples);
      this.#calls.set(place, {
        ...{ key: `${kind} ${dropout}`, kind, dropout, state, draw, done, failed },
        ...(least && { sizes: { least, own: fittingShape(least, shapes) } }),
        inputs: (shape) => ({ ...(shape && objective.fill(examples, shape, weight)), ...steering }),
      });
      this.#advance();
    });
  }

  rest(place: number): void {
    if (this.#training.delete(place)) this.#advance();
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
    await this.#many.dispose();
    this.#held.dispose();
  }

  /** Goes on once nobody is elsewhere. */
  #advance(): void {
    if (this.#calls.size + this.#between.size < this.#training.size) return;
    if (this.#calls.size === 0) {
      const begin = [...this.#between.values()];
      this.#between.clear();
      setImmediate(() => {
        for (const each of begin) each();
      });
      return;
    }
    // Some may have fewer micro-batches; they spend their gradients when the others have theirs. Always in the same order,
    // because rounding depends on where a row stands.
    const all = [...this.#calls].sort(([a], [b]) => a - b);
    const { key } = (all.find(([, { kind }]) => kind === 'accumulate') ?? all[0]!)[1];
    const chosen = all.filter(([, call]) => call.key === key);
    for (const [place] of chosen) this.#calls.delete(place);
    const calls = chosen.map(([, call]) => call);
    this.#compute(calls).catch((error: unknown) => {
      for (const { failed } of calls) failed(error);
    });
  }

  async #compute(calls: readonly Call[]): Promise<void> {
    const start = performance.now();
    const { kind, dropout } = calls[0]!;
    const copies = this.#training.size;
    if (copies !== this.#copies) {
      // Those of more runs are not needed again.
      this.#seconds += this.#many.seconds();
      await this.#many.dispose();
      [this.#many, this.#copies] = [compileOnce<ManyProgram>(), copies];
    }
    const compiled = this.#many.seconds();
    const least = calls.flatMap(({ sizes }) => sizes?.least ?? []);
    const shape = least.length > 0 ? fittingShape(around(least), this.#shapes) : undefined;
    const define = (of: BatchShape | undefined): Definition =>
      kind === 'apply' || !of ? this.#definitions.apply() : this.#definitions[kind](of, dropout);
    const definition = define(shape);
    const program = await this.#many.compile(definition.name, () =>
      this.#engine.compileMany!(this.#signature(definition), definition.program, copies),
    );
    const outputs = await program.run(
      calls.map(({ state, sizes, inputs, draw }) => ({
        state,
        inputs: inputs(shape),
        draw: this.#drawIn(define(sizes?.own), definition, draw),
      })),
    );
    const at = performance.now();
    const milliseconds = (at - start - (this.#many.seconds() - compiled) * 1000) / calls.length;
    calls.forEach(({ done }, i) => {
      done({ outputs: [outputs[i]!], milliseconds, computedAt: at });
    });
  }

  #signature({ name, inputs }: Definition): Parameters<Engine['compile']>[0] {
    return { name, frozen: this.#held, state: this.#definitions.state, inputs };
  }

  /** Draws what a run draws by itself, in the program `own`, for the program that is computed. */
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
    const randoms = this.#randoms.get(name) ?? this.#engine.randomsOf!(this.#signature(definition), program);
    this.#randoms.set(name, randoms);
    return randoms;
  }
}
