import type { Candidates } from './candidates.ts';
import type { Continuation, Search } from './search.ts';

export interface GreedyOptions {
  readonly maxNewTokens: number;
  /** Undefined never stops. */
  readonly eosId: number | undefined;
}

/** Always takes the best next token. */
export class GreedySearch implements Search {
  readonly tokens: number[] = [];
  readonly needed = 1;
  readonly #options: GreedyOptions;

  constructor(options: GreedyOptions) {
    this.#options = options;
  }

  advance([beam]: readonly Candidates[]): Omit<Continuation, 'group'> | undefined {
    const id = beam!.ids[0]!;
    if (id === this.#options.eosId) return undefined;
    this.tokens.push(id);
    return this.tokens.length < this.#options.maxNewTokens ? { tokens: [id], parents: [0] } : undefined;
  }
}
