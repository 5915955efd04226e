/** How relative positions share biases. */
export interface Buckets {
  /** Whether keys behind the query count too; they share a bucket otherwise. */
  readonly both: boolean;
  readonly buckets: number;
  /** Distances from here on share the last bucket. */
  readonly farthest: number;
}

/**
 * The bucket of each relative position (key − query): one each for the near ones, and for the others one of growing widths
 * (T5's rule, from Mesh TensorFlow, in float32 as transformers computes it).
 */
export function relativeBuckets(relative: Int32Array, { both, buckets, farthest }: Buckets): Int32Array {
  const each = both ? buckets / 2 : buckets;
  const exact = Math.floor(each / 2);
  const unit = Math.fround(Math.log(farthest / exact));
  return relative.map((position) => {
    const distance = both ? Math.abs(position) : Math.max(0, -position);
    const side = both && position > 0 ? each : 0;
    if (distance < exact) return side + distance;
    const log = Math.fround(Math.log(Math.fround(distance / exact)));
    const grown = Math.fround(Math.fround(log / unit) * (each - exact));
    return side + Math.min(exact + Math.trunc(grown), each - 1);
  });
}
