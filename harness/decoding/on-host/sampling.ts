/**
 * Draws next tokens instead of taking the best: temperature, then top-k, then top-p, in transformers' order.
 * Draws come from deltabench's own random stream, so a text depends on its seed and name alone, not on texts
 * that are generated with it.
 */
import { randomStream } from '../../support/numbers/random-stream.ts';
import type { Candidates } from '../candidates.ts';

/** The distribution that tokens are drawn from. */
export interface Sampling {
  /** Divides the logits; above 0. */
  readonly temperature: number;
  /** The number of best tokens to draw from; all where absent. */
  readonly topK?: number | undefined;
  /** The least probability that the tokens to draw from have together; 1 where absent. */
  readonly topP?: number | undefined;
  readonly seed: number;
}

/** Throws RangeError on settings that describe no distribution. */
export function checkSampling({ temperature, topK = 1, topP = 1 }: Sampling): void {
  if (!(temperature > 0 && Number.isFinite(temperature)))
    throw new RangeError(`temperature ${temperature}: sampling takes a number above 0`);
  if (!(topK >= 1 && Number.isInteger(topK)))
    throw new RangeError(`top-k ${topK}: sampling takes a whole number from 1 on`);
  if (!(topP > 0 && topP <= 1))
    throw new RangeError(`top-p ${topP}: sampling takes a number above 0, up to 1`);
}

/**
 * The probabilities of candidates, best first, by their logits; 0 where top-k or top-p leaves a token out.
 */
export function samplingProbabilities(
  scores: Float32Array,
  { temperature, topK = Infinity, topP = 1 }: Sampling,
): Float64Array {
  const best = scores[0]!;
  const weights = Float64Array.from(scores, (score, i) =>
    i < topK ? Math.exp((score - best) / temperature) : 0,
  );
  const total = sumOf(weights);
  // Like transformers, it leaves out the least likely tokens as long as their sum is at most 1 − top-p.
  let tail = 0;
  for (let i = weights.length - 1; i > 0; i--) {
    tail += weights[i]! / total;
    if (tail > 1 - topP) break;
    weights[i] = 0;
  }
  const kept = sumOf(weights);
  return weights.map((weight) => weight / kept);
}

/**
 * Draws the tokens of one text; `stream` is the text's name, and the draw of token i is the same in every
 * run.
 */
export function tokenSampler(
  sampling: Sampling,
  stream: string,
): (candidates: Candidates, position: number) => number {
  return ({ ids, scores }, position) => {
    const [drawn] = randomStream(sampling.seed, `token ${position} of ${stream}`).uniform(1, 0, 1);
    const probabilities = samplingProbabilities(scores, sampling);
    let below = 0;
    const place = probabilities.findIndex((probability) => (below += probability) > drawn!);
    // Rounding may leave the sum a little below 1, and the draw above it.
    return ids[place < 0 ? probabilities.findLastIndex((probability) => probability > 0) : place]!;
  };
}

const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
