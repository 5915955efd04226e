/**
 * Fastfood (Le et al. 2013): a random projection of a short vector to many numbers, H G Π H B v, as the code of
 * Aghajanyan et al. (2020) has it: B signs, Π a permutation, G ~ N(0, 1), H the Walsh-Hadamard matrix of the
 * next power of two L, and the first n of L numbers divided by √(L Σ G²) √(n / L).
 */
import {
  concat,
  evenParts,
  matMul,
  ones,
  permute,
  randomStream,
  slice,
  tensor,
  type Tensor,
  type Tensors,
  type TensorSpec,
  transpose,
  zeros,
} from '../../harness/method.ts';

/** The power of two that a projection onto n numbers computes with. */
const lengthOf = (n: number): number => 2 ** Math.ceil(Math.log2(n));

/**
 * The numbers of B v that the first H reads: the others are zeros, so that H B v repeats after so many. The
 * authors' code cuts v where a tensor has fewer numbers.
 */
const periodOf = (n: number, d: number): number => Math.min(lengthOf(n), lengthOf(d));

/** Draws the random parts of the projection of length L for the tensor `name` of n numbers. */
function drawsOf(name: string, n: number, key: number) {
  const length = lengthOf(n);
  const stream = (part: string) => randomStream(key, `fastfood/${part}/${name}`);
  return {
    /** B, ±1. */
    signs: () => Float32Array.from(stream('signs').integers(length, 2), (bit) => 2 * bit - 1),
    /** Π: number i of the result is number `order[i]` of what it permutes. */
    order: () => stream('order').permutation(length),
    /** G over the divisor. */
    scales() {
      const normal = stream('scales').normal(length, 0, 1);
      const squares = normal.reduce((sum, g) => sum + g * g, 0);
      const divisor = Math.sqrt(length * squares) * Math.sqrt(n / length);
      return normal.map((g) => g / divisor);
    },
  };
}

/** Float32 holds whole numbers up to 2²⁴ alone; longer permutations are kept as multiples of STEP and the rest. */
const [MOST, STEP] = [2 ** 24, 2 ** 12];

/** The frozen tensors of the projection of d numbers for a tensor of n. */
export function fastfoodTensors(name: string, n: number, d: number, key: number): Record<string, TensorSpec> {
  const length = lengthOf(n);
  const draws = drawsOf(name, n, key);
  const shape = [length > MOST ? 2 : 1, length];
  return {
    [`${name}.fastfood.signs`]: {
      shape: [periodOf(n, d)],
      init: () => draws.signs().subarray(0, periodOf(n, d)),
    },
    [`${name}.fastfood.order`]: { shape, init: () => asFloats(draws.order()) },
    [`${name}.fastfood.inverse`]: { shape, init: () => asFloats(inverseOf(draws.order())) },
    [`${name}.fastfood.scales`]: { shape: [length], init: draws.scales },
  };
}

function inverseOf(order: ArrayLike<number>): Int32Array {
  const inverse = new Int32Array(order.length);
  for (let i = 0; i < order.length; i++) inverse[order[i]!] = i;
  return inverse;
}

function asFloats(places: ArrayLike<number> & Iterable<number>): Float32Array {
  if (places.length <= MOST) return Float32Array.from(places);
  const parts = new Float32Array(2 * places.length);
  for (let i = 0; i < places.length; i++) {
    parts[i] = Math.floor(places[i]! / STEP);
    parts[places.length + i] = places[i]! % STEP;
  }
  return parts;
}

/** The places [L] that `asFloats` wrote, from its parts [1, L] or [2, L]. */
function placesOf(parts: Tensor): Tensor {
  const length = parts.shape[1]!;
  const part = (i: number): Tensor => slice(parts, [i, 0], [1, length]).reshape([length]);
  return (parts.shape[0] === 1 ? part(0) : part(0).mul(STEP).add(part(1))).cast('int32');
}

/** The projection of v [d] onto n numbers, whose frozen tensors are among `x`. */
export function fastfood(v: Tensor, name: string, x: Tensors, n: number): Tensor {
  const [signs, order, inverse, scales] = (['signs', 'order', 'inverse', 'scales'] as const).map(
    (part) => x[`${name}.fastfood.${part}`]!,
  ) as [Tensor, Tensor, Tensor, Tensor];
  const [d, period, length] = [v.size, signs.size, scales.size];
  const read = d < period ? concat([v, zeros([period - d])]) : slice(v, [0], [period]);
  // A product with ones repeats the period; the gradient of `tile` would take it apart period by period.
  const once = hadamard(read.mul(signs)).reshape([1, period]);
  const first = matMul(ones([length / period, 1]), once).reshape([length]);
  const mixed = permute(first, placesOf(order), placesOf(inverse));
  return slice(hadamard(mixed.mul(scales)), [0], [n]);
}

/** The largest side of a Hadamard matrix that a product is made with: larger ones compute more, smaller move more. */
const SIDE = 32;

/** H x for x [L]: products with small Hadamard matrices, of which H is the Kronecker product. */
function hadamard(x: Tensor): Tensor {
  const length = x.size;
  let rest = x;
  for (const side of sidesOf(length)) {
    // What was last comes first, so that each factor of the length is last once.
    rest = transpose(matMul(rest.reshape([length / side, side]), hadamardMatrix(side))).reshape([length]);
  }
  return rest;
}

/** Powers of two of like size, none above SIDE, whose product is the length. */
function sidesOf(length: number): number[] {
  const bits = Math.log2(length);
  return evenParts(bits, Math.ceil(bits / Math.log2(SIDE))).map((own) => 2 ** own);
}

const matrices = new Map<number, Float32Array>();

/** The Walsh-Hadamard matrix [n, n] of ±1: −1 to the number of bits that row and column share. */
function hadamardMatrix(n: number): Tensor {
  const known =
    matrices.get(n) ?? Float32Array.from({ length: n * n }, (_, i) => signAt(Math.floor(i / n), i % n));
  matrices.set(n, known);
  return tensor(known, [n, n]);
}

function signAt(row: number, column: number): number {
  let sign = 1;
  for (let shared = row & column; shared > 0; shared >>= 1) if (shared & 1) sign = -sign;
  return sign;
}

/** What `fastfood` computes, in numbers. */
export function fastfoodOnHost(v: Float32Array, name: string, n: number, key: number): Float32Array {
  const draws = drawsOf(name, n, key);
  const order = draws.order();
  const first = hadamardOnHost(Float64Array.from(draws.signs(), (sign, i) => sign * (v[i] ?? 0)));
  const second = hadamardOnHost(Float64Array.from(draws.scales(), (scale, i) => scale * first[order[i]!]!));
  return Float32Array.from(second.subarray(0, n));
}

/** The fast Walsh-Hadamard transform, in place. */
function hadamardOnHost(x: Float64Array): Float64Array {
  for (let half = 1; half < x.length; half *= 2) {
    for (let start = 0; start < x.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const [a, b] = [x[i]!, x[i + half]!];
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
  return x;
}
