/** Matrices on the host, whose products run in float64; methods merge with them. */

/** Two matrices of as many rows side by side, in row order: [rows, a] and [rows, b] → [rows, a + b]. */
export function sideBySide(left: Float32Array, right: Float32Array, rows: number): Float32Array {
  const [a, b] = [left.length / rows, right.length / rows];
  const out = new Float32Array(left.length + right.length);
  for (let row = 0; row < rows; row++) {
    out.set(left.subarray(row * a, (row + 1) * a), row * (a + b));
    out.set(right.subarray(row * b, (row + 1) * b), row * (a + b) + a);
  }
  return out;
}

/** A [rows, inner] times B [inner, columns], both in row order. */
export function multiply(a: Float32Array, b: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns);
  addProduct(out, a, b, columns);
  return out;
}

/** Adds A [rows, inner] times B [inner, columns] to a matrix [rows, columns], all in row order. */
export function addProduct(onto: Float32Array, a: Float32Array, b: Float32Array, columns: number): void {
  const rows = onto.length / columns;
  const inner = a.length / rows;
  const sum = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sum.fill(0);
    for (let k = 0; k < inner; k++) {
      const factor = a[row * inner + k]!;
      for (let column = 0; column < columns; column++) sum[column]! += factor * b[k * columns + column]!;
    }
    for (let column = 0; column < columns; column++) onto[row * columns + column]! += sum[column]!;
  }
}
