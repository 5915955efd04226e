/** Greedy search and sampling for one prompt, on the host. */
import type { Hypothesis } from './beam.ts';
import type { Candidates } from '../candidates.ts';
import { loweredTokens, processCandidates, type ProcessorOptions } from './processors.ts';
import type { Continuation, Search } from './search.ts';

export interface GreedyOptions extends ProcessorOptions {
  /**
   * Chooses the next token from at least `drawnFrom` candidates, best first; where absent, the best is taken.
   */
  readonly choose?: (candidates: Candidates, position: number) => number;
  readonly drawnFrom?: number;
  /** Whether the generated tokens are complete. */
  readonly isComplete?: ((tokens: readonly number[]) => boolean) | undefined;
}

/**
 * Continues one sequence by its best next token, or by a drawn one. Processors see logits, as in
 * transformers.
 */
export class GreedySearch implements Search {
  readonly #options: GreedyOptions;
  /** What processors see: the history and the generated tokens. */
  readonly #sequence: number[];
  readonly #start: number;

  constructor(options: GreedyOptions, history: readonly number[]) {
    this.#options = options;
    this.#sequence = [...history];
    this.#start = history.length;
  }

  get hypotheses(): readonly Hypothesis[] {
    return [{ tokens: this.#sequence.slice(this.#start), score: 0 }];
  }

  get needed(): number {
    const { drawnFrom = 1 } = this.#options;
    return drawnFrom + loweredTokens(this.#sequence, this.#sequence.length - this.#start, this.#options);
  }

  advance([beam]: readonly Candidates[]): Omit<Continuation, 'group'> | undefined {
    const generated = this.#sequence.length - this.#start;
    const candidates = processCandidates(beam!, this.#sequence, generated, this.#options);
    const { choose, isComplete, maxNewTokens } = this.#options;
    const id = choose ? choose(candidates, generated) : candidates.ids[0]!;
    if (id === this.#options.eosId) return undefined;
    this.#sequence.push(id);
    const isEnd = generated + 1 >= maxNewTokens || isComplete?.(this.#sequence.slice(this.#start));
    return isEnd ? undefined : { tokens: [id], parents: [0] };
  }
}
