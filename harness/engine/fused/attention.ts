/** Attention with its gradient. */
import * as tf from '../tfjs/library.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { fused } from './custom.ts';

/** Sizes of an attention that its operands do not tell. */
export interface AttentionShape {
  /** B, the number of sequences in the batch. */
  readonly batch: number;
  readonly heads: number;
  /** Factor on the products of queries and keys. */
  readonly scale: number;
  /** Bound c of the scaled products z, which become c · tanh(z / c) before the bias; none where absent. */
  readonly softCap?: number | undefined;
  /** Whether nothing is differentiated, so that the CPU's own kernel may compute it. */
  readonly forwardOnly?: boolean;
}

/**
 * Multi-head attention, softmax(scale · Q Kᵀ + bias) V (Vaswani et al., 2017); returns [B·Tq, H·h]. Where
 * there are fewer heads of keys than of queries (G < H), each serves H / G successive heads of queries
 * (Ainslie et al., 2023). A soft cap bounds the products (Gemma Team, 2024).
 *
 * query [B·Tq, H·h]; key and value [B·Tk, G·h]; bias, broadcastable to [B, H, Tq, Tk]: 0 and large negative
 * numbers for a mask; keep [B, H, Tq, Tk]: an inverted dropout mask.
 */
export function attention(
  query: tf.Tensor,
  key: tf.Tensor,
  value: tf.Tensor,
  { batch, heads, scale, softCap, forwardOnly = false }: AttentionShape,
  bias?: tf.Tensor,
  keep?: tf.Tensor,
): tf.Tensor {
  const sizes = sizesOf(query, key, batch, heads);
  const { split, join, splitKey, joinKey, splitAll, joinAll, byQueries, byKeys } = layout(sizes);
  const operands = [query, key, value, ...(bias ? [bias] : []), ...(keep ? [keep] : [])];
  return fused(
    operands,
    {
      forward(g, [query, key, value, ...masks]) {
        if (forwardOnly && !keep && !softCap && g.provider === 'cpu' && !g.halved)
          return { result: inOneNode(g, [query!, key!, value!, ...masks], sizes, scale), saved: [] };
        // Where one product gave all three, its result is transposed as a whole.
        const whole = sizes.each === 1 ? g.wholeOf([query!, key!, value!], 1) : undefined;
        const [q, k, v] = whole
          ? splitAll(g, whole)
          : [split(g, query!), splitKey(g, key!), splitKey(g, value!)];
        const alpha = softCap ? scale / softCap : scale;
        const raw = byQueries(g, g.matmul(q!, k!, { transB: true, alpha }));
        const bent = softCap ? g.unary('Tanh', raw) : undefined;
        const products = bent ? g.mul(bent, g.scalar(softCap!)) : raw;
        const scores = bias ? g.add(products, masks[0]!) : products;
        const p = g.one('Softmax', [scores], scores.shape, 'float32', { axis: -1 });
        const mask = keep ? masks.at(-1)! : undefined;
        const kept = byKeys(g, mask ? g.mul(p, mask) : p);
        const out = g.matmul(kept, v!);
        const saved = [q!, k!, v!, p, kept, out, ...(bent ? [bent] : []), ...(mask ? [mask] : [])];
        return { result: join(g, out), saved };
      },
      // dS = P ∘ (dP − rowsum(dP ∘ P)); with and without dropout this row sum equals dO · O.
      backward(g, [dy, q, k, v, p, kept, out, ...rest]) {
        const bent = softCap ? rest[0] : undefined;
        const mask = keep ? rest.at(-1) : undefined;
        const dout = split(g, dy!);
        const dkept = byQueries(g, g.matmul(dout, v!, { transB: true }));
        const dp = mask ? g.mul(dkept, mask) : dkept;
        const last = out!.shape.length - 1;
        const row = byQueries(g, g.reduce('ReduceSum', g.mul(dout, out!), [last], true));
        const ds = g.mul(p!, g.sub(dp, row));
        const dbias = bias ? sumTo(g, ds, bias.shape) : undefined;
        // dz of c · tanh(z / c) is 1 − tanh².
        const dproducts = byKeys(g, bent ? g.mul(ds, g.sub(g.scalar(1), g.mul(bent, bent))) : ds);
        const dq = g.matmul(dproducts, k!, { alpha: scale });
        const dk = g.matmul(dproducts, q!, { transA: true, alpha: scale });
        const dv = g.matmul(kept!, dout, { transA: true });
        return [
          ...(isPart(q!) ? joinAll(g, [dq, dk, dv]) : [join(g, dq), joinKey(g, dk), joinKey(g, dv)]),
          ...(bias ? [dbias] : []),
          ...(keep ? [undefined] : []),
        ];
      },
    },
    () => composed(query, key, value, { batch, heads, scale, softCap }, bias, keep),
  );
}

/** B, H and G; each, H / G; the numbers Tq of queries and Tk of keys of a sequence; the width h of a head. */
type Sizes = Readonly<Record<'batch' | 'heads' | 'groups' | 'each' | 'tq' | 'tk' | 'h', number>>;

function sizesOf(query: tf.Tensor, key: tf.Tensor, batch: number, heads: number): Sizes {
  const h = query.shape[1]! / heads;
  const groups = key.shape[1]! / h;
  const [tq, tk] = [query.shape[0] / batch, key.shape[0] / batch];
  return { batch, heads, groups, each: heads / groups, tq, tk, h };
}

/** Whether an operand of a product [1, B, H, T, h] was cut from the queries, keys and values of one tensor. */
const isPart = (x: Value): boolean => x.shape.length === 5;

/** Moves between rows of tokens and the operands of products, and between these and scores. */
function layout({ batch, heads, groups, each, tq, tk, h }: Sizes) {
  const byHead = (g: Graph, x: Value, t: number, n: number): Value =>
    g.transpose(g.reshape(x, [batch, t, n, h]), [0, 2, 1, 3]);
  const byToken = (g: Graph, x: Value, t: number, n: number): Value =>
    g.reshape(g.transpose(x, isPart(x) ? [0, 1, 3, 2, 4] : [0, 2, 1, 3]), [batch * t, n * h]);
  return {
    // Heads of queries that share keys are rows of one product: [B, G, H / G · Tq, h].
    split(g: Graph, x: Value): Value {
      if (each === 1) return byHead(g, x, tq, heads);
      const grouped = g.transpose(g.reshape(x, [batch, tq, groups, each, h]), [0, 2, 3, 1, 4]);
      return g.reshape(grouped, [batch, groups, each * tq, h]);
    },
    join(g: Graph, x: Value): Value {
      if (each === 1) return byToken(g, x, tq, heads);
      const rows = g.transpose(g.reshape(x, [batch, groups, each, tq, h]), [0, 3, 1, 2, 4]);
      return g.reshape(rows, [batch * tq, heads * h]);
    },
    splitKey: (g: Graph, x: Value): Value => byHead(g, x, tk, groups),
    joinKey: (g: Graph, x: Value): Value => byToken(g, x, tk, groups),
    // Queries, keys and values of one tensor [B·T, 3·H·h], each [1, B, H, T, h].
    splitAll(g: Graph, x: Value): readonly Value[] {
      const stacked = g.transpose(g.reshape(x, [batch, tq, 3, heads, h]), [2, 0, 3, 1, 4]);
      return g.split(stacked, [1, 1, 1], 0);
    },
    joinAll(g: Graph, parts: readonly Value[]): readonly Value[] {
      const rows = g.transpose(g.concat(parts, 0), [1, 3, 0, 2, 4]);
      const width = heads * h;
      return g.split(g.reshape(rows, [batch * tq, 3 * width]), [width, width, width], 1);
    },
    // Scores by heads of queries, for softmax and masks, and by heads of keys, for products.
    byQueries: (g: Graph, x: Value): Value =>
      each === 1 ? x : g.reshape(x, [batch, heads, tq, x.shape.at(-1)!]),
    byKeys: (g: Graph, x: Value): Value => (each === 1 ? x : g.reshape(x, [batch, groups, each * tq, tk])),
  };
}

/**
 * Attention by ONNX's own operation, which splits the heads itself. onnxruntime has it for the CPU; it keeps the
 * scores of all heads in memory.
 */
function inOneNode(
  g: Graph,
  [query, key, value, bias]: readonly Value[],
  { batch, heads, groups, tq, tk, h }: Sizes,
  scale: number,
): Value {
  const keys = [batch, tk, groups * h];
  const operands = [
    g.reshape(query!, [batch, tq, heads * h]),
    g.reshape(key!, keys),
    g.reshape(value!, keys),
    ...(bias ? [bias] : []),
  ];
  const attributes = { q_num_heads: heads, kv_num_heads: groups, scale: { float: scale } };
  const mixed = g.one('Attention', operands, [batch, tq, heads * h], 'float32', attributes);
  return g.reshape(mixed, [batch * tq, heads * h]);
}

/** The same attention as a composition of tfjs's operations. */
function composed(
  ...[query, key, value, { batch, heads, scale, softCap }, bias, keep]: Parameters<typeof attention>
): tf.Tensor {
  const width = query.shape[1]!;
  const headsOf = (x: tf.Tensor): tf.Tensor =>
    x.reshape([batch, x.shape[0] / batch, -1, width / heads]).transpose([0, 2, 1, 3]);
  // Each head of keys, once for every head of queries that it serves.
  const repeated = (x: tf.Tensor): tf.Tensor => {
    const keys = headsOf(x);
    const each = heads / keys.shape[1]!;
    if (each === 1) return keys;
    const copies = keys.expandDims(2).mul(tf.ones([1, 1, each, 1, 1]));
    return copies.reshape([batch, heads, ...keys.shape.slice(2)]);
  };
  const raw = tf.matMul(headsOf(query), repeated(key), false, true).mul(scale);
  const products = softCap ? tf.tanh(raw.div(softCap)).mul(softCap) : raw;
  const p = tf.softmax(bias ? products.add(bias) : products);
  const out = tf.matMul(keep ? p.mul(keep) : p, repeated(value));
  return out.transpose([0, 2, 1, 3]).reshape([query.shape[0], width]);
}

/** Sums a gradient over the dimensions that were broadcast, to the operand's shape. */
function sumTo(g: Graph, x: Value, shape: readonly number[]): Value {
  const lead = x.shape.length - shape.length;
  const axes = x.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return g.reshape(g.reduce('ReduceSum', x, axes, true), shape);
}
