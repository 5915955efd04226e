import fc from 'fast-check';
import { expect, test } from 'vitest';
import { treeOf, type Request } from '../../../harness/evaluation/likelihoods/token-tree.ts';

// Few ids, so that requests often begin alike.
const ids = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 6 });
const requests = fc.array(fc.record({ context: ids, continuation: ids }), { minLength: 1, maxLength: 8 });

/** The ids of a node's ancestors and its own: what it sees, by the rule of the attention's mask. */
function seenBy({ ids, ends }: ReturnType<typeof treeOf>, node: number): number[] {
  return ids.filter((_, i) => i <= node && ends[i]! > node);
}

test.each([false, true])(
  'every token is predicted behind what stands before it (tells ends: %s)',
  (tells) => {
    fc.assert(
      fc.property(requests, (all: Request[]) => {
        const tree = treeOf(all, tells);
        const predicted = all.map(() => 0);
        for (const { node, id, request } of tree.predictions) {
          const { context, continuation } = all[request]!;
          const whole = [...context, ...continuation];
          const seen = seenBy(tree, node);
          expect(whole.slice(0, seen.length)).toEqual(seen);
          expect(whole[seen.length]).toBe(id);
          expect(tree.depths[node]).toBe(seen.length - 1);
          if (tells && seen.length === context.length) expect(tree.fromEnds[node]).toBe(0);
          predicted[request]!++;
        }
        expect(predicted).toEqual(all.map(({ continuation }) => continuation.length));
      }),
      { seed: 7, numRuns: 300 },
    );
  },
);

test('what requests begin with is there once', () => {
  const context = [5, 6, 7];
  const tree = treeOf(
    [
      { context, continuation: [1, 2] },
      { context, continuation: [1, 3] },
      { context, continuation: [4] },
    ],
    false,
  );
  expect(tree).toEqual({
    ids: [5, 6, 7, 1],
    depths: [0, 1, 2, 3],
    ends: [4, 4, 4, 4],
    fromEnds: [0, 0, 0, -1],
    predictions: [
      { node: 2, id: 1, request: 0 },
      { node: 2, id: 1, request: 1 },
      { node: 2, id: 4, request: 2 },
      { node: 3, id: 2, request: 0 },
      { node: 3, id: 3, request: 1 },
    ],
  });
});

test('contexts that end elsewhere share nothing where a method reads their ends', () => {
  const all = [
    { context: [1, 2, 3], continuation: [4] },
    { context: [1, 2], continuation: [3] },
  ];
  expect(treeOf(all, false).ids).toEqual([1, 2, 3]);
  expect(treeOf(all, true)).toMatchObject({ ids: [1, 2, 3, 1, 2], fromEnds: [2, 1, 0, 1, 0] });
});
