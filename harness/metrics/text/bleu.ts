/** The metric BLEU-4, as NIST's script mteval-v13a.pl computes it. */
import { corpusScore, type CorpusMetric } from './corpus-metric.ts';
import { mtevalTokens } from './mteval-tokenizer.ts';
import { NgramTable, ngramCount } from './ngrams.ts';
import { tokenise, type Segment, type TokenSegment } from './segment.ts';

const ORDER = 4;

/** The reference length closest to the prediction's (the shorter of two), without empty references. */
function closestLength(prediction: number, references: readonly number[]): number {
  let closest = references[0] ?? 0;
  for (const length of references) {
    const nearer = Math.abs(prediction - length) - Math.abs(prediction - closest);
    if (length > 0 && (nearer < 0 || (nearer === 0 && length < closest))) closest = length;
  }
  return closest;
}

/**
 * Columns of a row: closest reference length; matched n-grams of orders 1 … 4; the prediction's n-grams of
 * orders 1 … 4.
 */
function statistics({ prediction, references }: TokenSegment): Float64Array {
  const row = new Float64Array(1 + 2 * ORDER);
  row[0] = closestLength(
    prediction.length,
    references.map((reference) => reference.length),
  );
  const table = new NgramTable(ORDER);
  const counts = table.add(prediction);
  const largest = new Float64Array(table.orders.length);
  for (const reference of references) {
    for (const [id, count] of table.find(reference)) if (count > largest[id]!) largest[id] = count;
  }
  for (const [id, count] of counts) row[table.orders[id]!]! += Math.min(count, largest[id]!);
  for (let n = 1; n <= ORDER; n++) row[ORDER + n] = ngramCount(prediction.length, n);
  return row;
}

/**
 * mteval's smoothing: the k-th order without a match counts 1 / (2ᵏ · n-grams), an order without n-grams 1.
 */
function score(sum: Float64Array): number {
  const words = sum[ORDER + 1]!;
  if (words === 0) return 0;
  let smooth = 1;
  let logs = 0;
  for (let n = 1; n <= ORDER; n++) {
    const total = sum[ORDER + n]!;
    if (total === 0) continue;
    if (sum[n] === 0) smooth *= 2;
    logs += Math.log((sum[n] === 0 ? 1 / smooth : sum[n]!) / total);
  }
  return Math.exp(logs / ORDER + Math.min(0, 1 - sum[0]! / words));
}

/** BLEU-4 in [0, 1] as mteval-v13a.pl computes it, over segments tokenised by `mtevalTokens`. */
export const bleuMetric: CorpusMetric = { name: 'BLEU', statistics, score };

/**
 * Computes corpus BLEU-4 in [0, 1] (mteval-v13a.pl, default options); throws a RangeError if there is no
 * segment.
 */
export function bleu(segments: readonly Segment[]): number {
  return corpusScore(bleuMetric, tokenise(segments, mtevalTokens));
}
