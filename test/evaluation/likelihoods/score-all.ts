/** Scores documents with a model, as runs/evaluate does. The tests of log-likelihoods use it. */
import { freezeAll, type TrainedTensors } from '../../../harness/decoding/programs.ts';
import { likelihoodBatches } from '../../../harness/evaluation/likelihoods/batches.ts';
import { LikelihoodScorer } from '../../../harness/evaluation/likelihoods/log-likelihoods.ts';
import type { Request } from '../../../harness/evaluation/likelihoods/token-tree.ts';
import type { Likelihood } from '../../../harness/evaluation/measures.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import type { Delta } from '../../../harness/models/method.ts';
import type { EngineName } from '../../../harness/engine/types.ts';
import { testEngine } from '../../engines.ts';

/** Documents in batches, and a scorer of a model; `close` disposes of both. */
export async function openScorer(
  documents: readonly (readonly Request[])[],
  base: BaseModel,
  delta: Delta,
  tensors: TrainedTensors,
  engineName: EngineName = 'onnx',
) {
  const engine = await testEngine(engineName);
  const frozen = await freezeAll(engine, base, delta, tensors);
  const model = { engine, base, delta, frozen };
  const scorer = new LikelihoodScorer(model);
  const close = async (): Promise<void> => {
    await scorer.close();
    frozen.dispose();
  };
  return { batches: likelihoodBatches(model, documents), scorer, close };
}

/** The likelihoods of each document, by its place. */
export async function scoreAll(
  ...subject: Parameters<typeof openScorer>
): Promise<(readonly Likelihood[])[]> {
  const { batches, scorer, close } = await openScorer(...subject);
  const found: (readonly Likelihood[])[] = [];
  for (const batch of batches)
    for (const [document, likelihoods] of await scorer.score(batch)) found[document] = likelihoods;
  await close();
  return found;
}
