// The codes of four bits against bitsandbytes 0.50.2, bit for bit (test/golden/four-bit/make.py).
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors, type Safetensors } from '../../../harness/data/formats/safetensors.ts';
import {
  fourBitValues,
  packFourBit,
  roundScales,
  unpackFourBit,
} from '../../../harness/data/formats/four-bit.ts';

const golden = join(import.meta.dirname, '../../golden/four-bit/arrays.safetensors');
const kinds = ['nf4', 'fp4'] as const;

describe('codes of four bits', () => {
  let file: Safetensors;
  beforeAll(async () => {
    file = await openSafetensors(golden);
  });

  for (const name of ['plain', 'crossing', 'odd', 'zeros', 'ties', 'tiny']) {
    for (const kind of kinds) {
      for (const blockSize of [32, 64]) {
        it(`are bitsandbytes' bytes: ${name}, ${kind}, blocks of ${blockSize}`, async () => {
          const { codes, scales } = packFourBit(await file.read(name), kind, blockSize);
          const key = `${name}.${kind}.${blockSize}`;
          expect([...codes]).toEqual([...(await file.readBytes(key))]);
          expect([...scales]).toEqual([...(await file.read(`${key}.absmax`))]);
        });
      }
    }
  }

  it('are the count of midpoints below a number, at and beside every midpoint too', () => {
    for (const kind of kinds) {
      const values = fourBitValues[kind];
      const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
      const midpoints = Float32Array.from(
        order.slice(1).map((code, i) => (values[order[i]!]! + values[code]!) / 2),
      );
      // The neighbours of a number are one unit of its bits away.
      const near = Float32Array.from([...midpoints].flatMap((x) => [x, x, x]));
      const units = new Int32Array(near.buffer);
      for (let i = 0; i < units.length; i += 3) {
        units[i]! -= 1;
        units[i + 2]! += 1;
      }
      const some = [...near, -1e-30, -0, 0, 1e-30, ...Array.from({ length: 401 }, (_, i) => i / 200 - 1)];
      const finite = some.filter((x) => Math.abs(x) <= 1);
      // Each block holds 1, so that its scale is 1.
      const blocks = finite.map((x) => Float32Array.from({ length: 64 }, (_, i) => (i === 0 ? 1 : x)));
      const { codes } = packFourBit(Float32Array.from(blocks.flatMap((block) => [...block])), kind, 64);
      finite.forEach((x, block) => {
        const below = midpoints.filter((midpoint) => midpoint < Math.fround(x)).length;
        const expected = order[below]!;
        expect(codes[block * 32 + 7], `${kind} ${x}`).toBe(expected * 17);
      });
    }
  });

  it('stand for value times scale in float32', () => {
    const scales = Float32Array.of(0.1, 3);
    const codes = Uint8Array.from({ length: 17 }, (_, i) => (i * 37) % 256);
    for (const kind of kinds) {
      const numbers = unpackFourBit({ codes, scales }, { kind, blockSize: 32 }, 33);
      expect(numbers).toHaveLength(33);
      const high = fourBitValues[kind][codes[0]! >> 4]!;
      const low = fourBitValues[kind][codes[15]! & 15]!;
      expect([numbers[0], numbers[31], numbers[32]]).toEqual([
        Math.fround(high * scales[0]!),
        Math.fround(low * scales[0]!),
        Math.fround(fourBitValues[kind][codes[16]! >> 4]! * scales[1]!),
      ]);
    }
  });

  it('are the same after unpacking and packing again', () => {
    const numbers = Float32Array.from({ length: 640 }, (_, i) => Math.sin(i * i) * (1 + (i % 7)));
    for (const kind of kinds) {
      const once = unpackFourBit(packFourBit(numbers, kind, 64), { kind, blockSize: 64 }, 640);
      expect(unpackFourBit(packFourBit(once, kind, 64), { kind, blockSize: 64 }, 640)).toEqual(once);
    }
  });

  it('double quantisation leaves the scales that bitsandbytes keeps, but for its table', async () => {
    const ours = roundScales(await file.read('scales'));
    const theirs = await file.read('scales.double');
    const differing = ours.filter((scale, i) => Math.abs(scale - theirs[i]!) > 1e-6);
    expect(differing.length / ours.length).toBeLessThan(0.01);
    // A scale that differs is the neighbouring one of 256.
    expect(ours).toBeAllclose(theirs, { atol: 0.01 });
  });
});
