// Tests of logits processors: which tokens they forbid, penalise and reorder.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processCandidates, repeatingTokens } from '../../../harness/decoding/on-host/processors.ts';

describe('processors', () => {
  it('name exactly the tokens that would repeat an n-gram', () => {
    const sequence = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 20 });
    fc.assert(
      fc.property(sequence, fc.integer({ min: 1, max: 4 }), (ids, n) => {
        const grams = new Set(
          ids.slice(0, Math.max(0, ids.length - n + 1)).map((_, i) => ids.slice(i, i + n).join()),
        );
        const repeating = [0, 1, 2, 3].filter((id) => {
          const gram = [...ids, id].slice(-n);
          return gram.length === n && grams.has(gram.join());
        });
        expect([...repeatingTokens(ids, n)].sort()).toEqual(repeating);
      }),
    );
  });

  it('penalise what occurred and put candidates in order again', () => {
    const candidates = { ids: Int32Array.of(4, 5, 6), scores: Float32Array.of(3, 2, -1) };
    const out = processCandidates(candidates, [4, 6], 0, {
      eosId: undefined,
      repetitionPenalty: 2,
      maxNewTokens: 9,
    });
    expect([...out.ids]).toEqual([5, 4, 6]);
    expect([...out.scores]).toEqual([2, 1.5, -2]);
  });

  it('rule the end token out before the least length', () => {
    const candidates = { ids: Int32Array.of(7, 5), scores: Float32Array.of(0, -1) };
    const out = processCandidates(candidates, [], 1, { eosId: 7, minNewTokens: 2, maxNewTokens: 9 });
    expect([...out.ids]).toEqual([5, 7]);
    expect(out.scores[1]).toBe(-Infinity);
    expect(processCandidates(candidates, [], 2, { eosId: 7, minNewTokens: 2, maxNewTokens: 9 })).toBe(
      candidates,
    );
  });

  it('leave a forced token alone, the last one before the first', () => {
    const candidates = { ids: Int32Array.of(7, 5), scores: Float32Array.of(0, -1) };
    const at = (generated: number, maxNewTokens: number) => {
      const options = { eosId: 7, minNewTokens: 9, maxNewTokens, forced: { first: 3, last: 7 } };
      const { ids, scores } = processCandidates(candidates, [], generated, options);
      return [[...ids], [...scores]];
    };
    expect(at(0, 4)).toEqual([[3], [0]]);
    expect(at(1, 4)).toEqual([
      [5, 7],
      [-1, -Infinity],
    ]);
    expect(at(3, 4)).toEqual([[7], [0]]);
    expect(at(0, 1)).toEqual([[7], [0]]);
  });
});
