/** Matrices on the host; merging and bases whose weights are stored transposed use it. */

/** The transpose [columns, rows] of a matrix [rows, columns]. */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[column * rows + row] = matrix[row * columns + column]!;
    }
  }
  return out;
}
