/**
 * Disentangled attention (He et al., 2021): the part of the scores in which contents meet relative positions, as
 * transformers' DebertaV2 computes it.
 */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
import type { DisentangledPositions } from './parts.ts';

/** The table of relative positions as keys and as queries, [2 · span, H·h] each. */
interface PositionTables {
  readonly key: Tensor | undefined;
  readonly query: Tensor | undefined;
}

/**
 * The scores [B, H, n, p + n] between n queries [B·n, H·h] and the positions of keys relative to them, and between
 * the p + n keys [B·(p + n), H·h] and the positions of queries; p slots stand before the first query.
 */
export function positionScores(
  [query, keys]: readonly [Tensor, Tensor],
  tables: PositionTables,
  { batch, heads, scale }: ops.AttentionShape,
  { span, buckets }: Pick<DisentangledPositions, 'span' | 'buckets'>,
): Tensor {
  const [n, m] = [query.shape[0] / batch, keys.shape[0] / batch];
  /** The products of contents with all relative positions, laid out by query and key. */
  const meet = (contents: Tensor, table: Tensor, away: (column: number) => number): Tensor => {
    const [rows, columns] = contents === query ? [n, m] : [m, n];
    const h = contents.shape[1]! / heads;
    const index = relativeRows(
      Int32Array.from({ length: n + m - 1 }, (_, column) => away(column)),
      span,
      buckets,
    );
    const positions = ops.gather(table, ops.tensor(index, [index.length], 'int32'));
    const byHead = positions.reshape([index.length, heads, h]).transpose([1, 0, 2]);
    const own = contents.reshape([batch * rows, heads, h]).transpose([1, 0, 2]);
    const products = ops.matMul(own, byHead, false, true).reshape([heads * batch, rows, index.length]);
    return skewed(products, columns).reshape([heads, batch, rows, columns]).mul(scale);
  };
  const { key, query: asking } = tables;
  const parts = [
    ...(key ? [meet(query, key, (column) => m - 1 - column).transpose([1, 0, 2, 3])] : []),
    ...(asking ? [meet(keys, asking, (column) => column - (n - 1)).transpose([1, 0, 3, 2])] : []),
  ];
  return parts.length === 2 ? parts[0]!.add(parts[1]!) : parts[0]!;
}

/**
 * Lays products [G, n, n + m − 1] with relative positions out by place: row i of the result [G, n, m] begins at
 * column n − 1 − i of row i.
 */
function skewed(products: Tensor, m: number): Tensor {
  const [groups, n, columns] = products.shape as [number, number, number];
  if (n === 1) return products;
  // In rows that are one shorter, each begins one further back.
  const flat = ops.slice(products.reshape([groups, n * columns]), [0, n - 1], [groups, n * (columns - 1)]);
  return ops.slice(flat.reshape([groups, n, columns - 1]), [0, 0, 0], [groups, n, m]);
}

/**
 * The rows of the table for distances (query − key): near ones have one each, farther ones share rows of growing
 * widths (make_log_bucket_position of transformers, in float32).
 */
export function relativeRows(
  distances: Int32Array,
  span: number,
  buckets: DisentangledPositions['buckets'],
): Int32Array {
  return distances.map((distance) => {
    const row = span + (buckets ? bucketOf(distance, buckets) : distance);
    return Math.min(Math.max(row, 0), 2 * span - 1);
  });
}

function bucketOf(
  distance: number,
  { count, farthest }: NonNullable<DisentangledPositions['buckets']>,
): number {
  const { fround, log, abs } = Math;
  const middle = Math.floor(count / 2);
  const away = abs(distance);
  if (away <= middle) return distance;
  const unit = fround(log(fround((farthest - 1) / middle)));
  const grown = fround(fround(fround(log(fround(away / middle))) / unit) * (middle - 1));
  return Math.sign(distance) * (Math.ceil(grown) + middle);
}
