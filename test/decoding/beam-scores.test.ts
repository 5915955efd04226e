// Beam search reads a prompt's keys and values once for all its beams; the score of each sequence that it ends with
// is the log-likelihood that an evaluation, which reads whole texts, finds for it.
import { expect, test } from 'vitest';
import { generateAll } from '../../harness/decoding/generate.ts';
import { freezeAll } from '../../harness/decoding/programs.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { likelihoodBatches } from '../../harness/evaluation/likelihoods/batches.ts';
import { LikelihoodScorer } from '../../harness/evaluation/likelihoods/log-likelihoods.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { Method } from '../../harness/models/method.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import none from '../../methods/none.ts';
import prefix from '../../methods/prefix.ts';
import { folderOf } from '../parity/folder.ts';

const cases: [string, Method, number][] = [
  ['random-gpt2~layers=2,width=32,heads=2,vocab=40,positions=96', none, 8],
  ['random-llama~layers=2,width=32,heads=4,kvHeads=2,inner=48,vocab=40,positions=96', prefix, 8],
  // Its layers see windows of four tokens, fewer than the longest prompts have.
  [folderOf('gemma3_text-tiny'), none, 1],
];
test.each(cases)('%s', async (name, method, factor) => {
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const found = await loadBase(name);
  // Weights are as large as trained ones, so that no two tokens are tied.
  const tensor = async (of: string): Promise<Float32Array> => (await found.tensor(of)).map((x) => factor * x);
  const base = { ...found, tensor, location: () => undefined };
  const delta = method.attach(base, method.options.parse({}));
  const tensors: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
  for (const [of, { shape, init }] of Object.entries(delta.trained))
    tensors[of] = { shape, data: await init(randomStream(8, of), base) };
  const prompts = [5, 17, 1, 9, 12].map((length, row) =>
    [...randomStream(row, 'prompt').permutation(40)].slice(0, length),
  );

  const job = { engine, base, delta, tensors, prompts, eosId: undefined, maxNewTokens: 9, beams: 3 };
  const { hypotheses } = await generateAll({ ...job, lengthPenalty: 0 });
  const requests = hypotheses.map((each, i) =>
    each.map(({ tokens }) => ({ context: prompts[i]!, continuation: tokens })),
  );
  const frozen = await freezeAll(engine, base, delta, tensors);
  const model = { engine, base, delta, frozen };
  const scorer = new LikelihoodScorer(model);
  let compared = 0;
  for (const batch of likelihoodBatches(model, requests))
    for (const [document, scored] of await scorer.score(batch))
      scored.forEach(({ logLikelihood }, rank) => {
        expect(hypotheses[document]![rank]!.score).toBeCloseTo(logLikelihood, 3);
        compared++;
      });
  expect(compared).toBe(15);
  await scorer.close();
  frozen.dispose();
});
