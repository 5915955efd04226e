/**
 * The four-bit weights of GPTQ (Frantar et al. 2022, arXiv:2210.17323) as AutoGPTQ and GPTQModel save them: each
 * number is its group's scale times the difference of its code and the group's zero point, groups being of
 * inputs, for each output. Bases are read with it (models/bases).
 */

/** A weight as it is stored; eight codes are an int32, the first in the low bits. */
export interface GptqWeight {
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs / 8, outputs] */
  readonly codes: Int32Array;
  /** [groups, outputs / 8] */
  readonly zeros: Int32Array;
  /** What the stored zero points lack: 1 in the format's first version, 0 in the second. */
  readonly missing: 0 | 1;
  /** [groups, outputs] */
  readonly scales: Float32Array;
  /** The group of each input [inputs]. */
  readonly groupOf: Int32Array;
}

/** A weight as onnxruntime dequantises it: inputs of a group lie beside each other, two codes a byte. */
export interface GroupedCodes {
  /** [outputs, inputs] of four bits, the first in the low ones */
  readonly codes: Uint8Array;
  /** [outputs, groups] */
  readonly scales: Float32Array;
  /** Zero points [outputs, groups] of four bits, the first in the low ones */
  readonly zeros: Uint8Array;
  /** The place of each input among the grouped ones [inputs] */
  readonly order: Int32Array;
}

const FOUR_BITS = 15;

const codeOf = ({ codes, outputs }: GptqWeight, output: number, input: number): number =>
  (codes[(input >> 3) * outputs + output]! >>> (4 * (input & 7))) & FOUR_BITS;

/** The zero point of a group; what is missing is added in four bits, so that a stored −1 is 0. */
const zeroOf = ({ zeros, outputs, missing }: GptqWeight, output: number, group: number): number =>
  ((zeros[group * (outputs / 8) + (output >> 3)]! >>> (4 * (output & 7))) + missing) & FOUR_BITS;

/** The numbers [outputs, inputs] of a weight, in float32. */
export function unpackGptq(weight: GptqWeight): Float32Array {
  const { inputs, outputs, scales, groupOf } = weight;
  const numbers = new Float32Array(outputs * inputs);
  for (let output = 0, at = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      const group = groupOf[input]!;
      const difference = codeOf(weight, output, input) - zeroOf(weight, output, group);
      numbers[at++] = scales[group * outputs + output]! * difference;
    }
  }
  return numbers;
}

/** Sorts the inputs of a weight by their groups; each but the last group must have `groupSize` inputs. */
export function groupCodes(weight: GptqWeight, groupSize: number): GroupedCodes {
  const { inputs, outputs, scales, groupOf } = weight;
  const groups = Math.ceil(inputs / groupSize);
  const sorted = Int32Array.from(groupOf.keys()).sort((a, b) => groupOf[a]! - groupOf[b]! || a - b);
  if (sorted.some((input, place) => groupOf[input] !== Math.floor(place / groupSize)))
    throw new RangeError(`its groups are not of ${groupSize} inputs each`);
  const order = new Int32Array(inputs);
  sorted.forEach((input, place) => (order[input] = place));
  return {
    codes: inNibbles(outputs, inputs, (output, place) => codeOf(weight, output, sorted[place]!)),
    zeros: inNibbles(outputs, groups, (output, group) => zeroOf(weight, output, group)),
    scales: Float32Array.from(
      { length: outputs * groups },
      (_, i) => scales[(i % groups) * outputs + Math.floor(i / groups)]!,
    ),
    order,
  };
}

function inNibbles(rows: number, columns: number, of: (row: number, column: number) => number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((rows * columns) / 2));
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++)
      bytes[at >> 1]! |= of(row, column) << (at % 2 === 0 ? 0 : 4);
  return bytes;
}
