/** METEOR's synonym module: synsets of English words from WordNet 3.0. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/** WordNet's detachment rules in its order: nouns, verbs, adjectives. */
const ENDINGS: readonly (readonly [ending: string, replacement: string])[] = [
  ['s', ''],
  ['ses', 's'],
  ['xes', 'x'],
  ['zes', 'z'],
  ['ches', 'ch'],
  ['shes', 'sh'],
  ['men', 'man'],
  ['ies', 'y'],
  ['s', ''],
  ['ies', 'y'],
  ['es', 'e'],
  ['es', ''],
  ['ed', 'e'],
  ['ed', ''],
  ['ing', 'e'],
  ['ing', ''],
  ['er', ''],
  ['est', ''],
  ['er', 'e'],
  ['est', 'e'],
];

const read = (name: string): Buffer => readFileSync(path.join(import.meta.dirname, 'data', name));

/** Looks up WordNet 3.0's synsets of words and of their base forms, as METEOR 1.5 does. */
export class Synonyms {
  /**
   * One line a lemma, sorted. It is searched as text, because few of its 78,000 lemmas are ever looked up.
   */
  readonly #lines: string;
  readonly #bases = new Map<string, string[]>();

  constructor() {
    this.#lines = brotliDecompressSync(read('english.synsets.br')).toString('latin1');
    const exceptions = read('english.exceptions').toString().split('\n');
    for (let i = 0; i + 1 < exceptions.length; i += 2) {
      for (const form of exceptions[i + 1]!.split(' ')) {
        const bases = this.#bases.get(form);
        if (bases) bases.push(exceptions[i]!);
        else this.#bases.set(form, [exceptions[i]!]);
      }
    }
  }

  /** The synsets of a word; two words are synonyms if they share one. */
  senses(word: string): Set<number> {
    const lemmas = [word, ...(this.#bases.get(word) ?? [this.#base(word)])];
    return new Set(lemmas.flatMap((lemma) => this.#synsets(lemma) ?? []));
  }

  /** The first lemma that a detachment rule finds; '' if none does. */
  #base(word: string): string {
    if (word.endsWith('ss') || word.length <= 2) return word;
    for (const [ending, replacement] of ENDINGS) {
      if (!word.endsWith(ending)) continue;
      const base = word.slice(0, word.length - ending.length) + replacement;
      if (this.#synsets(base)) return base;
    }
    return '';
  }

  #synsets(lemma: string): number[] | undefined {
    let low = 0;
    let high = this.#lines.length;
    while (low < high) {
      const start = this.#lines.lastIndexOf('\n', (low + high - 1) >> 1) + 1;
      const end = this.#lines.indexOf('\n', start);
      const [found = '', ...synsets] = this.#lines.slice(start, end < 0 ? undefined : end).split(' ');
      if (found === lemma) {
        // A lemma without a shared synset gets a number of its own, outside the file's range.
        return synsets.length > 0 ? synsets.map(Number) : [-1 - start];
      }
      if (found < lemma) low = end < 0 ? high : end + 1;
      else high = start;
    }
    return undefined;
  }
}
