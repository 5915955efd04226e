/**
 * Compares two evaluations document by document: two models that answer the same questions differ by far less
 * chance than their means' standard errors say, since both find the same questions easy.
 */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { normalQuantile975, normalTwoSided } from '../tables/statistics.ts';

/** A measure's difference over the same documents. */
export interface PairedDifference {
  readonly documents: number;
  /** Means of the first and of the second evaluation. */
  readonly means: readonly [number, number];
  /** Mean over documents of first minus second. */
  readonly difference: number;
  /** The documents' deviation of the difference over the root of their number; undefined for one document. */
  readonly standardError: number | undefined;
  /** 95 %, normal. */
  readonly interval: readonly [number, number] | undefined;
  /**
   * Two-sided: McNemar's exact test where every score is right or wrong, else normal; undefined for one
   * document.
   */
  readonly p: number | undefined;
  /**
   * Documents that the first alone has right, and the second alone; undefined where scores are no such thing.
   */
  readonly discordant: readonly [number, number] | undefined;
}

/**
 * Compares scores of the same documents in the same order; throws RangeError where their numbers differ or
 * there are none.
 */
export function comparePaired(first: readonly number[], second: readonly number[]): PairedDifference {
  const documents = first.length;
  if (documents === 0 || second.length !== documents)
    throw new RangeError(`${documents} and ${second.length} documents cannot be paired`);
  const differences = first.map((score, i) => score - second[i]!);
  const difference = mean(differences);
  const standardError =
    documents > 1 ? sampleStandardDeviation(differences) / Math.sqrt(documents) : undefined;
  const half = normalQuantile975 * (standardError ?? NaN);
  const isBinary = [...first, ...second].every((score) => score === 0 || score === 1);
  const discordant = isBinary ? ([countOf(differences, 1), countOf(differences, -1)] as const) : undefined;
  return {
    documents,
    means: [mean([...first]), mean([...second])],
    difference,
    standardError,
    interval: standardError === undefined ? undefined : [difference - half, difference + half],
    p: discordant ? exactMcNemar(...discordant) : normalP(difference, standardError),
    discordant,
  };
}

const countOf = (values: readonly number[], wanted: number): number =>
  values.filter((value) => value === wanted).length;

function normalP(difference: number, standardError: number | undefined): number | undefined {
  if (standardError === undefined) return undefined;
  return difference === 0 ? 1 : normalTwoSided(difference / standardError);
}

/**
 * McNemar's exact test (McNemar, 1947): of the documents that one evaluation alone has right, each is the
 * first's with probability one half. Twice the binomial tail, at most 1.
 */
export function exactMcNemar(firstAlone: number, secondAlone: number): number {
  const count = firstAlone + secondAlone;
  const least = Math.min(firstAlone, secondAlone);
  // Terms of the binomial distribution, from the logarithm of the first on, since 2^-count underflows.
  let logTerm = -count * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= least; k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((count - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
