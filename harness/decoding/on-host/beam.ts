/**
 * Beam search for one prompt, on the host, equal to that of transformers 5. in-graph/tensor-search.ts is its
 * twin.
 */
import type { Candidates } from '../candidates.ts';
import { descending, loweredTokens, processCandidates, type ProcessorOptions } from './processors.ts';
import type { Continuation, Search } from './search.ts';

/** When a search ends before the length limit, as in transformers. */
export type EarlyStopping = boolean | 'never';

export interface BeamOptions extends ProcessorOptions {
  readonly beams: number;
  /** A finished sequence of n tokens, the end token counted, scores Σ log p / n^penalty. */
  readonly lengthPenalty?: number | undefined;
  /**
   * When the search ends. true: once there are as many finished sequences as beams. false: once moreover the
   * best running sequence, scored at its present length, is no better than the worst finished one. 'never':
   * as false, but scored at the most favourable length.
   */
  readonly earlyStopping?: EarlyStopping | undefined;
}

/** A finished sequence; `tokens` without the end token. */
export interface Hypothesis {
  readonly tokens: number[];
  readonly score: number;
}

interface Beam {
  /** The history and the generated tokens. */
  readonly sequence: readonly number[];
  /** Σ log p of the generated tokens. */
  readonly score: number;
}

/**
 * The score of tokens that must not be chosen; finite, as in transformers, whose float32 arithmetic the
 * search follows.
 */
export const NEVER = -1e9;

/** Beam search for one prompt, equal to that of transformers 5. */
export class BeamSearch implements Search {
  readonly #options: BeamOptions & { lengthPenalty: number; earlyStopping: EarlyStopping };
  readonly #start: number;
  #running: Beam[];
  /** Best first, at most as many as beams. */
  #finished: Hypothesis[] = [];
  #generated = 0;

  constructor(options: BeamOptions, history: readonly number[]) {
    this.#options = {
      ...options,
      lengthPenalty: options.lengthPenalty ?? 1,
      earlyStopping: options.earlyStopping ?? false,
    };
    this.#start = history.length;
    // All beams begin as the prompt; the others' scores keep them from being chosen.
    this.#running = Array.from({ length: options.beams }, (_, i) => ({
      sequence: history,
      score: i === 0 ? 0 : NEVER,
    }));
  }

  /** The finished hypotheses, best first. */
  get hypotheses(): readonly Hypothesis[] {
    return this.#finished;
  }

  get needed(): number {
    const lowered = this.#running.map(({ sequence }) =>
      loweredTokens(sequence, this.#generated, this.#options),
    );
    return 2 * this.#options.beams + Math.max(...lowered);
  }

  advance(beams: readonly Candidates[]): Omit<Continuation, 'group'> | undefined {
    const { beams: count, eosId, maxNewTokens, earlyStopping } = this.#options;
    const best = this.#best(beams);
    this.#generated++;
    const last = this.#generated === maxNewTokens;

    // Only the best `count` candidates may finish; the others replace those that do.
    const ending = best.slice(0, count).filter(({ id }) => last || id === eosId);
    const found = ending.map(({ parent, id, score }) => ({
      tokens: this.#tokens(parent, id),
      score: this.#normalize(score, this.#generated),
    }));
    this.#finished = [...this.#finished, ...found]
      .sort((a, b) => descending(a.score, b.score))
      .slice(0, count);
    if (last || (this.#full() && earlyStopping === true)) return undefined;

    const next = best.filter(({ id }) => id !== eosId).slice(0, count);
    const first = this.#generated === 1;
    this.#running = next.map(({ parent, id, score }) => ({
      sequence: [...this.#running[parent]!.sequence, id],
      score,
    }));
    if (!this.#canImprove()) return undefined;
    return { tokens: next.map(({ id }) => id), parents: next.map(({ parent }) => (first ? 0 : parent)) };
  }

  /**
   * The best continuations over all beams, twice as many as beams, since each beam may offer the end token
   * once.
   */
  #best(beams: readonly Candidates[]): { parent: number; id: number; score: number }[] {
    const count = 2 * this.#options.beams;
    const all = this.#running.flatMap(({ sequence, score: sum }, parent) => {
      const own = processCandidates(beams[parent] ?? beams[0]!, sequence, this.#generated, this.#options);
      return Array.from(own.ids.subarray(0, count), (id, i) => ({
        parent,
        id,
        score: Math.fround(own.scores[i]! + sum),
      }));
    });
    return all.sort((a, b) => descending(a.score, b.score)).slice(0, count);
  }

  #tokens(parent: number, id: number): number[] {
    const tokens = this.#running[parent]!.sequence.slice(this.#start);
    return id === this.#options.eosId ? tokens : [...tokens, id];
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
    const length = earlyStopping === 'never' && lengthPenalty > 0 ? maxNewTokens : this.#generated;
    const worst = this.#full() ? this.#finished.at(-1)!.score : NEVER;
    return this.#normalize(this.#running[0]!.score, length) > worst;
  }
}
