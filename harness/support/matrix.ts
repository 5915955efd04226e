/** Products of matrices on the host, in float64; methods merge with them. */

/** A [rows, inner] times B [inner, columns], both in row order. */
export function multiply(a: Float32Array, b: Float32Array, rows: number, columns: number): Float32Array {
  const inner = a.length / rows;
  const out = new Float32Array(rows * columns);
  const sum = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sum.fill(0);
    for (let k = 0; k < inner; k++) {
      const factor = a[row * inner + k]!;
      for (let column = 0; column < columns; column++) sum[column]! += factor * b[k * columns + column]!;
    }
    out.set(sum, row * columns);
  }
  return out;
}
