/**
 * Scores of documents from log-likelihoods, their means and standard errors, as lm-eval computes them.
 * runs/evaluate uses them; sums run left to right, so that records keep their last digit.
 */
import type { ChoiceDocument, Measure } from './evaluation.ts';
import { length } from '../support/python-text.ts';
import { sum } from '../support/numbers/arithmetic.ts';

/** The log-likelihood of one alternative under a model. */
export interface Likelihood {
  /** Sum of the natural logarithms of its tokens' probabilities. */
  readonly logLikelihood: number;
  /** Whether each of its tokens is the likeliest. */
  readonly isGreedy: boolean;
}

/** The index of the model's answer by a measure, the first of equals; undefined for `mc2`, which has none. */
export function chosenBy(
  measure: Measure,
  { alternatives }: ChoiceDocument,
  likelihoods: readonly Likelihood[],
): number | undefined {
  if (measure === 'mc2') return undefined;
  // acc_norm divides by the choice's length in Python, without the space before it.
  const per = (i: number): number => (measure === 'acc' ? 1 : length(alternatives[i]!.continuation) - 1);
  const values = likelihoods.map(({ logLikelihood }, i) => logLikelihood / per(i));
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}

/** A document's score, 0 to 1; of `mc2` the probability of the true alternatives among all. */
export function scoreOf(
  measure: Measure,
  document: ChoiceDocument,
  likelihoods: readonly Likelihood[],
): number {
  if (measure !== 'mc2') return chosenBy(measure, document, likelihoods) === document.gold ? 1 : 0;
  const weights = likelihoods.map(({ logLikelihood }) => Math.exp(logLikelihood));
  const total = sum(weights);
  return weights.reduce((sum, weight, i) => sum + (document.truths![i] ? weight : 0), 0) / total;
}

/** A mean over documents; its standard error is undefined for fewer than two. */
export interface Mean {
  readonly value: number;
  readonly standardError: number | undefined;
  readonly count: number;
}

/** The mean of scores and its standard error, s / √n with the sample's deviation s. */
export function meanOf(scores: readonly number[]): Mean {
  const count = scores.length;
  const value = sum(scores) / count;
  if (count < 2) return { value, standardError: undefined, count };
  const squares = scores.reduce((sum, score) => sum + (score - value) ** 2, 0);
  return { value, standardError: Math.sqrt(squares / (count - 1)) / Math.sqrt(count), count };
}

/** A group's mean over all documents of its parts, with lm-eval's pooled standard error. */
export function pooledMean(parts: readonly Mean[]): Mean {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const value = parts.reduce((sum, part) => sum + part.value * part.count, 0) / count;
  if (parts.some(({ standardError }) => standardError === undefined))
    return { value, standardError: undefined, count };
  const squares = parts.reduce(
    (sum, { count: n, standardError }) => sum + (n - 1) * n * standardError! ** 2,
    0,
  );
  return { value, standardError: Math.sqrt(squares / (count - parts.length) / count), count };
}

/**
 * The mean of the means of a group's parts, as pyreft and LLM-Adapters print it, whatever the parts' sizes.
 */
export function meanOfParts(parts: readonly Mean[]): Mean {
  const value = sum(parts.map((part) => part.value)) / parts.length;
  const count = sum(parts.map((part) => part.count));
  if (parts.some(({ standardError }) => standardError === undefined))
    return { value, standardError: undefined, count };
  // The parts are independent samples: variances add up.
  const squares = sum(parts.map(({ standardError }) => standardError! ** 2));
  return { value, standardError: Math.sqrt(squares) / parts.length, count };
}

/** The mean of a measure over the `parts` evaluations of a group. */
export interface GroupMean {
  readonly name: string;
  readonly measure: string;
  readonly parts: number;
  readonly mean: Mean;
}
