// Compares the key-value cache with plain lists of tokens.
import { describe, expect, it } from 'vitest';
import { KeyValueCache } from '../../../harness/decoding/on-host/key-value-cache.ts';

/** Makes tokens [count, 4] with consecutive numbers, which show where each comes from. */
const tokens = (first: number, count: number): Float32Array =>
  Float32Array.from({ length: count * 4 }, (_, i) => first + i);

/** Reads a row's tokens as [count, heads · width]. */
function rowOf(cache: KeyValueCache, array: Float32Array, row: number): number[] {
  const out: number[] = [];
  for (let slot = 0; slot < cache.lengths[row]!; slot++) {
    for (let head = 0; head < 2; head++) {
      const at = ((row * 2 + head) * cache.slots + slot) * 2;
      out.push(...array.subarray(at, at + 2));
    }
  }
  return out;
}

describe('the key-value cache', () => {
  it('appends, grows, copies and empties rows', () => {
    const cache = new KeyValueCache({ layers: 1, rows: 2, heads: 2, headWidth: 2 });
    cache.grow(3);
    cache.fill(0, [tokens(0, 4)], [tokens(100, 4)], 1, 2);
    expect(rowOf(cache, cache.keys[0]!, 0)).toEqual([...tokens(4, 2)]);
    cache.append(0, [tokens(40, 1)], [tokens(140, 1)], 0);
    cache.grow(5);
    expect(rowOf(cache, cache.keys[0]!, 0)).toEqual([...tokens(4, 2), ...tokens(40, 1)]);
    expect(rowOf(cache, cache.values[0]!, 0)).toEqual([...tokens(104, 2), ...tokens(140, 1)]);
    expect([...cache.bias].map((x) => x === 0)).toEqual([
      true,
      true,
      true,
      false,
      false,
      ...Array<boolean>(5).fill(false),
    ]);

    cache.copy(0, 1);
    cache.append(0, [tokens(50, 1)], [tokens(150, 1)], 0);
    expect(rowOf(cache, cache.keys[0]!, 1)).toEqual([...tokens(4, 2), ...tokens(40, 1)]);
    cache.copy(0, 1);
    expect(rowOf(cache, cache.values[0]!, 1)).toEqual(rowOf(cache, cache.values[0]!, 0));
    expect([...cache.lengths]).toEqual([4, 4]);

    cache.keep([1], 4);
    expect(rowOf(cache, cache.keys[0]!, 0)).toEqual([...tokens(4, 2), ...tokens(40, 1), ...tokens(50, 1)]);
    expect(cache.bias).toEqual(new Float32Array(4));
    cache.keep([0, 0], 5);
    expect(rowOf(cache, cache.values[0]!, 1)).toEqual(rowOf(cache, cache.values[0]!, 0));
    expect([...cache.lengths]).toEqual([4, 4]);

    cache.clear(1);
    expect([...cache.bias.subarray(5)].every((x) => x < 0)).toBe(true);
  });
});
