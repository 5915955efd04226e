// A chain of packed layers is never whole in float32, neither in the forward nor in the backward pass.
import { rmSync } from 'node:fs';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import { formats, packedPair, temporaryFolder } from './packed-files.ts';

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const [layers, width] = [24, 2048];
const whole = 4 * layers * width * width;

describe('the peak of a chain of packed layers', () => {
  const numbers = randomStream(1, 'W').normal(width * width, 0, 1 / Math.sqrt(width));
  for (const format of formats) {
    it(`${format.kind} stays far below that of whole weights`, async () => {
      const { packed } = packedPair(folder, format.kind, format, [width, width], numbers);
      // Each layer maps the file anew, and what is mapped counts.
      const mapped = whole / ('blockSize' in format ? 4 * (8 / (4 + 32 / format.blockSize)) : 2);
      const { stdout } = await execa(process.execPath, [
        '--import',
        'tsx',
        'test/engine/packed-chain.ts',
        String(layers),
        JSON.stringify(packed),
      ]);
      expect(Number(stdout) - mapped).toBeLessThan(whole / 2);
    });
  }
});
