/** The loss of a model on running texts. The column forgetting is made of it. */
import type { LoadedModel } from '../../decoding/programs.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { likelihoodBatches } from './batches.ts';
import { LikelihoodScorer } from './log-likelihoods.ts';

/**
 * The mean cross entropy a token in nats, over all tokens of all texts but each one's first: of every token given
 * those before it in its text. Not finite where the model's numbers are not.
 */
export async function textLoss(
  model: LoadedModel,
  texts: readonly (readonly number[])[],
  signal?: AbortSignal,
): Promise<number> {
  const requests = texts
    .filter((text) => text.length > 1)
    .map(([first, ...others]) => [{ context: [first!], continuation: others }]);
  const tokens = sum(requests.map(([request]) => request!.continuation.length));
  const scorer = new LikelihoodScorer(model);
  let logLikelihood = 0;
  try {
    for (const batch of likelihoodBatches(model, requests)) {
      signal?.throwIfAborted();
      for (const [, [scored]] of await scorer.score(batch)) logLikelihood += scored!.logLikelihood;
    }
  } finally {
    await scorer.close();
  }
  return -logLikelihood / tokens;
}
