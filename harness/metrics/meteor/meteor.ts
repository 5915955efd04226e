/**
 * The metric METEOR 1.5 for English: words, their matches (aligner.ts), and the score of summed statistics.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { stem } from 'porter2';
import type { CorpusMetric } from '../text/corpus-metric.ts';
import { align, countChunks, type Candidate, type Match } from './aligner.ts';
import { meteorWords } from './normalizer.ts';
import type { ParaphraseTable } from './paraphrases.ts';
import { Synonyms } from './synonyms.ts';

// METEOR 1.5's parameters for English, and the weights of exact, stem, synonym and paraphrase matches.
const ALPHA = 0.85;
const BETA = 0.2;
const GAMMA = 0.6;
/** Content words have the weight δ, function words 1 − δ. */
const DELTA = 0.75;
const WEIGHTS = [1, 0.6, 0.8, 0.6];

/**
 * The columns of a row of statistics, in METEOR's own order: words and function words of hypothesis and
 * reference; matched content words (hypothesis, reference) and function words (hypothesis, reference) of each
 * module; chunks; matched words of both sides.
 */
const MODULES = 4;
const CHUNKS = MODULES + 4 * WEIGHTS.length;
const WIDTH = CHUNKS + 3;

/** The weighted number of content and function words. */
function weighted(content: number, functions: number): number {
  return DELTA * content + (1 - DELTA) * functions;
}

/**
 * The weighted share of matched words: precision of the hypothesis (side 0), recall of the reference (side
 * 1).
 */
function share(sum: Float64Array, side: 0 | 1): number {
  let matches = 0;
  for (let module = 0; module < WEIGHTS.length; module++) {
    const at = MODULES + 4 * module + side;
    matches += WEIGHTS[module]! * weighted(sum[at]!, sum[at + 2]!);
  }
  return matches === 0 ? 0 : matches / weighted(sum[side]! - sum[2 + side]!, sum[2 + side]!);
}

/** Computes METEOR from summed rows. */
function score(sum: Float64Array): number {
  const precision = share(sum, 0);
  const recall = share(sum, 1);
  if (precision === 0 || recall === 0) return 0;
  const mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall);
  const fragmentation = sum[CHUNKS]! / ((sum[CHUNKS + 1]! + sum[CHUNKS + 2]!) / 2);
  return mean * (1 - GAMMA * fragmentation ** BETA);
}

interface Word {
  readonly text: string;
  readonly stem: string;
  readonly senses: ReadonlySet<number>;
  readonly isFunction: boolean;
  /** The word's number in the paraphrase table. */
  readonly paraphraseId: number;
}

function readFunctionWords(): Set<string> {
  const file = path.join(import.meta.dirname, 'data', 'english.function-words');
  return new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean));
}

const shareSense = (few: ReadonlySet<number>, many: ReadonlySet<number>): boolean => {
  for (const sense of few) if (many.has(sense)) return true;
  return false;
};
const areSynonyms = (a: Word, b: Word): boolean =>
  a.senses.size < b.senses.size ? shareSense(a.senses, b.senses) : shareSense(b.senses, a.senses);

/**
 * Finds where a reference word may match the hypothesis: exact matches first, then stems, then synonyms. A
 * pair with the same stem may also be synonyms; then it counts twice.
 */
function wordCandidates(word: Word, hypothesis: readonly Word[]): Candidate[] {
  const [exact, stems, synonyms]: [Candidate[], Candidate[], Candidate[]] = [[], [], []];
  for (const [i, other] of hypothesis.entries()) {
    if (word === other) exact.push(single(0, i));
    else {
      if (word.stem === other.stem) stems.push(single(1, i));
      if (areSynonyms(word, other)) synonyms.push(single(2, i));
    }
  }
  return [...exact, ...stems, ...synonyms];
}

function single(module: number, hypothesis: number): Candidate {
  return { module, referenceLength: 1, hypothesis, hypothesisLength: 1 };
}

/**
 * METEOR 1.5 for English (`-l en -norm`) in [0, 1], over segments tokenised by `ptbTokens`. Without a
 * paraphrase table it uses the modules exact, stem and synonym only and has another name, because it is
 * another metric. The corpus score sums the statistics of each segment's best reference.
 */
export function meteorMetric(paraphrases?: ParaphraseTable): CorpusMetric {
  const words = wordReader(paraphrases);
  return {
    name: paraphrases ? 'METEOR' : 'METEOR (no paraphrases)',
    score,
    statistics: ({ prediction, references }) => {
      const hypothesis = words(prediction);
      // Further references find the candidates of the words that they share with earlier ones.
      const found = new Map<Word, readonly Candidate[]>();
      let best: Float64Array = new Float64Array(WIDTH);
      let highest = -1;
      for (const reference of references.map(words)) {
        const matches = matchWords(hypothesis, reference, found, paraphrases);
        const row = countMatches(hypothesis, reference, matches);
        const points = score(row);
        if (points > highest) [best, highest] = [row, points];
      }
      return best;
    },
  };
}

/** Makes a function that gives the words of a segment; a word is one object wherever it occurs. */
function wordReader(paraphrases: ParaphraseTable | undefined): (tokens: readonly string[]) => Word[] {
  const synonyms = new Synonyms();
  const functionWords = readFunctionWords();
  const known = new Map<string, Word>();
  return (tokens) =>
    meteorWords(tokens.join(' ')).map((text) => {
      let word = known.get(text);
      if (!word) {
        word = {
          text,
          stem: stem(text),
          senses: synonyms.senses(text),
          isFunction: functionWords.has(text),
          paraphraseId: paraphrases?.wordId(text) ?? -1,
        };
        known.set(text, word);
      }
      return word;
    });
}

/** Aligns a hypothesis with a reference; `found` keeps the candidates of reference words. */
function matchWords(
  hypothesis: readonly Word[],
  reference: readonly Word[],
  found: Map<Word, readonly Candidate[]>,
  paraphrases: ParaphraseTable | undefined,
): Match[] {
  const identical =
    hypothesis.length === reference.length && hypothesis.every((word, i) => word === reference[i]);
  const candidates = reference.map((word) => {
    let all = found.get(word);
    if (!all) found.set(word, (all = wordCandidates(word, hypothesis)));
    return identical ? all.filter(({ module }) => module === 0) : all;
  });
  if (paraphrases && !identical) {
    const ids = [hypothesis, reference].map((side) => side.map(({ paraphraseId }) => paraphraseId));
    for (const { candidate, reference: start } of paraphrases.matches(ids[0]!, ids[1]!)) {
      candidates[start] = [...candidates[start]!, candidate];
    }
  }
  return align(candidates, hypothesis.length);
}

/** The row of statistics of one hypothesis and one reference. */
function countMatches(
  hypothesis: readonly Word[],
  reference: readonly Word[],
  matches: readonly Match[],
): Float64Array {
  const row = new Float64Array(WIDTH);
  row[0] = hypothesis.length;
  row[1] = reference.length;
  for (const { isFunction } of hypothesis) if (isFunction) row[2]!++;
  for (const { isFunction } of reference) if (isFunction) row[3]!++;
  for (const { candidate, reference: start } of matches) {
    const at = MODULES + 4 * candidate.module;
    for (let i = 0; i < candidate.hypothesisLength; i++) {
      row[at + (hypothesis[candidate.hypothesis + i]!.isFunction ? 2 : 0)]!++;
    }
    for (let i = 0; i < candidate.referenceLength; i++) {
      row[at + (reference[start + i]!.isFunction ? 3 : 1)]!++;
    }
    row[CHUNKS + 1]! += candidate.hypothesisLength;
    row[CHUNKS + 2]! += candidate.referenceLength;
  }
  const chunks = countChunks(matches);
  const complete = row[CHUNKS + 1] === row[0] && row[CHUNKS + 2] === row[1];
  // A single chunk over all words counts as no chunk, in the segment and in the sum over the corpus.
  row[CHUNKS] = complete && chunks === 1 ? 0 : chunks;
  return row;
}
