/**
 * The largest singular values of a matrix and their vectors, by Golub, Kahan and Lanczos's bidiagonalisation
 * with full reorthogonalisation (Golub and Van Loan, "Matrix Computations", section 10.4) in float64. PiSSA
 * starts from them.
 */
import { randomStream } from './random-stream.ts';
import { transpose } from './transpose.ts';

/** Singular values in falling order, and the vectors of each, of length 1. */
export interface SingularVectors {
  readonly values: readonly number[];
  readonly left: readonly Float64Array[];
  readonly right: readonly Float64Array[];
}

/** A residual of this share of the largest value ends the search. */
const EXACT = 1e-13;

/** Finds the `count` largest singular values of a matrix [rows, columns]; `count` is at most the smaller side. */
export function singularVectors(
  matrix: Float32Array,
  rows: number,
  columns: number,
  count: number,
): SingularVectors {
  // Only the bases of a matrix that is not wide are complete after as many steps as its smaller side.
  if (rows < columns) {
    const { values, left, right } = singularVectors(transpose(matrix, rows, columns), columns, rows, count);
    return { values, left: right, right: left };
  }
  const most = columns;
  const first = Float64Array.from(randomStream(0, 'singular vectors').normal(columns, 0, 1));
  orthonormalize(first, []);
  const bases: Bases = { left: [], right: [first], diagonal: [], above: [] };
  for (let size = Math.min(most, 2 * count + 16); ; size = Math.min(most, Math.ceil(1.5 * size))) {
    while (bases.left.length < size) extend(bases, matrix);
    const small = diagonalize(bases);
    const isExact = (i: number): boolean =>
      Math.abs(bases.above[size - 1]! * small.left[i]![size - 1]!) <= EXACT * small.values[0]!;
    const wanted = Array.from({ length: count }, (_, i) => i);
    if (size < most && !wanted.every(isExact)) continue;
    return {
      values: small.values.slice(0, count),
      left: wanted.map((i) => combine(bases.left, small.left[i]!)),
      right: wanted.map((i) => combine(bases.right, small.right[i]!)),
    };
  }
}

/**
 * Orthonormal vectors with matrix · right = left · B, where B has `diagonal`, and `above` next to it. The last
 * vector of `right` and the last number of `above` belong to the step that comes next.
 */
interface Bases {
  readonly left: Float64Array[];
  readonly right: Float64Array[];
  readonly diagonal: number[];
  readonly above: number[];
}

/** Adds one vector to each basis. */
function extend({ left, right, diagonal, above }: Bases, matrix: Float32Array): void {
  const v = right.at(-1)!;
  const columns = v.length;
  const u = new Float64Array(matrix.length / columns);
  const next = new Float64Array(columns);
  for (let row = 0; row < u.length; row++) {
    const start = row * columns;
    for (let i = 0; i < columns; i++) u[row]! += matrix[start + i]! * v[i]!;
  }
  diagonal.push(orthonormalize(u, left));
  left.push(u);
  for (let row = 0; row < u.length; row++) {
    const start = row * columns;
    for (let i = 0; i < columns; i++) next[i]! += u[row]! * matrix[start + i]!;
  }
  above.push(orthonormalize(next, right));
  right.push(next);
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/**
 * Takes what `basis` spans off a vector and gives it the length 1; returns the length that was left. A vector
 * that lies in their span becomes any other, and the length is 0.
 */
function orthonormalize(vector: Float64Array, basis: readonly Float64Array[]): number {
  const before = Math.sqrt(dot(vector, vector));
  for (let pass = 0; pass < 2; pass++) {
    for (const other of basis) {
      const along = dot(vector, other);
      for (let i = 0; i < vector.length; i++) vector[i]! -= along * other[i]!;
    }
  }
  const left = Math.sqrt(dot(vector, vector));
  if (left > 1e-12 * before) {
    for (let i = 0; i < vector.length; i++) vector[i]! /= left;
    return left;
  }
  vector.fill(0);
  // One of the axes has a part outside the span, unless the basis is complete.
  for (let axis = 0; basis.length < vector.length && axis < vector.length; axis++) {
    const unit = new Float64Array(vector.length);
    unit[axis] = 1;
    const inSpan = basis.reduce((sum, other) => sum + other[axis]! ** 2, 0);
    if (inSpan > 1 - 0.5 / vector.length) continue;
    orthonormalize(unit, basis);
    vector.set(unit);
    break;
  }
  return 0;
}

/** The singular values and vectors of the small bidiagonal matrix, by Jacobi's rotations of its columns. */
function diagonalize({ diagonal, above }: Bases): SingularVectors {
  const size = diagonal.length;
  const unit = (i: number, value: number): Float64Array => {
    const vector = new Float64Array(size);
    vector[i] = value;
    return vector;
  };
  const columns = diagonal.map((value, i) => unit(i, value));
  for (let i = 1; i < size; i++) columns[i]![i - 1] = above[i - 1]!;
  const turned = diagonal.map((_, i) => unit(i, 1));
  for (let moved = true, sweep = 0; moved && sweep < 60; sweep++) {
    moved = false;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const [a, b] = [columns[p]!, columns[q]!];
        const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
        if (Math.abs(ab) <= 1e-15 * Math.sqrt(aa * bb)) continue;
        moved = true;
        const zeta = (bb - aa) / (2 * ab);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        rotate(a, b, cosine, tangent * cosine);
        rotate(turned[p]!, turned[q]!, cosine, tangent * cosine);
      }
    }
  }
  const lengths = columns.map((column) => Math.sqrt(dot(column, column)));
  const order = lengths.map((_, i) => i).sort((i, j) => lengths[j]! - lengths[i]!);
  return {
    values: order.map((i) => lengths[i]!),
    left: order.map((i) => columns[i]!.map((x) => (lengths[i]! > 0 ? x / lengths[i]! : 0))),
    right: order.map((i) => turned[i]!),
  };
}

function rotate(a: Float64Array, b: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = cosine * x - sine * y;
    b[i] = sine * x + cosine * y;
  }
}

/** The sum of a basis's first vectors with the given weights. */
function combine(basis: readonly Float64Array[], weights: Float64Array): Float64Array {
  const sum = new Float64Array(basis[0]!.length);
  weights.forEach((weight, k) => {
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * basis[k]![i]!;
  });
  return sum;
}
