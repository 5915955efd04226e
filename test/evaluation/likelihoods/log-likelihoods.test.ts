import { expect, test } from 'vitest';
import { likelihoodBatches } from '../../../harness/evaluation/likelihoods/batches.ts';
import type { Request } from '../../../harness/evaluation/likelihoods/token-tree.ts';
import { initialize } from '../../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import type { EngineName } from '../../../harness/engine/types.ts';
import { openScorer, scoreAll } from './score-all.ts';
import { fitting } from '../../methods/fitting.ts';

const methods = await loadMethods();

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

/** A tiny base under a method whose tensors are moved, since methods begin as the identity. */
async function subjectOf(family: string, variant: string, positions = 24) {
  const base = await loadBase(`random-${family}~layers=2,width=16,heads=2,vocab=20,positions=${positions}`);
  const delta = await attachMethods(parseVariant(variant, methods), base);
  const specs = { ...delta.trained, ...delta.frozen, ...delta.state };
  const values = await initialize(specs, base, 1);
  const tensors = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [
      name,
      { shape, data: values[name]!.map((x, i) => x + ((i % 5) - 2) / 8) },
    ]),
  );
  return { base, delta, tensors };
}

async function likelihoodsOf(family: string, variant: string, engine: EngineName, given: Request[][]) {
  const { base, delta, tensors } = await subjectOf(family, variant);
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

/** A method with the options that a tiny base needs. */
const variantOf = (name: string): string => {
  const options = Object.entries(fitting[name] ?? {}).map(([key, value]) => `${key}=${value}`);
  return options.length > 0 ? `${name}~${options.join(',')}` : name;
};

// Long enough that their beginning is read by itself; all contexts but one have one length, for the methods
// that read where prompts end.
const examples = Array.from({ length: 70 }, (_, i) => (i * i + 3) % 19);
const subject: Request[][] = [
  ...[1, 2, 3, 4, 5].map((question) => [
    { context: [...examples, question, 7, 8], continuation: [5] },
    { context: [...examples, question, 7, 8], continuation: [6, question] },
  ]),
  [{ context: [...examples, 2, 8], continuation: [3, 3] }],
  [{ context: [4, 2], continuation: [3] }],
];

test.each([...methods.keys()])(
  '%s: a beginning is read once, with the numbers of one by one',
  async (name) => {
    const { base, delta, tensors } = await subjectOf('llama', variantOf(name), 256);
    const batches = likelihoodBatches({ base, delta }, subject);
    expect(batches.filter(({ beginning }) => beginning).flatMap(({ documents }) => documents)).toHaveLength(
      delta.readsPrompt ? 5 : 6,
    );
    const together = await scoreAll(subject, base, delta, tensors);
    for (const [document, requests] of subject.entries()) {
      for (const [place, request] of requests.entries()) {
        const [alone] = await scoreAll([[request]], base, delta, tensors);
        const { logLikelihood, isGreedy } = together[document]![place]!;
        expect(Math.abs(logLikelihood - alone![0]!.logLikelihood), `document ${document}`).toBeLessThan(2e-5);
        expect(isGreedy).toBe(alone![0]!.isGreedy);
      }
    }
  },
);

test('a batch that is scored later, by itself, has the same numbers to the last bit', async () => {
  // Documents of very different lengths, which lie in different batches.
  const sizes = [3, 90, 700, 800, 5, 400, 900];
  const given = sizes.map((size, i) => [
    {
      context: [...examples, ...Array.from({ length: size }, (_, at) => (at * (i + 2)) % 17)],
      continuation: [i],
    },
  ]);
  const { base, delta, tensors } = await subjectOf('llama', 'red', 1024);
  const whole = await scoreAll(given, base, delta, tensors);
  const { batches, scorer, close } = await openScorer(given, base, delta, tensors);
  expect(batches.length).toBeGreaterThan(1);
  for (const [document, likelihoods] of await scorer.score(batches.at(-1)!))
    expect(likelihoods).toEqual(whole[document]);
  await close();
});
