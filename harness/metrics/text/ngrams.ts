/** Tables of n-grams for the metrics of text: numbers instead of strings, because corpora have millions. */

/** A word that occurs in no text: it extends no n-gram. */
const UNKNOWN = -1;

/** Numbers the n-grams of texts. An id names one n-gram; its parent is the n-gram without the last word. */
export class NgramTable {
  readonly maxOrder: number;
  /** By id: the order, the parent and the last word; id 0 is the empty n-gram. */
  readonly orders: number[] = [0];
  readonly parents: number[] = [0];
  readonly #last: number[] = [UNKNOWN];
  readonly #words = new Map<string, number>();
  /** A hash table of ids by parent and last word: open addressing, at most half full, 0 for an empty slot. */
  #slots = new Int32Array(1 << 8);
  /** The counts of added texts, kept because they are asked for again. */
  readonly #counted = new WeakMap<readonly string[], Map<number, number>>();

  constructor(maxOrder: number) {
    this.maxOrder = maxOrder;
  }

  /** Counts the n-grams of orders 1 … maxOrder by id; new n-grams get a number. */
  add(tokens: readonly string[]): Map<number, number> {
    for (const token of tokens) {
      if (!this.#words.has(token)) this.#words.set(token, this.#words.size);
    }
    const counts = this.#counted.get(tokens) ?? this.#count(tokens, true);
    this.#counted.set(tokens, counts);
    return counts;
  }

  /** Counts as `add` does, but leaves out n-grams that the table lacks. */
  find(tokens: readonly string[]): Map<number, number> {
    return this.#counted.get(tokens) ?? this.#count(tokens, false);
  }

  /** The id of a single word, if the table has it. */
  word(token: string): number | undefined {
    const place = this.#place(0, this.#words.get(token) ?? UNKNOWN);
    return this.#slots[place]! > 0 ? this.#slots[place] : undefined;
  }

  #count(tokens: readonly string[], create: boolean): Map<number, number> {
    const words = tokens.map((token) => this.#words.get(token) ?? UNKNOWN);
    const counts = new Map<number, number>();
    for (let start = 0; start < words.length; start++) {
      const end = Math.min(words.length, start + this.maxOrder);
      let id = 0;
      for (let i = start; i < end; i++) {
        const place = this.#place(id, words[i]!);
        const known = this.#slots[place]!;
        if (known === 0 && !create) break;
        id = known > 0 ? known : this.#create(id, words[i]!, place);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    }
    return counts;
  }

  /** The slot of an n-gram, or the empty slot for it. */
  #place(parent: number, word: number): number {
    const mask = this.#slots.length - 1;
    let place = Math.imul(parent, 0x9e3779b1) ^ Math.imul(word, 0x85ebca6b);
    place = (place ^ (place >>> 15)) & mask;
    for (;;) {
      const id = this.#slots[place]!;
      if (id === 0 || (this.parents[id] === parent && this.#last[id] === word)) return place;
      place = (place + 1) & mask;
    }
  }

  #create(parent: number, word: number, place: number): number {
    const id = this.orders.length;
    this.orders.push(this.orders[parent]! + 1);
    this.parents.push(parent);
    this.#last.push(word);
    this.#slots[place] = id;
    if (2 * id > this.#slots.length) {
      this.#slots = new Int32Array(2 * this.#slots.length);
      for (let other = 1; other <= id; other++) {
        this.#slots[this.#place(this.parents[other]!, this.#last[other]!)] = other;
      }
    }
    return id;
  }
}

/** The number of n-grams of an order in a text of `length` words. */
export function ngramCount(length: number, order: number): number {
  return Math.max(0, length - order + 1);
}
