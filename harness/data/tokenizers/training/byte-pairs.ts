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
const keyOf = (left: number, right: number): number => left * 2 ** 26 + right;

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
  const tokens = [...alphabet];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const idOf = (token: string): number => {
    const known = ids.get(token);
    if (known !== undefined) return known;
    ids.set(token, tokens.length);
    return tokens.push(token) - 1;
  };
  if (prefix !== '') {
    const inner = new Set(Array.from(words.keys()).flatMap((word) => Array.from(word).slice(1)));
    for (const character of alphabet) if (inner.has(character)) idOf(prefix + character);
  }

  const spelled: number[][] = [];
  const frequencies: number[] = [];
  for (const [word, frequency] of words) {
    spelled.push(Array.from(word, (character, i) => idOf(i > 0 ? prefix + character : character)));
    frequencies.push(frequency);
  }

  const counts = new Map<number, number>();
  /** For each pair of ids, the indices of the words that hold the pair or once held it. */
  const places = new Map<number, Set<number>>();
  const change = (left: number, right: number, by: number, word: number): number => {
    const key = keyOf(left, right);
    counts.set(key, (counts.get(key) ?? 0) + by);
    if (by > 0) {
      const place = places.get(key);
      if (place) place.add(word);
      else places.set(key, new Set([word]));
    }
    return key;
  };
  spelled.forEach((word, w) => {
    for (let i = 1; i < word.length; i++) change(word[i - 1]!, word[i]!, frequencies[w]!, w);
  });
  const queue = new PriorityQueue();
  for (const [key, count] of counts) queue.push(key, count);

  const merges = new Map<number, readonly [string, string]>();
  while (tokens.length < size) {
    const top = queue.pop();
    if (!top) break;
    const { key, priority } = top;
    const count = counts.get(key) ?? 0;
    if (count !== priority) {
      // Merges of other pairs lowered this pair's count after it was queued.
      if (count > 0) queue.push(key, count);
      continue;
    }
    const [left, right] = [Math.floor(key / 2 ** 26), key % 2 ** 26];
    const parts = [tokens[left]!, tokens[right]!] as const;
    const merged = idOf(parts[0] + parts[1].slice(prefix.length));
    merges.set(key, parts);
    const grown = new Set<number>();
    for (const w of places.get(key) ?? []) {
      const word = spelled[w]!;
      const frequency = frequencies[w]!;
      for (let i = 0; i + 1 < word.length; i++) {
        if (word[i] !== left || word[i + 1] !== right) continue;
        if (i > 0) {
          change(word[i - 1]!, left, -frequency, w);
          grown.add(change(word[i - 1]!, merged, frequency, w));
        }
        if (i + 2 < word.length) {
          change(right, word[i + 2]!, -frequency, w);
          grown.add(change(merged, word[i + 2]!, frequency, w));
        }
        word.splice(i, 2, merged);
      }
    }
    counts.delete(key);
    places.delete(key);
    for (const pair of grown) {
      const count = counts.get(pair) ?? 0;
      if (count > 0) queue.push(pair, count);
    }
  }
  return { tokens, merges: [...merges.values()] };
}
