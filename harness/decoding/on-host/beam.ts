import type { Candidates } from '../candidates.ts';
import { descending, loweredTokens, processCandidates, type ProcessorOptions } from './processors.ts';
import type { Continuation, Search } from './search.ts';

/** When a search ends before the length limit, as in transformers. */
export type EarlyStopping = boolean | 'never';

export interface BeamOptions extends ProcessorOptions {
  readonly beams: number;
  readonly maxNewTokens: number;
  /** A finished sequence of n tokens, the end token counted, scores Σ log p / n^penalty. */
  readonly lengthPenalty?: number | undefined;
  /**
   * true: when there are as many finished sequences as beams. false: when moreover the best running one, scored at its
   * present length, is no better than the worst of them. 'never': likewise, but at the most favourable length.
   */
  readonly earlyStopping?: EarlyStopping | undefined;
}

/** A finished sequence; `tokens` without the end token. */
export interface Hypothesis {
  readonly tokens: number[];
  readonly score: number;
}

interface Beam {
  /** The history and the tokens made. */
  readonly sequence: readonly number[];
  /** Σ log p of the tokens made. */
  readonly score: number;
}

/** Stands for the score of what must not be chosen; finite as in transformers, whose arithmetic (float32) this follows. */
export const NEVER = -1e9;

/** Beam search for one prompt, equal to that of transformers 5. */
export class BeamSearch implements Search {
  readonly #options: BeamOptions & { lengthPenalty: number; earlyStopping: EarlyStopping };
  readonly #start: number;
  #running: Beam[];
  /** Best first, at most as many as beams. */
  #finished: Hypothesis[] = [];
  #made = 0;

  constructor(options: BeamOptions, history: readonly number[]) {
    this.#options = {
      ...options,
      lengthPenalty: options.lengthPenalty ?? 1,
      earlyStopping: options.earlyStopping ?? false,
    };
    this.#start = history.length;
    // All beams are the prompt at first, and only the first one counts.
    this.#running = Array.from({ length: options.beams }, (_, i) => ({
      sequence: history,
      score: i === 0 ? 0 : NEVER,
    }));
  }

  /** What the search found, best first. */
  get hypotheses(): readonly Hypothesis[] {
    return this.#finished;
  }

  get needed(): number {
    const lowered = this.#running.map(({ sequence }) => loweredTokens(sequence, this.#made, this.#options));
    return 2 * this.#options.beams + Math.max(...lowered);
  }

  advance(beams: readonly Candidates[]): Omit<Continuation, 'group'> | undefined {
    const { beams: count, eosId, maxNewTokens, earlyStopping } = this.#options;
    const best = this.#best(beams);
    this.#made++;
    const last = this.#made === maxNewTokens;

    // Only what is among the best `count` may finish; the other candidates are there to take the finished ones' places.
    const ending = best.slice(0, count).filter(({ id }) => last || id === eosId);
    const found = ending.map(({ parent, id, score }) => ({
      tokens: this.#tokens(parent, id),
      score: this.#normalize(score, this.#made),
    }));
    this.#finished = [...this.#finished, ...found]
      .sort((a, b) => descending(a.score, b.score))
      .slice(0, count);
    if (last || (this.#full() && earlyStopping === true)) return undefined;

    const next = best.filter(({ id }) => id !== eosId).slice(0, count);
    const first = this.#made === 1;
    this.#running = next.map(({ parent, id, score }) => ({
      sequence: [...this.#running[parent]!.sequence, id],
      score,
    }));
    if (!this.#canImprove()) return undefined;
    return { tokens: next.map(({ id }) => id), parents: next.map(({ parent }) => (first ? 0 : parent)) };
  }

  /** The best continuations of all beams, twice as many as there are beams: each may offer the end token once. */
  #best(beams: readonly Candidates[]): { parent: number; id: number; score: number }[] {
    const outputRows = 2 * this.#options.beams;
    const all = this.#running.flatMap(({ sequence, score: before }, parent) => {
      const own = processCandidates(beams[parent] ?? beams[0]!, sequence, this.#made, this.#options);
      return Array.from(own.ids.subarray(0, outputRows), (id, i) => ({
        parent,
        id,
        score: Math.fround(own.scores[i]! + before),
      }));
    });
    return all.sort((a, b) => descending(a.score, b.score)).slice(0, outputRows);
  }

  #tokens(parent: number, id: number): number[] {
    const made = this.#running[parent]!.sequence.slice(this.#start);
    return id === this.#options.eosId ? made : [...made, id];
  }

  #normalize(score: number, length: number): number {
    return Math.fround(score / length ** this.#options.lengthPenalty);
  }

  #full(): boolean {
    return this.#finished.length === this.#options.beams;
  }

  /** Whether the best running sequence may still beat the worst finished one. */
  #canImprove(): boolean {
    const { earlyStopping, lengthPenalty, maxNewTokens } = this.#options;
    const length = earlyStopping === 'never' && lengthPenalty > 0 ? maxNewTokens : this.#made;
    const worst = this.#full() ? this.#finished.at(-1)!.score : NEVER;
    return this.#normalize(this.#running[0]!.score, length) > worst;
  }
}
