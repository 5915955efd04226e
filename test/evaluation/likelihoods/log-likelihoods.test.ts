import { expect, test } from 'vitest';
import type { Request } from '../../../harness/evaluation/likelihoods/token-tree.ts';
import { initialize } from '../../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/parse-variant.ts';
import type { EngineName } from '../../../harness/engine/types.ts';
import { scoreAll } from './score-all.ts';

// Tokens of one tree must have the numbers that they have alone, whatever a method does with them.
const shared = [7, 3, 9, 4, 1];
const documents: Request[][] = [
  [
    { context: [...shared, 2, 8], continuation: [5, 6] },
    { context: [...shared, 2, 8], continuation: [5, 1, 3] },
    { context: [...shared, 2, 8], continuation: [4] },
  ],
  [
    { context: [...shared, 6], continuation: [2] },
    { context: [...shared, 6, 6], continuation: [8, 8] },
  ],
  [{ context: [1], continuation: [2, 3, 4, 5] }],
];

async function likelihoodsOf(family: string, variant: string, engine: EngineName, given: Request[][]) {
  const base = await loadBase(`random-${family}~layers=2,width=16,heads=2,vocab=20,positions=24`);
  const methods = await loadMethods();
  const delta = await attachMethods(parseVariant(variant, methods), base);
  const specs = { ...delta.trained, ...delta.frozen, ...delta.state };
  const values = await initialize(specs, base, 1);
  // Methods begin as the identity: their tensors are moved, so that they act.
  const tensors = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [
      name,
      { shape, data: values[name]!.map((x, i) => x + ((i % 5) - 2) / 8) },
    ]),
  );
  return scoreAll(given, base, delta, tensors, engine);
}

test.each([
  ['gpt2', 'none'],
  ['llama', 'red+lora'],
  ['gpt2', 'prompt~virtualTokens=3'],
  ['llama', 'prefix~virtualTokens=2'],
  ['gpt2', 'loreft~rank=2,first=1,last=1'],
])('%s with %s: together as one by one, on both engines', async (family, variant) => {
  const together = await likelihoodsOf(family, variant, 'onnx', documents);
  const flat = documents.flat().map((request) => [request]);
  const alone = await likelihoodsOf(family, variant, 'onnx', flat);
  const values = (all: typeof together): number[] => all.flat().map(({ logLikelihood }) => logLikelihood);
  expect(values(together)).toBeAllclose(values(alone), { atol: 2e-5 });
  expect(together.flat().map(({ isGreedy }) => isGreedy)).toEqual(
    alone.flat().map(({ isGreedy }) => isGreedy),
  );
  expect(values(await likelihoodsOf(family, variant, 'js', documents))).toBeAllclose(values(alone), {
    atol: 2e-5,
  });
});

test.each(['gpt2', 'llama'])(
  "%s: a continuation has the sum of its tokens' log-likelihoods",
  async (family) => {
    const whole = await likelihoodsOf(family, 'none', 'onnx', documents);
    // Each token by itself, behind everything before it.
    const tokens = documents.flat().map(({ context, continuation }) =>
      continuation.map((id, i) => ({
        context: [...context, ...continuation.slice(0, i)],
        continuation: [id],
      })),
    );
    const single = await likelihoodsOf(family, 'none', 'onnx', tokens);
    const sums = single.map((own) => own.reduce((sum, { logLikelihood }) => sum + logLikelihood, 0));
    expect(whole.flat().map(({ logLikelihood }) => logLikelihood)).toBeAllclose(sums, { atol: 2e-5 });
    const greedy = single.map((own) => own.every(({ isGreedy }) => isGreedy));
    expect(whole.flat().map(({ isGreedy }) => isGreedy)).toEqual(greedy);
  },
);

test('a request that is too long loses its beginning', async () => {
  const long = Array.from({ length: 40 }, (_, i) => i % 19);
  const found = await likelihoodsOf('gpt2', 'none', 'onnx', [
    [{ context: long, continuation: [3, 4] }],
    [{ context: long.slice(-23), continuation: [3, 4] }],
  ]);
  const [whole, cut] = found.flat();
  expect(whole!.logLikelihood).toBeCloseTo(cut!.logLikelihood, 5);
});
