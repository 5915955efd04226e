import type { NamedArrays, Program } from '../engine/types.ts';
import { virtualTokens } from '../models/types.ts';
import { KeyValueCache } from './cache.ts';
import type { Candidates } from './candidates.ts';
import { prefillProgram, stepProgram, type DecodingSetup } from './programs.ts';
import type { SequenceModel, Continuation } from './search.ts';

/** Sizes of a decoding: groups of beams are decoded at once. */
export interface DecoderSize {
  readonly groups: number;
  readonly beams: number;
  /** Prompts that are read at once, at most. */
  readonly prompts: number;
  /** Candidates of each row, until a search needs more. */
  readonly candidates: number;
}

/** The cache grows by so many slots: every growth compiles a program, empty slots cost time in every step. */
const SLOTS = 32;
const roundUp = (n: number, unit: number): number => Math.ceil(n / unit) * unit;
/** The length that prompts are padded to: few programs, an eighth of padding at most. */
const paddedLength = (n: number): number => roundUp(n, 2 ** Math.max(0, Math.ceil(Math.log2(n / 8))));

/** A decoder-only model whose cache lies on the host: each group of rows holds the beams of one prompt. */
export class Decoder implements SequenceModel {
  readonly #setup: DecodingSetup;
  readonly #size: DecoderSize;
  readonly #cache: KeyValueCache;
  /** Where the beams of a group lie, in the order that the search knows them by. */
  readonly #rows: number[][];
  readonly #prefills = new Map<string, Promise<Program>>();
  #step: { key: string; program: Program } | undefined;
  readonly #state;
  #candidates: number;

  constructor(setup: DecodingSetup, size: DecoderSize) {
    const { layers, kvHeads, headWidth } = setup.base.architecture;
    this.#setup = setup;
    this.#size = size;
    this.#cache = new KeyValueCache({ layers, heads: kvHeads, headWidth, rows: size.groups * size.beams });
    this.#rows = Array.from({ length: size.groups }, () => []);
    this.#state = setup.engine.state({});
    this.#candidates = size.candidates;
  }

  async start(
    prompts: readonly { group: number; prompt: readonly number[] }[],
    needed: number,
  ): Promise<Candidates[]> {
    const { positions } = this.#setup.base.architecture;
    const virtual = virtualTokens(this.#setup.delta);
    const longest = Math.max(...prompts.map(({ prompt }) => prompt.length));
    const length = Math.min(paddedLength(longest), positions - virtual);
    const count = this.#count(needed);
    const program = await this.#prefill(length, count);
    const inputs = promptInputs(prompts.map(({ prompt }) => prompt), this.#size.prompts, length); // prettier-ignore
    const out = await program.run(this.#state, inputs);
    this.#cache.grow(Math.min(roundUp(virtual + longest + 1, SLOTS), positions));
    const [keys, values] = this.#pairs(out);
    const [aheadKeys, aheadValues] = virtual > 0 ? this.#pairs(out, ' ahead') : [[], []];
    prompts.forEach(({ group, prompt }, i) => {
      const row = group * this.#size.beams;
      this.#rows[group] = [row];
      this.#cache.fill(row, aheadKeys, aheadValues, 0, virtual);
      this.#cache.append(row, keys, values, i * length, prompt.length);
    });
    return prompts.map((_, i) => rowOf(out, i, count));
  }

  async step(continuations: readonly Continuation[], needed: number): Promise<Candidates[][]> {
    const { rows } = this.#cache.shape;
    const ids = new Int32Array(rows);
    for (const { group, tokens, parents } of continuations) {
      this.#reorder(group, parents);
      tokens.forEach((id, beam) => (ids[this.#rows[group]![beam]!] = id));
    }
    const longest = Math.max(...this.#cache.lengths);
    const count = this.#count(needed);
    const program = await this.#stepProgram(count);
    const inputs: NamedArrays = { ids, positions: this.#cache.lengths.slice(), bias: this.#cache.bias };
    this.#cache.keys.forEach((array, i) => (inputs[`key ${i}`] = array));
    this.#cache.values.forEach((array, i) => (inputs[`value ${i}`] = array));
    const out = await program.run(this.#state, inputs);
    this.#cache.grow(Math.min(roundUp(longest + 1, SLOTS), this.#setup.base.architecture.positions));
    const [keys, values] = this.#pairs(out);
    return continuations.map(({ group }) =>
      this.#rows[group]!.map((row) => {
        this.#cache.append(row, keys, values, row);
        return rowOf(out, row, count);
      }),
    );
  }

  end(group: number): void {
    for (const row of this.#rows[group]!) this.#cache.clear(row);
    this.#rows[group] = [];
  }

  async dispose(): Promise<void> {
    for (const program of this.#prefills.values()) await (await program).dispose();
    await this.#step?.program.dispose();
    this.#state.dispose();
  }

  /** Lets beam i go on from beam parents[i]; the first child of a beam keeps its row, so only the others are copied. */
  #reorder(group: number, parents: readonly number[]): void {
    const first = group * this.#size.beams;
    const before = this.#rows[group]!;
    const kept = new Set(parents.map((parent) => before[parent]!));
    const free = parents.map((_, i) => first + i).filter((row) => !kept.has(row));
    const taken = new Set<number>();
    this.#rows[group] = parents.map((parent) => {
      const row = before[parent]!;
      if (!taken.has(row)) {
        taken.add(row);
        return row;
      }
      const copy = free.pop()!;
      this.#cache.copy(row, copy);
      return copy;
    });
  }

  /** Each number of candidates is a program of its own, so it only grows, and by leaps. */
  #count(needed: number): number {
    while (this.#candidates < needed) this.#candidates *= 2;
    return Math.min(this.#candidates, this.#setup.base.architecture.vocabulary);
  }

  #prefill(length: number, candidates: number): Promise<Program> {
    const key = `${length}/${candidates}`;
    const known = this.#prefills.get(key);
    if (known) return known;
    const program = prefillProgram(this.#setup, { rows: this.#size.prompts, length, candidates });
    this.#prefills.set(key, program);
    return program;
  }

  /** One at a time: each has a copy of the weights packed. */
  async #stepProgram(candidates: number): Promise<Program> {
    const { slots, shape } = this.#cache;
    const key = `${slots}/${candidates}`;
    if (this.#step?.key !== key) {
      await this.#step?.program.dispose();
      this.#step = { key, program: await stepProgram(this.#setup, { rows: shape.rows, slots, candidates }) };
    }
    return this.#step.program;
  }

  #pairs(out: NamedArrays, which = ''): [Float32Array[], Float32Array[]] {
    const each = (name: string): Float32Array[] =>
      Array.from({ length: this.#cache.shape.layers }, (_, i) => out[`${name}${which} ${i}`] as Float32Array);
    return [each('key'), each('value')];
  }
}

function rowOf({ ids, scores }: NamedArrays, row: number, count: number): Candidates {
  const [from, to] = [row * count, (row + 1) * count];
  return { ids: (ids as Int32Array).subarray(from, to), scores: (scores as Float32Array).subarray(from, to) };
}

/** `rows` prompts padded on the right to `length`, and where each ends; rows without a prompt are padding throughout. */
function promptInputs(prompts: readonly (readonly number[])[], rows: number, length: number): NamedArrays {
  const all = rows * length;
  const ids = new Int32Array(all);
  const tokens = new Float32Array(all);
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  const last = new Int32Array(rows);
  prompts.forEach((prompt, row) => {
    const start = row * length;
    last[row] = start + prompt.length - 1;
    ids.set(prompt, start);
    tokens.fill(1, start, start + prompt.length);
    for (let i = 0; i < prompt.length; i++) {
      fromStart[start + i] = i;
      fromEnd[start + i] = prompt.length - 1 - i;
    }
  });
  return {
    ...{ ids, last, tokens, prompt: tokens, fromStart, fromEnd },
    positions: Int32Array.from({ length: all }, (_, i) => i % length),
  };
}
