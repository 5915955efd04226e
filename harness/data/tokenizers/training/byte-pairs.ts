/**
 * Trains byte-pair and WordPiece vocabularies for the tokenizers of the built-in bases; train.ts calls it.
 */
import { PriorityQueue } from './priority-queue.ts';

/**
 * The trained vocabulary: tokens in the order of their ids, and merges in the order in which they were made.
 */
export interface BytePairs {
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
}

/** Packs a pair of ids into one number, whose order is that of the first id, then the second. */
const pairOf = (left: number, right: number): number => left * 2 ** 26 + right;
const idsOf = (pair: number): [number, number] => [Math.floor(pair / 2 ** 26), pair % 2 ** 26];

/**
 * Byte-pair encoding (Sennrich et al., 2016): merges the most frequent pair of neighbouring tokens until
 * there are `size` tokens or no pair is left; of equally frequent pairs it merges the one with smaller ids,
 * as Hugging Face's trainer does. `words` holds each word's frequency, `alphabet` the first tokens, which
 * include all characters of the words. With a `prefix` (WordPiece's ##), every character of a word but its
 * first carries the prefix; these tokens follow the alphabet.
 */
export function trainBytePairs(
  words: ReadonlyMap<string, number>,
  alphabet: readonly string[],
  size: number,
  prefix = '',
): BytePairs {
  const vocabulary = new Vocabulary(alphabet);
  if (prefix !== '') {
    const inner = new Set(Array.from(words.keys()).flatMap((word) => Array.from(word).slice(1)));
    for (const character of alphabet) if (inner.has(character)) vocabulary.idOf(prefix + character);
  }
  const spell = (word: string): number[] =>
    Array.from(word, (character, i) => vocabulary.idOf(i > 0 ? prefix + character : character));
  const pairs = new NeighbourPairs(Array.from(words.keys(), spell), [...words.values()]);

  const merges = new Map<number, readonly [string, string]>();
  while (vocabulary.tokens.length < size) {
    const pair = pairs.mostFrequent();
    if (pair === undefined) break;
    const [left, right] = idsOf(pair).map((id) => vocabulary.tokens[id]!) as [string, string];
    merges.set(pair, [left, right]);
    pairs.merge(pair, vocabulary.idOf(left + right.slice(prefix.length)));
  }
  return { tokens: vocabulary.tokens, merges: [...merges.values()] };
}

/** Tokens in the order of their ids. */
class Vocabulary {
  readonly tokens: string[];
  readonly #ids: Map<string, number>;

  constructor(alphabet: readonly string[]) {
    this.tokens = [...alphabet];
    this.#ids = new Map(alphabet.map((token, id) => [token, id]));
  }

  /** The id of a token, which is added where it is new. */
  idOf(token: string): number {
    const known = this.#ids.get(token);
    if (known !== undefined) return known;
    this.#ids.set(token, this.tokens.length);
    return this.tokens.push(token) - 1;
  }
}

/** How often each pair of neighbouring tokens occurs in the words, and in which words. */
class NeighbourPairs {
  /** The ids of each word's tokens. */
  readonly #words: readonly number[][];
  readonly #frequencies: readonly number[];
  readonly #counts = new Map<number, number>();
  /** For each pair, the indices of the words that hold the pair or once held it. */
  readonly #places = new Map<number, Set<number>>();
  readonly #queue = new PriorityQueue();

  constructor(words: readonly number[][], frequencies: readonly number[]) {
    this.#words = words;
    this.#frequencies = frequencies;
    words.forEach((word, w) => {
      for (let i = 1; i < word.length; i++) this.#change(word[i - 1]!, word[i]!, frequencies[w]!, w);
    });
    for (const [pair, count] of this.#counts) this.#queue.push(pair, count);
  }

  /** The most frequent pair, of equally frequent ones that with smaller ids; undefined where none is left. */
  mostFrequent(): number | undefined {
    for (let top = this.#queue.pop(); top; top = this.#queue.pop()) {
      const count = this.#counts.get(top.key) ?? 0;
      if (count === top.priority) return top.key;
      // Merges of other pairs lowered this pair's count after it was queued.
      if (count > 0) this.#queue.push(top.key, count);
    }
    return undefined;
  }

  /** Replaces a pair by the token `merged` in all words. */
  merge(pair: number, merged: number): void {
    const [left, right] = idsOf(pair);
    const grown = new Set<number>();
    for (const w of this.#places.get(pair) ?? []) {
      const word = this.#words[w]!;
      const frequency = this.#frequencies[w]!;
      for (let i = 0; i + 1 < word.length; i++) {
        if (word[i] !== left || word[i + 1] !== right) continue;
        if (i > 0) {
          this.#change(word[i - 1]!, left, -frequency, w);
          grown.add(this.#change(word[i - 1]!, merged, frequency, w));
        }
        if (i + 2 < word.length) {
          this.#change(right, word[i + 2]!, -frequency, w);
          grown.add(this.#change(merged, word[i + 2]!, frequency, w));
        }
        word.splice(i, 2, merged);
      }
    }
    this.#counts.delete(pair);
    this.#places.delete(pair);
    for (const each of grown) {
      const count = this.#counts.get(each) ?? 0;
      if (count > 0) this.#queue.push(each, count);
    }
  }

  /** Counts a pair of word `w` `by` times more, and returns the pair. */
  #change(left: number, right: number, by: number, w: number): number {
    const pair = pairOf(left, right);
    this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + by);
    if (by > 0) {
      const places = this.#places.get(pair);
      if (places) places.add(w);
      else this.#places.set(pair, new Set([w]));
    }
    return pair;
  }
}
