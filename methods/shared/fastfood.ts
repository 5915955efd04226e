/**
 * Fastfood (Le et al. 2013): a random projection of a short vector to many numbers, H G Π H B v, as the code of
 * Aghajanyan et al. (2020) has it: B signs, Π a permutation, G ~ N(0, 1), H the Walsh-Hadamard matrix of the
 * next power of two L, and the first n of L numbers divided by √(L Σ G²) √(n / L).
 */
import {
  concat,
  gather,
  matMul,
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

/** The order is kept in two parts, since float32 holds whole numbers up to 2²⁴ alone. */
const STEP = 2 ** 12;

/** The frozen tensors of the projection for a tensor of n numbers. */
export function fastfoodTensors(name: string, n: number, key: number): Record<string, TensorSpec> {
  const length = lengthOf(n);
  const draws = drawsOf(name, n, key);
  return {
    [`${name}.fastfood.signs`]: { shape: [length], init: draws.signs },
    [`${name}.fastfood.order`]: {
      shape: [2, length],
      init() {
        const order = draws.order();
        return Float32Array.from({ length: 2 * length }, (_, i) =>
          i < length ? Math.floor(order[i]! / STEP) : order[i - length]! % STEP,
        );
      },
    },
    [`${name}.fastfood.scales`]: { shape: [length], init: draws.scales },
  };
}

/** The projection of v [d] onto n numbers, whose frozen tensors are among `x`. */
export function fastfood(v: Tensor, name: string, x: Tensors, n: number): Tensor {
  const [signs, order, scales] = (['signs', 'order', 'scales'] as const).map(
    (part) => x[`${name}.fastfood.${part}`]!,
  ) as [Tensor, Tensor, Tensor];
  const length = lengthOf(n);
  // The authors' code cuts v where a tensor has fewer numbers.
  const d = v.size;
  const padded = d < length ? concat([v, zeros([length - d])]) : slice(v, [0], [length]);
  const places = slice(order, [0, 0], [1, length])
    .mul(STEP)
    .add(slice(order, [1, 0], [1, length]))
    .reshape([length])
    .cast('int32');
  const mixed = gather(hadamard(padded.mul(signs)), places);
  return slice(hadamard(mixed.mul(scales)), [0], [n]);
}

/** The largest side of a Hadamard matrix that a product is made with. */
const SIDE = 256;

/** H x for x [L]: products with small Hadamard matrices, of which H is the Kronecker product. */
function hadamard(x: Tensor): Tensor {
  const length = x.size;
  let rest = x;
  for (let done = 1; done < length;) {
    const side = Math.min(SIDE, length / done);
    // What was last comes first, so that each factor of the length is last once.
    rest = transpose(matMul(rest.reshape([length / side, side]), hadamardMatrix(side))).reshape([length]);
    done *= side;
  }
  return rest;
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
