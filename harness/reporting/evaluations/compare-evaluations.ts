/**
 * Compares the scores of two evaluations document by document. Two models find the same questions easy, so
 * their difference varies far less than the standard errors of their means suggest.
 */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { normalQuantile975, normalTwoSided } from '../tables/statistics.ts';

/** The difference of a measure over the same documents. */
export interface PairedDifference {
  readonly documents: number;
  /** Means of the first and of the second evaluation. */
  readonly means: readonly [number, number];
  /** The mean over documents of first minus second. */
  readonly difference: number;
  /**
   * The standard deviation of the documents' differences, divided by the root of their number; undefined for
   * one document.
   */
  readonly standardError: number | undefined;
  /** The 95 % interval of the difference, by the normal distribution. */
  readonly interval: readonly [number, number] | undefined;
  /**
   * The two-sided p-value: of McNemar's exact test if every score is 0 or 1, else of the normal distribution;
   * undefined there for one document.
   */
  readonly p: number | undefined;
  /**
   * Numbers of documents that only the first, and only the second, has right; undefined unless every score is
   * 0 or 1.
   */
  readonly discordant: readonly [number, number] | undefined;
}

/**
 * Compares scores of the same documents in the same order. Throws RangeError if their numbers differ or are
 * 0.
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
 * Gives the p-value of McNemar's exact test (McNemar, 1947): twice the tail of the binomial distribution, at
 * most 1. Under its hypothesis each document that one evaluation alone has right is the first's with
 * probability 1/2.
 */
export function exactMcNemar(firstAlone: number, secondAlone: number): number {
  const count = firstAlone + secondAlone;
  const least = Math.min(firstAlone, secondAlone);
  // The binomial terms are computed from the logarithm of the first one, since 2^-count underflows.
  let logTerm = -count * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= least; k++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((count - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
