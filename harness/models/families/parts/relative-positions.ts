/**
 * T5's relative positions: a bias of the attention scores, looked up by the distance between query and key.
 */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';

/** How distances share the rows of a table. */
export interface Buckets {
  /** Rows of the table. */
  readonly buckets: number;
  /** Distances from here on share the last bucket. */
  readonly farthest: number;
}

/** Queries and keys of an attention, and how many tokens after the first key the first query stands. */
interface Reach {
  /** Whether keys after the query have buckets of their own (an encoder); otherwise they share one. */
  readonly both: boolean;
  readonly queries: number;
  readonly keys: number;
  readonly shift?: number;
}

/** The bias of every query and key, [1, H, q, k], from a table [buckets, H]. */
export function relativeBias(
  table: Tensor,
  buckets: Buckets,
  { both, queries, keys, shift = 0 }: Reach,
): Tensor {
  const distance = (i: number): number => (i % keys) - Math.floor(i / keys) - shift;
  const relative = Int32Array.from({ length: queries * keys }, (_, i) => distance(i));
  const index = ops.tensor(relativeBuckets(relative, { ...buckets, both }), [queries * keys], 'int32');
  const heads = table.shape[1]!;
  return ops.gather(table, index).reshape([1, queries, keys, heads]).transpose([0, 3, 1, 2]);
}

/**
 * The bias of the P tokens in a key-value cache for one new token a sequence at `positions` [B], [B, H, 1,
 * P]. The new token's own bias is subtracted: softmax does not see a constant, and the token's own score
 * needs no bias then.
 */
export function cacheBias(table: Tensor, buckets: Buckets, positions: Tensor, slots: number): Tensor {
  const { farthest } = buckets;
  const heads = table.shape[1]!;
  const distances = Int32Array.from({ length: farthest + 1 }, (_, i) => -i);
  const index = ops.tensor(relativeBuckets(distances, { ...buckets, both: false }), [farthest + 1], 'int32');
  const byDistance = ops.gather(table, index);
  const relative = byDistance.sub(ops.slice(byDistance, [0, 0], [1, heads]));
  const places = ops.tensor(
    Int32Array.from({ length: slots }, (_, i) => i),
    [1, slots],
    'int32',
  );
  const away = positions.reshape([-1, 1]).sub(places);
  const known = ops.minimum(ops.maximum(away, ops.scalar(0, 'int32')), ops.scalar(farthest, 'int32'));
  const rows = positions.shape[0];
  const bias = ops.gather(relative, known.reshape([rows * slots])).reshape([rows, slots, heads]);
  return bias.transpose([0, 2, 1]).reshape([rows, heads, 1, slots]);
}

/**
 * The bucket of each relative position (key − query): small distances have one each, larger ones share
 * buckets of growing widths (T5's rule, from Mesh TensorFlow, in float32 as transformers computes it).
 */
export function relativeBuckets(
  relative: Int32Array,
  { both, buckets, farthest }: Buckets & Pick<Reach, 'both'>,
): Int32Array {
  const perSide = both ? buckets / 2 : buckets;
  const exact = Math.floor(perSide / 2);
  const unit = Math.fround(Math.log(farthest / exact));
  return relative.map((position) => {
    const distance = both ? Math.abs(position) : Math.max(0, -position);
    const side = both && position > 0 ? perSide : 0;
    if (distance < exact) return side + distance;
    const log = Math.fround(Math.log(Math.fround(distance / exact)));
    const grown = Math.fround(Math.fround(log / unit) * (perSide - exact));
    return side + Math.min(exact + Math.trunc(grown), perSide - 1);
  });
}
