/** Scores documents with a model, as runs/evaluate does. The tests of log-likelihoods use it. */
import { freezeAll, type TrainedTensors } from '../../../harness/decoding/programs.ts';
import {
  likelihoodBatches,
  LikelihoodScorer,
} from '../../../harness/evaluation/likelihoods/log-likelihoods.ts';
import type { Request } from '../../../harness/evaluation/likelihoods/token-tree.ts';
import type { Likelihood } from '../../../harness/evaluation/measures.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import type { Delta } from '../../../harness/models/method.ts';
import type { EngineName } from '../../../harness/engine/types.ts';
import { testEngine } from '../../engines.ts';

/** The likelihoods of each document, by its place. */
export async function scoreAll(
  documents: readonly (readonly Request[])[],
  base: BaseModel,
  delta: Delta,
  tensors: TrainedTensors,
  engineName: EngineName = 'onnx',
): Promise<(readonly Likelihood[])[]> {
  const engine = await testEngine(engineName);
  const frozen = await freezeAll(engine, base, delta, tensors);
  const model = { engine, base, delta, frozen };
  const scorer = new LikelihoodScorer(model);
  const found: (readonly Likelihood[])[] = [];
  for (const batch of likelihoodBatches(model, documents))
    for (const [document, likelihoods] of await scorer.score(batch)) found[document] = likelihoods;
  await scorer.close();
  frozen.dispose();
  return found;
}
