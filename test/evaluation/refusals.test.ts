// What is refused before weights are loaded: shots without examples, texts without room.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { planEvaluations } from '../../harness/runs/evaluate/plan-evaluations.ts';
import { writeTinyE2E } from '../cli/bench.ts';
import { temporaryFolder } from '../support/temporary.ts';

test.each([
  [
    ['word-problems-gain~shots=9999'],
    /--shots 9999: word-problems-gain has \d+ examples .* give \d+ at most/,
  ],
  [
    ['word-problems-gain'],
    /word-problems-gain writes 48 tokens, random-gpt2.* reads 32, its prompt included; choose a base with a longer/,
  ],
])('%j', async (tasks, message) => {
  const folder = await temporaryFolder();
  await writeTinyE2E(folder);
  const tokenizer = join(folder, 'tokenizers', 'gpt2');
  const model = 'random-gpt2~layers=1,width=16,heads=2,vocab=300,positions=32';
  const request = { engine: 'onnx', results: folder, tasks };
  await expect(planEvaluations({ ...request, subjects: [{ model, tokenizer }] })).rejects.toThrow(message);
});
