/** The metric NIST-5, as NIST's script mteval-v13a.pl computes it. */
import type { CorpusMetric } from './corpus-metric.ts';
import { NgramTable, ngramCount } from './ngrams.ts';
import type { TokenSegment } from './segment.ts';

const ORDER = 5;
/** The brevity penalty is ½ for a system two thirds as long as its references. */
const BETA = Math.log(0.5) / Math.log(1.5) ** 2;

/** info(w₁ … wₙ) = −log₂(count(w₁ … wₙ) / count(w₁ … wₙ₋₁)) over all references, by n-gram id. */
function information(references: readonly (readonly (readonly string[])[])[]): {
  table: NgramTable;
  info: Float64Array;
} {
  const table = new NgramTable(ORDER);
  const counts = [0];
  for (const reference of references.flat()) {
    counts[0]! += reference.length;
    for (const [id, count] of table.add(reference)) counts[id] = (counts[id] ?? 0) + count;
  }
  // mteval tests in Perl whether there is a prefix, and in Perl the string "0" is false.
  const zero = table.word('0');
  const info = new Float64Array(counts.length);
  for (let id = 1; id < info.length; id++) {
    const prefix = table.parents[id]!;
    info[id] = Math.log2(counts[prefix === zero ? 0 : prefix]! / counts[id]!);
  }
  return { table, info };
}

/**
 * Columns of a row: matched information of orders 1 … 5; n-grams of orders 1 … 5; reference words; references
 * with words; 1.
 */
function score(sum: Float64Array): number {
  const [words, referenceWords, references, segments] = [sum[ORDER]!, ...sum.subarray(2 * ORDER)] as [
    number,
    number,
    number,
    number,
  ];
  if (words === 0 || referenceWords === 0) return 0;
  let score = 0;
  for (let n = 0; n < ORDER; n++) score += sum[n]! / Math.max(1, sum[ORDER + n]!);
  const ratio = words / (referenceWords / (references / segments));
  return score * Math.exp(BETA * Math.log(Math.min(1, ratio)) ** 2);
}

/**
 * NIST-5 as mteval-v13a.pl computes it, over segments tokenised by `mtevalTokens`. The information weights
 * come from the references given here; resampling does not change them.
 */
export function nistMetric(references: readonly (readonly (readonly string[])[])[]): CorpusMetric {
  const { table, info } = information(references);
  const statistics = ({ prediction, references }: TokenSegment): Float64Array => {
    const row = new Float64Array(2 * ORDER + 3);
    const largest = new Map<number, number>();
    const counts = table.find(prediction);
    for (const reference of references) {
      for (const [id, count] of table.find(reference)) {
        if (counts.has(id) && count > (largest.get(id) ?? 0)) largest.set(id, count);
      }
    }
    for (const [id, count] of largest) {
      row[table.orders[id]! - 1]! += info[id]! * Math.min(count, counts.get(id)!);
    }
    for (let n = 1; n <= ORDER; n++) row[ORDER + n - 1] = ngramCount(prediction.length, n);
    row[2 * ORDER] = references.reduce((words, reference) => words + reference.length, 0);
    row[2 * ORDER + 1] = references.filter((reference) => reference.length > 0).length;
    row[2 * ORDER + 2] = 1;
    return row;
  };
  return { name: 'NIST', statistics, score };
}
