/** Products of matrices on the host, in float64; methods merge with them. */

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
