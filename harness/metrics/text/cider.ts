/** The metric CIDEr-D of the captioning metrics. */
import type { CorpusMetric } from './corpus-metric.ts';
import { NgramTable, ngramCount } from './ngrams.ts';
import type { TokenSegment } from './segment.ts';

const ORDER = 4;
/** The width σ of the Gaussian penalty for a difference in length. */
const SIGMA = 6;

/**
 * Splits tokens with a no-break space ("1 1/2") into words, as the official script does: it splits at any
 * white space.
 */
function words(tokens: readonly string[]): readonly string[] {
  return tokens.some((token) => token.includes('\u00a0'))
    ? tokens.flatMap((token) => token.split('\u00a0'))
    : tokens;
}

/** The n-grams of a text, each weighted by its count times its inverse document frequency. */
interface Vector {
  readonly counts: Map<number, number>;
  /** The Euclidean norm by order. */
  readonly norms: Float64Array;
  readonly bigrams: number;
}

/**
 * CIDEr-D (times 10) as pycocoevalcap's cider_scorer.py computes it, over segments tokenised by `ptbTokens`:
 * a mean over segments. The inverse document frequencies come from the references given here, one set a
 * segment; resampling does not change them.
 */
export function ciderMetric(references: readonly (readonly (readonly string[])[])[]): CorpusMetric {
  const table = new NgramTable(ORDER);
  const documents: number[] = [0];
  const lastSeen: number[] = [0];
  for (const [segment, set] of references.entries()) {
    for (const reference of set) {
      for (const id of table.add(words(reference)).keys()) {
        if (lastSeen[id] === segment + 1) continue;
        lastSeen[id] = segment + 1;
        documents[id] = (documents[id] ?? 0) + 1;
      }
    }
  }
  const logSegments = Math.log(references.length);
  const idf = Float64Array.from(documents, (count) => logSegments - Math.log(Math.max(1, count)));

  const vector = (tokens: readonly string[]): Vector => {
    const text = words(tokens);
    const counts = table.add(text);
    const norms = new Float64Array(ORDER + 1);
    for (const [id, count] of counts) norms[table.orders[id]!]! += (count * (idf[id] ?? logSegments)) ** 2;
    return { counts, norms: norms.map(Math.sqrt), bigrams: ngramCount(text.length, 2) };
  };
  // The vectors of the references, computed once for all systems.
  const known = new WeakMap<readonly string[], Vector>();
  const referenceVector = (tokens: readonly string[]): Vector => {
    const made = known.get(tokens) ?? vector(tokens);
    known.set(tokens, made);
    return made;
  };

  const similarity = (output: Vector, reference: Vector): number => {
    const products = new Float64Array(ORDER + 1);
    for (const [id, count] of output.counts) {
      const other = reference.counts.get(id);
      if (other === undefined) continue;
      products[table.orders[id]!]! += Math.min(count, other) * other * (idf[id] ?? logSegments) ** 2;
    }
    let sum = 0;
    for (let n = 1; n <= ORDER; n++) {
      const norms = output.norms[n]! * reference.norms[n]!;
      sum += norms === 0 ? products[n]! : products[n]! / norms;
    }
    const difference = output.bigrams - reference.bigrams;
    return (sum / ORDER) * Math.exp(-(difference ** 2) / (2 * SIGMA ** 2));
  };

  // Columns of a row: the segment's score; 1.
  const statistics = ({ prediction, references }: TokenSegment): Float64Array => {
    const output = vector(prediction);
    const total = references.reduce(
      (sum, reference) => sum + similarity(output, referenceVector(reference)),
      0,
    );
    return Float64Array.of(references.length === 0 ? 0 : (10 * total) / references.length, 1);
  };
  return { name: 'CIDEr', statistics, score: (sum) => sum[0]! / sum[1]! };
}
