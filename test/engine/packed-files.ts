/** Packed weights in files for tests of engines. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packFourBit, unpackFourBit } from '../../harness/data/formats/four-bit.ts';
import type { PackedArray, PackedFormat, PlainArray } from '../../harness/engine/types.ts';
import {
  narrowToBfloats,
  narrowToHalves,
  widenBfloats,
  widenHalves,
} from '../../harness/support/numbers/float16.ts';

export interface PackedPair {
  readonly packed: PackedArray;
  /** The numbers that the packed weight stands for. */
  readonly plain: PlainArray;
}

export const formats: readonly PackedFormat[] = [
  { kind: 'nf4', blockSize: 64 },
  { kind: 'fp4', blockSize: 32 },
  { kind: 'bfloat16' },
  { kind: 'float16' },
];

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'deltabench-packed-'));

/** Writes a weight of the numbers [outputs, inputs] into a file of the folder. */
export function packedPair(
  folder: string,
  name: string,
  format: PackedFormat,
  [outputs, inputs]: readonly [number, number],
  numbers: Float32Array,
  flipped = false,
): PackedPair {
  const file = join(folder, name);
  const at = (bytes: ArrayBufferView, end: string): { file: string; offset: number } => {
    // The part begins within the file, as a tensor of a checkpoint does.
    const content = Buffer.concat([
      Buffer.alloc(8),
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    ]);
    writeFileSync(file + end, content);
    return { file: file + end, offset: 8 };
  };
  const shape = flipped ? [inputs, outputs] : [outputs, inputs];
  const matrix = { format, outputs, inputs, flipped };
  const plainOf = (values: Float32Array): PlainArray => ({
    shape,
    data: flipped
      ? Float32Array.from(values, (_, i) => values[(i % outputs) * inputs + Math.floor(i / outputs)]!)
      : values,
  });
  if ('blockSize' in format) {
    const { codes, scales } = packFourBit(numbers, format.kind, format.blockSize);
    return {
      packed: { shape, packed: { ...matrix, codes: at(codes, '.codes'), scales: at(scales, '.scales') } },
      plain: plainOf(unpackFourBit({ codes, scales }, format, numbers.length)),
    };
  }
  const [narrow, widen] =
    format.kind === 'bfloat16' ? [narrowToBfloats, widenBfloats] : [narrowToHalves, widenHalves];
  const bits = narrow(numbers);
  const values = new Float32Array(numbers.length);
  widen(bits, values);
  return { packed: { shape, packed: { ...matrix, codes: at(bits, '.bits') } }, plain: plainOf(values) };
}
