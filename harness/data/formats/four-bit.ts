/**
 * The four-bit codes of bitsandbytes (Dettmers et al. 2023, QLoRA, arXiv:2305.14314): numbers in their order
 * are cut into blocks, and each is the block's scale times one of 16 values. Two codes are one byte, the
 * first in the high bits. Bases are packed and read with it (models/bases).
 */
import { sum } from '../../support/numbers/arithmetic.ts';

/** The values of the 16 codes; NF4's are quantiles of a normal distribution, FP4's floats of four bits. */
export const fourBitValues = {
  nf4: Float32Array.from([
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
    -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
    0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ]),
  fp4: Float32Array.from([
    0, 0.0052083334885537624, 0.6666666865348816, 1, 0.3333333432674408, 0.5, 0.1666666716337204, 0.25, 0,
    -0.0052083334885537624, -0.6666666865348816, -1, -0.3333333432674408, -0.5, -0.1666666716337204, -0.25,
  ]),
} as const;
export type FourBitKind = keyof typeof fourBitValues;

/** Numbers as codes of four bits, and the scale of every block. */
export interface FourBitCodes {
  /** [⌈numbers / 2⌉] */
  readonly codes: Uint8Array;
  /** [⌈numbers / blockSize⌉] */
  readonly scales: Float32Array;
}

/** The codes in the order of their values, and the 15 midpoints between neighbouring values; then ∞. */
function midpointsOf(kind: FourBitKind): { order: Uint8Array; midpoints: Float32Array } {
  const values = fourBitValues[kind];
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
  const pairs = order.slice(1).map((code, i) => (values[order[i]!]! + values[code]!) / 2);
  return { order: Uint8Array.from(order), midpoints: Float32Array.from([...pairs, Infinity]) };
}

/** [−1, 1] is cut into cells so small that none holds two midpoints. */
const CELLS = 1024;

/** How many midpoints are below each cell; the last holds 1 alone. */
function countsBelow(midpoints: Float32Array): Uint8Array {
  return Uint8Array.from({ length: CELLS + 1 }, (_, cell) =>
    midpoints.findIndex((midpoint) => (midpoint + 1) * (CELLS / 2) >= cell),
  );
}

/** The least divisor of a block, as bitsandbytes has it; the scale of a last, short block is no less. */
const LEAST = Math.fround(1e-38);

/**
 * Packs numbers as bitsandbytes does: the scale is the largest magnitude of the block, and the code of a
 * number is the count of midpoints below it, in float32. The block size is even.
 */
export function packFourBit(numbers: Float32Array, kind: FourBitKind, blockSize: number): FourBitCodes {
  const { order, midpoints } = midpointsOf(kind);
  const below = countsBelow(midpoints);
  const codeOf = (x: number): number => {
    const count = below[((x + 1) * (CELLS / 2)) | 0]!;
    return order[midpoints[count]! < x ? count + 1 : count]!;
  };
  const codes = new Uint8Array(Math.ceil(numbers.length / 2));
  const scales = new Float32Array(Math.ceil(numbers.length / blockSize));
  const scaled = new Float32Array(blockSize);
  for (let block = 0; block < scales.length; block++) {
    const start = block * blockSize;
    const count = Math.min(blockSize, numbers.length - start);
    const largest = largestMagnitude(numbers, start, start + count);
    const divisor = Math.max(largest, LEAST);
    if (count === blockSize) {
      scales[block] = largest;
      const inverse = Math.fround(1 / divisor);
      for (let i = 0; i < count; i++) scaled[i] = numbers[start + i]! * inverse;
    } else {
      scales[block] = divisor;
      for (let i = 0; i < count; i++) scaled[i] = numbers[start + i]! / divisor;
      // The last byte of an odd count is filled up with the code of 0.
      scaled.fill(0, count);
    }
    for (let i = 0; i < count; i += 2)
      codes[(start + i) >> 1] = (codeOf(scaled[i]!) << 4) | codeOf(scaled[i + 1]!);
  }
  return { codes, scales };
}

function largestMagnitude(numbers: Float32Array, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(numbers[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

/** The `count` numbers of codes: value of the code times scale of the block, in float32. */
export function unpackFourBit(
  { codes, scales }: FourBitCodes,
  { kind, blockSize }: { readonly kind: FourBitKind; readonly blockSize: number },
  count: number,
): Float32Array {
  const values = fourBitValues[kind];
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const code = i % 2 === 0 ? codes[i >> 1]! >> 4 : codes[i >> 1]! & 15;
    numbers[i] = values[code]! * scales[Math.floor(i / blockSize)]!;
  }
  return numbers;
}

/** The scales of blocks as codes of eight bits, which double quantisation makes of them. */
export interface NestedScales {
  /** [scales] */
  readonly codes: Uint8Array;
  /** The values of the 256 codes. */
  readonly values: Float32Array;
  /** The scales of blocks of `blockSize` codes. */
  readonly scales: Float32Array;
  readonly blockSize: number;
  readonly offset: number;
}

/** The scales that double quantisation has left: value · scale + offset, each step in float32. */
export function unpackScales({ codes, values, scales, blockSize, offset }: NestedScales): Float32Array {
  return Float32Array.from(codes, (code, i) => {
    const scaled = Math.fround(values[code]! * scales[Math.floor(i / blockSize)]!);
    return scaled + offset;
  });
}

/** The codes in a block of nested scales. */
const NESTED_BLOCK = 256;

/**
 * What double quantisation makes of scales: the numbers that its codes of eight bits stand for. bitsandbytes'
 * CPU code rounds through a table, so that one scale in a thousand differs.
 */
export function roundScales(scales: Float32Array): Float32Array {
  const offset = Math.fround(sum(scales) / scales.length);
  const values = dynamicValues();
  const centred = scales.map((scale) => scale - offset);
  const nested = Float32Array.from({ length: Math.ceil(scales.length / NESTED_BLOCK) }, (_, block) =>
    largestMagnitude(centred, block * NESTED_BLOCK, Math.min((block + 1) * NESTED_BLOCK, scales.length)),
  );
  const codes = Uint8Array.from(centred, (x, i) => {
    const scale = nested[Math.floor(i / NESTED_BLOCK)]!;
    return nearest(values, scale > 0 ? x / scale : 0);
  });
  return unpackScales({ codes, values, scales: nested, blockSize: NESTED_BLOCK, offset });
}

/** The place of the value nearest to x among ascending ones. */
function nearest(values: Float32Array, x: number): number {
  let [low, high] = [0, values.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= x) low = middle;
    else high = middle;
  }
  return x - values[low]! <= values[high]! - x ? low : high;
}

/**
 * The 256 values of bitsandbytes' signed dynamic type (Dettmers 2015, arXiv:1511.04561): seven decades, the
 * largest of which has 64 fractions of either sign, each smaller one half as many; 0 and 1 beside them.
 */
function dynamicValues(): Float32Array {
  const positive = Array.from({ length: 7 }, (_, exponent) => {
    const count = 2 ** exponent;
    const edge = (i: number): number => 0.1 + (0.9 * i) / count;
    return Array.from({ length: count }, (_, i) => 10 ** (exponent - 6) * ((edge(i) + edge(i + 1)) / 2));
  }).flat();
  return Float32Array.from([...positive, ...positive.map((x) => -x), 0, 1].sort((a, b) => a - b));
}
