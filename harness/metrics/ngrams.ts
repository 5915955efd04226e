/** Leaves room for 2²⁶ words and 2²⁷ n-grams in a key that a double holds exactly. */
const WORDS = 2 ** 26;

/** Numbers the n-grams of texts: an id stands for one n-gram, its parent for the n-gram without the last word. */
export class NgramTable {
  readonly maxOrder: number;
  /** By id; id 0 is the empty n-gram. */
  readonly orders: number[] = [0];
  readonly parents: number[] = [0];
  readonly #words = new Map<string, number>();
  readonly #children = new Map<number, number>();

  constructor(maxOrder: number) {
    this.maxOrder = maxOrder;
  }

  /** How often each n-gram of orders 1 … maxOrder occurs, by id; new n-grams get a number. */
  add(tokens: readonly string[]): Map<number, number> {
    const words = tokens.map((token) => {
      let word = this.#words.get(token);
      if (word === undefined) this.#words.set(token, (word = this.#words.size));
      return word;
    });
    return this.#count(words, (parent, key) => {
      const id = this.orders.length;
      this.#children.set(key, id);
      this.orders.push(this.orders[parent]! + 1);
      this.parents.push(parent);
      return id;
    });
  }

  /** As `add`, but n-grams that the table does not hold are left out. */
  find(tokens: readonly string[]): Map<number, number> {
    return this.#count(tokens.map((token) => this.#words.get(token)));
  }

  /** The id of a single word, if the table holds it. */
  word(token: string): number | undefined {
    const word = this.#words.get(token);
    return word === undefined ? undefined : this.#children.get(word);
  }

  #count(
    words: readonly (number | undefined)[],
    create?: (parent: number, key: number) => number,
  ): Map<number, number> {
    const counts = new Map<number, number>();
    for (let start = 0; start < words.length; start++) {
      const end = Math.min(words.length, start + this.maxOrder);
      let id = 0;
      for (let i = start; i < end; i++) {
        const word = words[i];
        if (word === undefined) break;
        const key = id * WORDS + word;
        const next = this.#children.get(key) ?? create?.(id, key);
        if (next === undefined) break;
        id = next;
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    }
    return counts;
  }
}

/** How many n-grams of the given order a text of `length` words has. */
export function ngramCount(length: number, order: number): number {
  return Math.max(0, length - order + 1);
}
