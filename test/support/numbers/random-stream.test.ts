import { describe, expect, it } from 'vitest';
import { randomStream, threefry } from '../../../harness/support/numbers/random-stream.ts';

/** Threefry-2×32-20 as the paper writes it, in one loop, for any counter. */
function reference(counter: readonly number[], key: readonly number[]): number[] {
  const keys = [key[0]!, key[1]!, key[0]! ^ key[1]! ^ 0x1bd11bda];
  const turns = [13, 15, 26, 6, 17, 29, 16, 24];
  let [a, b] = [(counter[0]! + keys[0]!) | 0, (counter[1]! + keys[1]!) | 0];
  for (let round = 1; round <= 20; round++) {
    const turn = turns[(round - 1) % 8]!;
    a = (a + b) | 0;
    b = ((b << turn) | (b >>> (32 - turn))) ^ a;
    if (round % 4 > 0) continue;
    const injection = round / 4;
    a = (a + keys[injection % 3]!) | 0;
    b = (b + keys[(injection + 1) % 3]! + injection) | 0;
  }
  return [a >>> 0, b >>> 0];
}

const hex = (words: Iterable<number>): string =>
  Array.from(words, (word) => word.toString(16).padStart(8, '0')).join(' ');
const mean = (values: Float32Array): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const deviation = (values: Float32Array): number => {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((x) => (x - middle) ** 2)));
};

describe('threefry', () => {
  // The known answers that the authors publish with Random123.
  it.each([
    ['00000000 00000000', '00000000 00000000', '6b200159 99ba4efe'],
    ['ffffffff ffffffff', 'ffffffff ffffffff', '1cb996fc bb002be7'],
    ['243f6a88 85a308d3', '13198a2e 03707344', 'c4923a9c 483df7a0'],
  ])('is tested against a reference with the known answer of counter %s, key %s', (counter, key, words) => {
    const numbers = (text: string): number[] => text.split(' ').map((word) => parseInt(word, 16));
    expect(hex(reference(numbers(counter), numbers(key)))).toBe(words);
  });

  it('gives the known answer of key 0, counter 0', () => {
    const out = new Uint32Array(2);
    threefry(0, 0, out);
    expect(hex(out)).toBe('6b200159 99ba4efe');
  });

  it('fills with the words of counters 0, 1, … of any key, an odd count too', () => {
    const key = [0x13198a2e, 0x83707344];
    const out = new Uint32Array(9);
    threefry(key[0]!, key[1]!, out);
    const words = [0, 1, 2, 3, 4].flatMap((block) => reference([block, 0], key));
    expect([...out]).toEqual(words.slice(0, 9));
  });
});

describe('randomStream', () => {
  const count = 100_000;
  const stream = randomStream(42, 'test');
  const dropout = (size: number, rate: number): Float32Array => {
    const out = new Float32Array(size);
    stream.dropout(out, rate);
    return out;
  };

  it('draws the same values for the same seed and name, and others for another', () => {
    const draw = (seed: number, name: string): Float32Array => randomStream(seed, name).uniform(64, 0, 1);
    expect(draw(42, 'init/a')).toEqual(draw(42, 'init/a'));
    const others = [draw(42, 'init/b'), draw(43, 'init/a'), draw(42, 'a/init'), draw(42, '')];
    for (const other of others) {
      expect(draw(42, 'init/a').filter((x, i) => x === other[i])).toHaveLength(0);
    }
  });

  it('takes 0 for a seed as any other', () => {
    const of = (seed: number): Float32Array => randomStream(seed, 'init/a').normal(8, 0, 1);
    expect(of(0)).toEqual(of(0));
    expect(of(0)).not.toEqual(of(1));
  });

  it('starts anew with each call, so that fewer values are the first of more', () => {
    expect(stream.uniform(10, 0, 1)).toEqual(stream.uniform(100, 0, 1).slice(0, 10));
    expect(stream.normal(7, 0, 1)).toEqual(stream.normal(100, 0, 1).slice(0, 7));
    expect(dropout(7, 0.5)).toEqual(dropout(5000, 0.5).slice(0, 7));
  });

  it('draws uniform values', () => {
    const values = stream.uniform(count, -2, 4);
    expect(values.every((x) => x >= -2 && x < 4)).toBe(true);
    // Four standard errors of the mean: 4 · 6 / √12 / √count.
    expect(Math.abs(mean(values) - 1)).toBeLessThan(0.022);
    expect(deviation(values)).toBeCloseTo(6 / Math.sqrt(12), 1);
    const tenths = Array.from({ length: 10 }, (_, i) =>
      values.filter((x) => Math.floor((x + 2) / 0.6) === i),
    );
    for (const tenth of tenths) expect(tenth.length / count).toBeCloseTo(0.1, 2);
  });

  it('draws normal values', () => {
    const values = stream.normal(count, 3, 0.5);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(Math.abs(mean(values) - 3)).toBeLessThan(0.0064);
    const standard = values.map((x) => (x - 3) / 0.5);
    expect(deviation(standard)).toBeCloseTo(1, 1);
    expect(Math.abs(mean(standard.map((x) => x ** 3)))).toBeLessThan(0.05);
    expect(mean(standard.map((x) => x ** 4))).toBeCloseTo(3, 0);
    expect(standard.filter((x) => Math.abs(x) < 1.959964).length / count).toBeCloseTo(0.95, 2);
    // Neighbours come from one pair of words.
    expect(Math.abs(mean(standard.slice(1).map((x, i) => x * standard[i]!)))).toBeLessThan(0.02);
  });

  it('draws integers below the bound', () => {
    const values = stream.integers(count, 7);
    for (let n = 0; n < 7; n++) {
      expect(values.filter((x) => x === n).length / count).toBeCloseTo(1 / 7, 2);
    }
    expect([...stream.integers(5, 1)]).toEqual([0, 0, 0, 0, 0]);
  });

  it('permutes', () => {
    const values = stream.permutation(1000);
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(values.filter((x, i) => x === i).length).toBeLessThan(10);
    expect([...stream.permutation(0)]).toEqual([]);
    // Each of the six orders of three comes about equally often.
    const orders = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = randomStream(i, 'order').permutation(3).join();
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    for (const times of orders.values()) expect(Math.abs(times - 1000)).toBeLessThan(120);
  });

  it('drops at the rate and scales what it keeps', () => {
    for (const rate of [0.1, 0.5]) {
      const values = dropout(count, rate);
      const kept = Math.fround(1 / (1 - rate));
      expect(new Set(values)).toEqual(new Set([0, kept]));
      expect(values.filter((x) => x === 0).length / count).toBeCloseTo(rate, 2);
      // Two to a word of the stream, wherever it is cut.
      const halves = stream.uniform(count / 2, 0, 1).map((word) => Math.floor(word * 65536));
      expect(values.filter((_, i) => i % 2 === 1)).toEqual(
        halves.map((half) => (half < Math.round(rate * 65536) ? 0 : kept)),
      );
    }
    expect(new Set(dropout(count, 0))).toEqual(new Set([1]));
  });
});
