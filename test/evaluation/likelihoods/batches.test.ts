import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutRequest, likelihoodBatches } from '../../../harness/evaluation/likelihoods/batches.ts';
import { sharedBeginnings } from '../../../harness/evaluation/likelihoods/beginnings.ts';
import type { Request } from '../../../harness/evaluation/likelihoods/token-tree.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';

const examples = Array.from({ length: 120 }, (_, i) => i % 7);
const tail = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 5 });
// Contexts begin with more or fewer of the same tokens.
const context = fc
  .tuple(fc.integer({ min: 0, max: 120 }), tail)
  .map(([n, own]) => [...examples.slice(0, n), ...own]);
const request = fc.record({ context, continuation: tail });
const documents = fc.array(fc.array(request, { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 12,
});

test.each([false, true])('documents of a group begin alike (tells ends: %s)', (tells) => {
  fc.assert(
    fc.property(documents, (all: Request[][]) => {
      const groups = sharedBeginnings(all, tells);
      expect(groups.flatMap((group) => group.documents).sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
      for (const { documents, length } of groups.filter((group) => group.length > 0)) {
        const contexts = documents.flatMap((document) => all[document]!.map((own) => own.context));
        expect(new Set(contexts.map((own) => own.slice(0, length).join())).size).toBe(1);
        expect(Math.min(...contexts.map((own) => own.length))).toBeGreaterThan(length);
        if (tells) expect(new Set(contexts.map((own) => own.length)).size).toBe(1);
        expect((documents.length - 1) * length).toBeGreaterThanOrEqual(256);
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});

test("a subject's examples are read once, and of each question what is its own", async () => {
  const base = await loadBase('random-llama~layers=1,width=16,heads=2,vocab=20,positions=256');
  const ask = (own: number[]): Request[] =>
    [8, 9].map((id) => ({ context: [...examples, ...own], continuation: [id] }));
  const subject = Array.from({ length: 10 }, (_, i) => ask([10 + i, 3, 4, 5]));
  const batches = likelihoodBatches({ base, delta: { trained: {} } }, [...subject, ask([]).slice(0, 1)]);
  // The last token of the shortest context predicts, so it is no part of the beginning.
  expect(batches.map(({ tokens }) => tokens)).toEqual([119 + 11 * 5]);
  expect(batches[0]!.beginning!.ids).toEqual(examples.slice(0, 119));
});

test('a request that fits is not copied, and one that does not keeps its end', () => {
  const whole = { context: [1, 2, 3], continuation: [4, 5] };
  expect(cutRequest(whole, 4)).toBe(whole);
  expect(cutRequest(whole, 3)).toEqual({ context: [2, 3], continuation: [4, 5] });
  expect(() => cutRequest(whole, 1)).toThrow(/leaves no room/);
});
