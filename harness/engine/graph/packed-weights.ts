/**
 * Products with packed weights, and their numbers. A packed weight is never whole in memory before something
 * needs it: what unpacks it depends on a value of that time, since onnxruntime runs early whatever depends on
 * constants alone. `Graph` sends products with packed weights here.
 */
import type { FourBit, GroupedFourBit, NumericArray, Shape } from '../types.ts';
import type { DType, PackedParts, Value } from './node.ts';

/** The operations of a graph that this file needs. */
interface Operations {
  one(op: string, inputs: readonly Value[], shape: Shape, dtype?: DType, attributes?: object): Value;
  constant(data: NumericArray, shape: Shape, dtype: DType): Value;
  scalar(x: number): Value;
  integers(list: readonly number[]): Value;
  cast(x: Value, dtype: DType): Value;
  add(a: Value, b: Value): Value;
  reshape(x: Value, shape: Shape): Value;
  transpose(x: Value, perm: readonly number[]): Value;
  matmul(a: Value, b: Value): Value;
  weightInput(name: string, shape: Shape, dtype: DType): Value;
}

/** A packed weight whose numbers are codes of four bits. */
type FourBitParts = PackedParts & { readonly format: FourBit };
const isFourBit = (packed: PackedParts): packed is FourBitParts => 'blockSize' in packed.format;

/** A packed weight whose codes have scales and zero points of groups. */
type GroupedParts = PackedParts & { readonly format: GroupedFourBit };
const isGrouped = (packed: PackedParts): packed is GroupedParts => packed.format.kind === 'gptq';

/**
 * Whether the device has a float32 product with packed weights of this kind. CUDA's would take the scales in
 * the operand's type, and was not tried.
 */
export const hasPackedProduct = (provider: string, packed: PackedParts): packed is FourBitParts =>
  provider === 'cpu' && isFourBit(packed);

/**
 * a Wᵀ [M, outputs] of a [M, inputs], or with `toInputs` a W [M, inputs] of a [M, outputs], for the matrix W
 * [outputs, inputs] of a packed weight of four bits.
 */
export function packedProduct(g: Operations, a: Value, packed: FourBitParts, toInputs: boolean): Value {
  const { outputs, inputs } = packed;
  if (!toInputs) return multiplyCodes(g, a, packed, outputs);
  // Each of `parts` interleaved sets of columns of W is a matrix, since onnxruntime has no product with W.
  const parts = [4, 2, 1].find((count) => inputs % count === 0)!;
  const width = inputs / parts;
  const columns = multiplyCodes(g, identityFrom(g, parts, a), packed, outputs * width);
  const products = g.matmul(a, g.reshape(columns, [parts, outputs, width]));
  return g.reshape(g.transpose(products, [1, 2, 0]), [a.shape[0]!, inputs]);
}

/** The numbers of a packed weight [outputs, inputs], or flipped; they are computed once `when` is. */
export function unpack(g: Operations, packed: PackedParts, when: Value): Value {
  const { outputs, inputs, flipped } = packed;
  const whole = (four: FourBitParts): Value =>
    g.reshape(multiplyCodes(g, identityFrom(g, 1, when), four, outputs * inputs), [outputs, inputs]);
  const matrix = isFourBit(packed)
    ? whole(packed)
    : isGrouped(packed)
      ? dequantize(g, packed, when)
      : widenBits(g, packed, when);
  return flipped ? g.transpose(matrix, [1, 0]) : matrix;
}

/** a Vᵀ [M, rows] for the codes read as V [rows, k] of a [M, k]: blocks count along all of W, not by row. */
function multiplyCodes(g: Operations, a: Value, packed: FourBitParts, rows: number): Value {
  const { kind, blockSize } = packed.format;
  const numbers = packed.outputs * packed.inputs;
  const codes = g.weightInput(packed.codes, [Math.ceil(numbers / 2)], 'uint8');
  const scales = g.weightInput(packed.scales, [Math.ceil(numbers / blockSize)], 'float32');
  return g.one('MatMulBnb4', [a, codes, scales], [a.shape[0]!, rows], 'float32', {
    K: a.shape[1]!,
    N: rows,
    block_size: blockSize,
    quant_type: QUANT_TYPE[kind],
  });
}

/** onnxruntime's numbers of the tables of four-bit codes. */
const QUANT_TYPE = { fp4: 0, nf4: 1 } as const;

/** The numbers [outputs, inputs] of codes with scales and zero points of groups. */
function dequantize(g: Operations, { format, outputs, inputs, ...names }: GroupedParts, when: Value): Value {
  const shape = [outputs, Math.ceil(inputs / format.groupSize)];
  const codes = g.weightInput(names.codes, [outputs, inputs], 'uint4');
  const zeros = g.weightInput(names.zeros, shape, 'uint4');
  const scales = g.add(g.weightInput(names.scales, shape, 'float32'), g.cast(zeroFrom(g, when), 'float32'));
  const grouped = g.one('DequantizeLinear', [codes, scales, zeros], [outputs, inputs], 'float32', {
    axis: 1,
    block_size: format.groupSize,
  });
  if (!format.isOrdered) return grouped;
  const order = g.weightInput(names.order, [inputs], 'int32');
  return g.one('Gather', [grouped, order], [outputs, inputs], 'float32', { axis: 1 });
}

/** The float32 numbers [outputs, inputs] of a weight in half precision. */
function widenBits(g: Operations, { format, outputs, inputs, codes }: PackedParts, when: Value): Value {
  const dtype = format.kind as 'bfloat16' | 'float16';
  const bits = g.weightInput(codes, [outputs, inputs], dtype);
  // A reshape costs nothing, and its shape may depend on `when`.
  const shape = g.add(g.integers([outputs, inputs]), g.cast(zeroFrom(g, when), 'int64'));
  return g.cast(g.one('Reshape', [bits, shape], [outputs, inputs], dtype), 'float32');
}

/** The identity [n, n], which is computed once `when` is. */
function identityFrom(g: Operations, n: number, when: Value): Value {
  const ones = Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  return g.add(g.constant(ones, [n, n], 'float32'), g.cast(zeroFrom(g, when), 'float32'));
}

/** False [1], which is computed once the matrix `when` is: no number is above infinity, NaN neither. */
export function zeroFrom(g: Operations, when: Value): Value {
  const list = (x: number): Value => g.integers([x, x]);
  const first = g.one('Slice', [when, list(0), list(1), g.integers([0, 1])], [1, 1]);
  return g.reshape(g.one('Greater', [first, g.scalar(Infinity)], [1, 1], 'bool'), [1]);
}
