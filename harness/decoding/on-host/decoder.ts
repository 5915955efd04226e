/** Decodes on the host: runs the prefill and step programs around a key-value cache. search.ts drives it. */
import type { NamedArrays, Program } from '../../engine/types.ts';
import { SOURCE } from '../../models/delta/forward.ts';
import { cacheBytes, KeyValueCache } from './key-value-cache.ts';
import { checkSum, type Candidates } from '../candidates.ts';
import {
  cachedBeforePrompt,
  paddedLength,
  promptInputs,
  readLength,
  sourceInputs,
} from '../prompt-inputs.ts';
import { prefillProgram, PROMPT, sourceProgram, stepProgram, type DecodingSetup } from '../programs.ts';
import type { SequenceModel, Continuation } from './search.ts';
import { roundUp } from '../../support/numbers/arithmetic.ts';

/** The sizes of a decoder: so many groups of beams are decoded at once. */
export interface DecoderSize {
  readonly groups: number;
  readonly beams: number;
  /** Most prompts that are read at once. */
  readonly prompts: number;
  /** Candidates of each row at first; more once a search needs more. */
  readonly candidates: number;
  /**
   * Once no more prompts come, ended groups lose their rows when steps have read so many bytes of them in
   * vain.
   */
  readonly idleBytes: number;
}

/**
 * The slots of a cache for n tokens, at least 32 more at a time and at most an eighth of them empty: every
 * growth copies the cache and compiles a program, but empty slots cost time in every step.
 */
const slotsFor = (n: number): number => roundUp(paddedLength(n), 32);

/**
 * A model with its key-value cache on the host. Each group of rows holds the beams of one prompt. What they have
 * in common, the source of an encoder-decoder or the prompt of several beams, is in a second cache, with a row
 * for each group.
 */
export class Decoder implements SequenceModel {
  readonly #setup: DecodingSetup;
  readonly #size: DecoderSize;
  readonly #cache: KeyValueCache;
  readonly #common: { readonly holds: 'source' | 'prompt'; readonly cache: KeyValueCache } | undefined;
  /** The cache's rows of each group's beams, in the search's order of beams. */
  readonly #rows: number[][];
  readonly #prefills = new Map<string, Promise<Program>>();
  #step: { key: string; program: Program } | undefined;
  readonly #state;
  #candidates: number;
  /** The place of each group: its rows are `beams` rows from `beams` times its place on. */
  #places: number[];
  /** Bytes of the rows of ended groups that steps have read since no more prompts come; undefined before. */
  #idleBytes: number | undefined;

  constructor(setup: DecodingSetup, size: DecoderSize) {
    const { kind, layers, kvHeads: heads, headWidth } = setup.base.architecture;
    this.#setup = setup;
    this.#size = size;
    this.#cache = new KeyValueCache({ layers, heads, headWidth, rows: size.groups * size.beams });
    const holds = kind === 'encoder-decoder' ? 'source' : 'prompt';
    if (holds === 'source' || size.beams > 1)
      this.#common = { holds, cache: new KeyValueCache({ layers, heads, headWidth, rows: size.groups }) };
    this.#rows = Array.from({ length: size.groups }, () => []);
    this.#places = Array.from(this.#rows.keys());
    this.#state = setup.engine.state({});
    this.#candidates = size.candidates;
  }

  async start(
    prompts: readonly { group: number; prompt: readonly number[] }[],
    needed: number,
  ): Promise<Candidates[]> {
    const { delta } = this.#setup;
    const source = this.#commonOf('source');
    const common = this.#commonOf('prompt');
    const read = prompts.map(({ prompt }) => prompt);
    const virtual = cachedBeforePrompt(this.#setup);
    const inSource = delta.promptLength ?? 0;
    const longest = Math.max(...read.map((prompt) => prompt.length));
    const length = readLength(this.#setup, read);
    const count = this.#count(needed);
    const program = await this.#prefill(length, count);
    const inputs = source
      ? sourceInputs(read, this.#size.prompts, length)
      : promptInputs(read, this.#size.prompts, length);
    const out = await program.run(this.#state, inputs);
    const ownTokens = virtual + (source ? 1 : longest);
    this.#cache.grow(this.#slots((common ? 0 : ownTokens) + 1));
    common?.grow(this.#slots(ownTokens));
    source?.grow(slotsFor(inSource + longest));
    const [keys, values] = this.#pairs(out);
    const [prefixKeys, prefixValues] = virtual > 0 ? this.#pairs(out, 'prefix ') : [[], []];
    const [sourceKeys, sourceValues] = source ? this.#pairs(out, SOURCE) : [[], []];
    prompts.forEach(({ group, prompt }, i) => {
      const row = group * this.#size.beams;
      this.#rows[group] = [row];
      const [cache, at] = common ? [common, group] : [this.#cache, row];
      cache.fill(at, prefixKeys, prefixValues, 0, virtual);
      if (source) {
        cache.append(at, keys, values, i);
        source.fill(group, sourceKeys, sourceValues, i * (inSource + length), inSource + prompt.length);
      } else {
        cache.append(at, keys, values, i * length, prompt.length);
      }
    });
    return prompts.map((_, i) => rowOf(out, i, count));
  }

  async step(continuations: readonly Continuation[], needed: number): Promise<Candidates[][]> {
    this.#giveUpIdle(continuations.map(({ group }) => group));
    const { rows } = this.#cache.shape;
    const ids = new Int32Array(rows);
    for (const { group, tokens, parents } of continuations) {
      this.#reorder(group, parents);
      tokens.forEach((id, beam) => (ids[this.#rows[group]![beam]!] = id));
    }
    const longest = Math.max(...this.#cache.lengths);
    const count = this.#count(needed);
    const program = await this.#stepProgram(count);
    const prompt = this.#commonOf('prompt');
    const source = this.#commonOf('source');
    const first = ids.map((_, row) => prompt?.lengths[Math.floor(row / this.#size.beams)] ?? 0);
    const inputs = {
      ids,
      positions: first.map((before, row) => before + this.#cache.lengths[row]!),
      ...cacheInputs(this.#cache),
      ...(prompt && { first, ...cacheInputs(prompt, PROMPT) }),
      ...(source && cacheInputs(source, SOURCE)),
    };
    const out = await program.run(this.#state, inputs);
    this.#cache.grow(this.#slots(longest + 1));
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
    this.#common?.cache.clear(this.#places[group]!);
  }

  settle(): void {
    this.#idleBytes = 0;
  }

  /**
   * Keeps the rows of these groups alone, once enough of the others has been read in vain. Bytes are counted,
   * not times, so that a search does the same in every run.
   */
  #giveUpIdle(groups: readonly number[]): void {
    if (this.#idleBytes === undefined) return;
    const { beams } = this.#size;
    const { slots, shape, lengths } = this.#cache;
    const common = this.#common?.cache;
    const idle = shape.rows / beams - groups.length;
    this.#idleBytes += idle * cacheBytes(this.#setup.base.architecture, beams * slots + (common?.slots ?? 0));
    if (idle === 0 || this.#idleBytes < this.#size.idleBytes) return;
    this.#idleBytes = 0;
    const rowsOf = (group: number): number[] =>
      Array.from({ length: beams }, (_, beam) => this.#places[group]! * beams + beam);
    this.#cache.keep(groups.flatMap(rowsOf), this.#slots(Math.max(...lengths) + 1));
    common?.keep(
      groups.map((group) => this.#places[group]!),
      common.slots,
    );
    groups.forEach((group, place) => {
      const moved = (place - this.#places[group]!) * beams;
      this.#rows[group] = this.#rows[group]!.map((row) => row + moved);
      this.#places[group] = place;
    });
  }

  /** The slots of a cache for n tokens, within the model's window. */
  #slots(n: number): number {
    return Math.min(slotsFor(n), this.#setup.base.architecture.positions);
  }

  async dispose(): Promise<void> {
    for (const program of this.#prefills.values()) await (await program).dispose();
    await this.#step?.program.dispose();
    this.#state.dispose();
  }

  /**
   * Makes beam i continue beam parents[i]. The first child of a beam takes its row over; rows are copied for
   * others only.
   */
  #reorder(group: number, parents: readonly number[]): void {
    const first = this.#places[group]! * this.#size.beams;
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

  /** The cache of what the rows of each group have in common, where it holds this. */
  #commonOf(what: 'source' | 'prompt'): KeyValueCache | undefined {
    return this.#common?.holds === what ? this.#common.cache : undefined;
  }

  /** The number of candidates. It only grows, and doubles, since each number needs programs of its own. */
  #count(needed: number): number {
    while (this.#candidates < needed) this.#candidates *= 2;
    return Math.min(this.#candidates, this.#setup.base.architecture.vocabulary);
  }

  #prefill(length: number, candidates: number): Promise<Program> {
    const key = `${length}/${candidates}`;
    const known = this.#prefills.get(key);
    if (known) return known;
    const shape = { rows: this.#size.prompts, length, candidates };
    const readAll = this.#commonOf('source') ? sourceProgram : prefillProgram;
    const program = readAll(this.#setup, shape);
    this.#prefills.set(key, program);
    return program;
  }

  /** The step's program. One is kept at a time, for each holds a packed copy of the weights. */
  async #stepProgram(candidates: number): Promise<Program> {
    const { slots, shape } = this.#cache;
    const common = this.#common;
    const key = `${shape.rows}/${slots}/${common?.cache.slots}/${candidates}`;
    if (this.#step?.key !== key) {
      await this.#step?.program.dispose();
      const program = await stepProgram(this.#setup, {
        rows: shape.rows,
        slots,
        candidates,
        ...(common && {
          [common.holds]: { groups: common.cache.shape.rows, slots: common.cache.slots },
        }),
      });
      this.#step = { key, program };
    }
    return this.#step.program;
  }

  /** The keys and the values of all layers among a program's outputs whose names begin with `prefix`. */
  #pairs(out: NamedArrays, prefix = ''): [Float32Array[], Float32Array[]] {
    const each = (name: string): Float32Array[] =>
      Array.from(
        { length: this.#cache.shape.layers },
        (_, i) => out[`${prefix}${name} ${i}`] as Float32Array,
      );
    return [each('key'), each('value')];
  }
}

/** The candidates of a row; throws NotFinite where its logits were not finite. */
function rowOf({ ids, scores, sums }: NamedArrays, row: number, count: number): Candidates {
  checkSum(sums![row]!);
  const [from, to] = [row * count, (row + 1) * count];
  return { ids: (ids as Int32Array).subarray(from, to), scores: (scores as Float32Array).subarray(from, to) };
}

/** A cache as inputs of a step, under names that begin with `prefix`. */
function cacheInputs({ keys, values, bias }: KeyValueCache, prefix = ''): NamedArrays {
  return Object.fromEntries([
    [`${prefix}bias`, bias],
    ...keys.map((array, i) => [`${prefix}key ${i}`, array] as const),
    ...values.map((array, i) => [`${prefix}value ${i}`, array] as const),
  ]);
}
