import * as tf from '@tensorflow/tfjs';
import type { Graph, Value } from '../graph.ts';
import { fused } from './custom.ts';

export interface AttentionShape {
  /** B: sequences in the batch; the other sizes follow from the operands. */
  readonly batch: number;
  readonly heads: number;
  /** Factor on the products of queries and keys. */
  readonly scale: number;
}

/**
 * Multi-head attention, softmax(scale · Q Kᵀ + bias) V (Vaswani et al., 2017). query [B·Tq, H·h], key and value
 * [B·Tk, H·h], bias broadcastable to [B, H, Tq, Tk] (0 and large negative numbers for a mask), keep an inverted dropout
 * mask [B, H, Tq, Tk]; returns [B·Tq, H·h].
 */
export function attention(
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
  { batch, heads, scale }: AttentionShape,
  bias?: tf.Tensor,
  keep?: tf.Tensor,
): tf.Tensor {
  const width = query.shape[1]!;
  const [tq, tk, h] = [query.shape[0] / batch, key.shape[0] / batch, width / heads];
  const split = (g: Graph, x: Value, t: number): Value =>
    g.transpose(g.reshape(x, [batch, t, heads, h]), [0, 2, 1, 3]);
  const join = (g: Graph, x: Value, t: number): Value =>
    g.reshape(g.transpose(x, [0, 2, 1, 3]), [batch * t, width]);
  const operands = [query, key, value, ...(bias ? [bias] : []), ...(keep ? [keep] : [])];
  return fused(
    operands,
    {
      forward(g, [query, key, value, ...rest]) {
        const [q, k, v] = [split(g, query!, tq), split(g, key!, tk), split(g, value!, tk)];
        const products = g.matmul(q, k, { transB: true, alpha: scale });
        const scores = bias ? g.add(products, rest[0]!) : products;
        const p = g.one('Softmax', [scores], scores.shape, 'float32', { axis: -1 });
        const mask = keep ? rest.at(-1)! : undefined;
        const kept = mask ? g.mul(p, mask) : p;
        const out = g.matmul(kept, v);
        return { result: join(g, out, tq), saved: [q, k, v, p, kept, out, ...(mask ? [mask] : [])] };
      },
      // dS = P ∘ (dP − rowsum(dP ∘ P)), and that row sum is dO · O, dropout or not.
      backward(g, [dy, q, k, v, p, kept, out, mask]) {
        const dout = split(g, dy!, tq);
        const dkept = g.matmul(dout, v!, { transB: true });
        const dp = mask ? g.mul(dkept, mask) : dkept;
        const row = g.reduce('ReduceSum', g.mul(dout, out!), [3], true);
        const ds = g.mul(p!, g.sub(dp, row));
        const dbias = bias ? sumTo(g, ds, bias.shape) : undefined;
        return [
          join(g, g.matmul(ds, k!, { alpha: scale }), tq),
          join(g, g.matmul(ds, q!, { transA: true, alpha: scale }), tk),
          join(g, g.matmul(kept!, dout, { transA: true }), tk),
          ...(bias ? [dbias] : []),
          ...(keep ? [undefined] : []),
        ];
      },
    },
    () => {
      const part = (x: tf.Tensor, t: number): tf.Tensor =>
        x.reshape([batch, t, heads, h]).transpose([0, 2, 1, 3]);
      const products = tf.matMul(part(query, tq), part(key, tk), false, true).mul(scale);
      const p = tf.softmax(bias ? products.add(bias) : products);
      const out = tf.matMul(keep ? p.mul(keep) : p, part(value, tk));
      return out.transpose([0, 2, 1, 3]).reshape([batch * tq, width]);
    },
  );
}

/** Sums a gradient down to the shape that was broadcast. */
function sumTo(g: Graph, x: Value, shape: readonly number[]): Value {
  const lead = x.shape.length - shape.length;
  const axes = x.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return g.reshape(g.reduce('ReduceSum', x, axes, true), shape);
}
