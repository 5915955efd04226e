/** The metric ROUGE-L of the captioning metrics. */
import type { CorpusMetric } from './corpus-metric.ts';
import type { TokenSegment } from './segment.ts';

/** Recall counts β² times as much as precision. */
const BETA = 1.2;

/** The length of the longest common subsequence of two texts. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let above = new Uint32Array(b.length + 1);
  let row = new Uint32Array(b.length + 1);
  for (const word of a) {
    for (let j = 0; j < b.length; j++) {
      row[j + 1] = word === b[j] ? above[j]! + 1 : Math.max(above[j + 1]!, row[j]!);
    }
    [above, row] = [row, above];
  }
  return above[b.length]!;
}

/** Columns of a row: the F-measure of the largest precision and the largest recall over all references; 1. */
function statistics({ prediction, references }: TokenSegment): Float64Array {
  // The official script splits at spaces, so an empty text is one empty word.
  const words = (tokens: readonly string[]): readonly string[] => (tokens.length === 0 ? [''] : tokens);
  const output = words(prediction);
  let precision = 0;
  let recall = 0;
  for (const tokens of references) {
    const reference = words(tokens);
    const common = commonLength(reference, output);
    precision = Math.max(precision, common / output.length);
    recall = Math.max(recall, common / reference.length);
  }
  const f = ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision);
  return Float64Array.of(precision === 0 || recall === 0 ? 0 : f, 1);
}

/**
 * ROUGE-L in [0, 1] as pycocoevalcap's rouge.py computes it, over segments tokenised by `ptbTokens`: a mean
 * over segments.
 */
export const rougeLMetric: CorpusMetric = {
  name: 'ROUGE-L',
  statistics,
  score: (sum) => sum[0]! / sum[1]!,
};
