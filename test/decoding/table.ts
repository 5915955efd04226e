// Random tables of log-probabilities that replace a model in the tests of searches.
import type { Candidates } from '../../harness/decoding/candidates.ts';
import { runSearches, type Search, type SequenceModel } from '../../harness/decoding/on-host/search.ts';

/** Gives the log-probabilities of the next token after a sequence. */
export type Scores = (sequence: readonly number[]) => Float32Array;

/** Makes a random table whose log-probabilities depend on the whole sequence only. */
export function randomScores(seed: number, vocabulary: number): Scores {
  return (sequence) => {
    let state = seed;
    const next = (): number => {
      state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
      state ^= state >>> 13;
      return (state >>> 0) / 2 ** 32;
    };
    for (const id of sequence) state = Math.imul(state + id + 1, 0x297a2d39) ^ (state >>> 16);
    for (let i = 0; i < 3; i++) next();
    const logits = Array.from({ length: vocabulary }, () => 6 * next());
    const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
    return Float32Array.from(logits, (x) => x - total);
  };
}

/** Reads its scores from a table; it offers as many candidates as the search asks for, or all. */
export class TableModel implements SequenceModel {
  readonly #scores: Scores;
  readonly #all: boolean;
  readonly #groups = new Map<number, number[][]>();

  constructor(scores: Scores, { all }: { all: boolean }) {
    this.#scores = scores;
    this.#all = all;
  }

  start(prompts: Parameters<SequenceModel['start']>[0], needed: number): Promise<Candidates[]> {
    for (const { group, prompt } of prompts) this.#groups.set(group, [[...prompt]]);
    return Promise.resolve(prompts.map(({ prompt }) => this.#best(prompt, needed)));
  }

  step(continuations: Parameters<SequenceModel['step']>[0], needed: number): Promise<Candidates[][]> {
    return Promise.resolve(
      continuations.map(({ group, tokens, parents }) => {
        const before = this.#groups.get(group)!;
        const beams = tokens.map((id, i) => [...before[parents[i]!]!, id]);
        this.#groups.set(group, beams);
        return beams.map((beam) => this.#best(beam, needed));
      }),
    );
  }

  end(group: number): void {
    this.#groups.delete(group);
  }

  settle(): void {
    // Its groups take no place.
  }

  #best(sequence: readonly number[], needed: number): Candidates {
    const scores = this.#scores(sequence);
    const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
    const ids = order.slice(0, this.#all ? undefined : needed);
    return { ids: Int32Array.from(ids), scores: Float32Array.from(ids, (i) => scores[i]!) };
  }
}

/** Runs a search on a table from a prompt. */
export async function searchTable<S extends Search>(
  scores: Scores,
  prompt: readonly number[],
  search: S,
  all = false,
): Promise<S> {
  const run = { groups: 1, prompts: 1, onEnd: () => undefined };
  await runSearches(new TableModel(scores, { all }), [{ prompt, search }], run);
  return search;
}
