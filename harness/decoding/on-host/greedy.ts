import type { Hypothesis } from './beam.ts';
import type { Candidates } from '../candidates.ts';
import { loweredTokens, processCandidates, type ProcessorOptions } from './processors.ts';
import type { Continuation, Search } from './search.ts';

export interface GreedyOptions extends ProcessorOptions {
  readonly maxNewTokens: number;
}

/** Always takes the best next token. Processors see logits, as in transformers. */
export class GreedySearch implements Search {
  readonly #options: GreedyOptions;
  /** What processors see: the history and the tokens made. */
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
    return 1 + loweredTokens(this.#sequence, this.#sequence.length - this.#start, this.#options);
  }

  advance([beam]: readonly Candidates[]): Omit<Continuation, 'group'> | undefined {
    const made = this.#sequence.length - this.#start;
    const id = processCandidates(beam!, this.#sequence, made, this.#options).ids[0]!;
    if (id === this.#options.eosId) return undefined;
    this.#sequence.push(id);
    return made + 1 < this.#options.maxNewTokens ? { tokens: [id], parents: [0] } : undefined;
  }
}
