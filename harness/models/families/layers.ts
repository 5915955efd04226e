import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type {
  PrefixStates,
  DecoderBatch,
  EncoderBatch,
  ModelTensors,
  Past,
  OutputRows,
} from '../architecture.ts';
import type { Site } from '../edits.ts';

/** Stands for minus infinity in attention scores; finite, so that a row with nothing to see gives no NaN. */
export const MASKED = -1e9;

/** A linear module and what a method does to it: x [N, in] → [N, out]. */
export function linearAt(model: ModelTensors, site: Site, transposed: boolean, x: Tensor): Tensor {
  const W = model.weight(`${site.name}.weight`);
  const b = site.bias ? model.weight(`${site.name}.bias`) : undefined;
  const edit = model.edits.linear?.(site, b ? { W, b } : { W });
  const input = edit?.input ? edit.input(x) : x;
  const y = ops.linear(input, W, b, transposed);
  return edit?.output ? edit.output(y, input) : y;
}

/** A layer normalisation and what a method does to it, [N, d]. */
export function layerNormAt(model: ModelTensors, site: Site, epsilon: number, x: Tensor): Tensor {
  const y = ops.layerNorm(x, model.weight(`${site.name}.weight`), model.weight(`${site.name}.bias`), epsilon);
  return model.edits.norm ? model.edits.norm(y, site) : y;
}

/** A normalisation by the root mean square and what a method does to it, [N, d]. */
export function rmsNormAt(model: ModelTensors, site: Site, epsilon: number, x: Tensor): Tensor {
  const y = ops.rmsNorm(x, model.weight(`${site.name}.weight`), epsilon);
  return model.edits.norm ? model.edits.norm(y, site) : y;
}

/** What a method makes of a sublayer's output, before dropout and residual. */
export function sublayerAt(model: ModelTensors, site: Site, y: Tensor, x: Tensor): Tensor {
  const edit = model.edits.sublayer?.(site);
  return edit?.output ? edit.output(y, x) : y;
}

/** A block's output and what a method does to it, [N, d]; a training step may compute the next block again from there. */
export function blockAt(model: ModelTensors, site: Site, x: Tensor): Tensor {
  const y = model.edits.block ? model.edits.block(x, site) : x;
  ops.boundary(y);
  return y;
}

/** The base's own dropout. */
export function dropoutAt(model: ModelTensors, x: Tensor, rate: number, name: string): Tensor {
  return model.dropout ? model.context.dropout(x, rate, name) : x;
}

/** Lays packed tokens out for attention: [N, d] → [B·T, d]. */
export function toSlots({ packing }: Pick<EncoderBatch, 'packing'>, x: Tensor): Tensor {
  return packing ? ops.selectRows(x, packing.slotTokens, packing.tokenPlaces) : x;
}

/** The way back: [B·T, d] → [N, d]. */
export function toTokens({ packing }: Pick<EncoderBatch, 'packing'>, x: Tensor): Tensor {
  return packing ? ops.selectRows(x, packing.tokenSlots, packing.slotPlaces) : x;
}

/** The wanted of N tokens, without the virtual ones behind these: [N + l, d] → [R, d]. */
export function selectWanted({ rows, places }: OutputRows, x: Tensor): Tensor {
  const [count, width] = [places.shape[0], x.shape[1]!];
  return ops.selectRows(x.shape[0] > count ? ops.slice(x, [0, 0], [count, width]) : x, rows, places);
}

/** Sequences, and how their tokens are packed. */
type Layout = Pick<EncoderBatch, 'batch' | 'packing'>;

/** Lays rows out for attention, l virtual tokens before each sequence: [N + B·l, ·] → [B·(l + T), ·]. */
export function layOut(layout: Layout, rows: Tensor, virtual: number): Tensor {
  if (virtual === 0) return toSlots(layout, rows);
  const { batch } = layout;
  const [own, others] = ops.split(rows, [rows.shape[0] - batch * virtual, batch * virtual], 0) as [Tensor, Tensor]; // prettier-ignore
  const width = rows.shape[1]!;
  const each = (x: Tensor): Tensor => x.reshape([batch, -1, width]);
  return ops.concat([each(others), each(toSlots(layout, own))], 1).reshape([-1, width]);
}

/** The way back: [B·(l + T), ·] → [N + B·l, ·]. */
export function takeBack(layout: Layout, slots: Tensor, virtual: number): Tensor {
  if (virtual === 0) return toTokens(layout, slots);
  const width = slots.shape[1]!;
  const each = slots.reshape([layout.batch, -1, width]);
  const [others, own] = ops.split(each, [virtual, each.shape[1]! - virtual], 1) as [Tensor, Tensor];
  return ops.concat([toTokens(layout, own.reshape([-1, width])), others.reshape([-1, width])], 0);
}

/** [1, 1, T, T]: 0 up to the own position, MASKED beyond it. */
export function causalBias(length: number): Tensor {
  const data = new Float32Array(length * length);
  for (let row = 0; row < length; row++) data.fill(MASKED, row * length + row + 1, (row + 1) * length);
  return ops.tensor(data, [1, 1, length, length]);
}

/** What a self-attention over tokens end to end depends on. */
export interface AttendOptions {
  readonly heads: number;
  readonly scale: number;
  /** As DecoderBatch's, not absent. */
  readonly bias: Tensor;
  /** Rows of virtual tokens behind the N of the batch. */
  readonly virtual: number;
  readonly prefix: PrefixStates | undefined;
  /** Bias of the scores of what stands ahead, broadcastable to [B, H, T, l]; 0 where absent. */
  readonly prefixBias?: Tensor;
  /** The base's dropout of the probabilities. */
  keep(shape: number[], name: string): Tensor | undefined;
}

/** Query, key and value, [N + l, ·] each: side by side where one module makes all three, or one by one. */
export type QueryKeyValue = readonly [Tensor] | readonly [Tensor, Tensor, Tensor];

/**
 * Attention of a batch's tokens, and of virtual ones behind them, to one another and to a prefix → mixed [N + l, H·h];
 * the keys and values of the tokens and what stands ahead of them. Virtual tokens see no sequence's own, so that one copy
 * of them serves all. Keys and values may have fewer heads than queries.
 */
export function attendTokens(
  batch: DecoderBatch,
  queryKeyValue: QueryKeyValue,
  { heads, scale, bias, virtual, prefix, prefixBias, keep }: AttendOptions,
): { mixed: Tensor; key: Tensor; value: Tensor; prefix: PrefixStates | undefined } {
  const rows = queryKeyValue[0].shape[0];
  const cut = queryKeyValue.map((x) => (virtual > 0 ? ops.split(x, [rows - virtual, virtual], 0) : [x]));
  const apart = (parts: readonly Tensor[]): [Tensor, Tensor, Tensor] =>
    (parts.length === 1 ? ops.split(parts[0]!, 3, 1) : parts) as [Tensor, Tensor, Tensor];
  const [q, k, v] = apart(cut.map(([own]) => toSlots(batch, own!)));
  const attend = (
    query: Tensor,
    own: PrefixStates,
    prefixes: PrefixStates | undefined,
    bias: Tensor,
    count: number,
    name: string,
  ): Tensor => {
    const [length, before] = [query.shape[0] / count, prefixes?.key.shape[0] ?? 0];
    return ops.attention(
      query,
      prefixes ? putAhead(prefixes.key, own.key, count) : own.key,
      prefixes ? putAhead(prefixes.value, own.value, count) : own.value,
      { batch: count, heads, scale },
      before > 0 ? ops.concat([prefixBias ?? ops.zeros([...bias.shape.slice(0, 3), before]), bias], 3) : bias, // prettier-ignore
      keep([count, heads, length, before + length], name),
    );
  };
  let prefixes = prefix;
  let mixedVirtual: Tensor | undefined;
  if (virtual > 0) {
    const [query, key, value] = apart(cut.map(([, others]) => others!));
    mixedVirtual = attend(query, { key, value }, prefix, causalBias(virtual), 1, '.virtual');
    prefixes = prefix
      ? { key: ops.concat([prefix.key, key], 0), value: ops.concat([prefix.value, value], 0) }
      : { key, value };
  }
  const mixed = toTokens(batch, attend(q, { key: k, value: v }, prefixes, bias, batch.batch, ''));
  return {
    mixed: mixedVirtual ? ops.concat([mixed, mixedVirtual], 0) : mixed,
    key: k,
    value: v,
    prefix: prefixes,
  };
}

/** Puts the rows of `ahead` [l, d] before those of each sequence: [B·T, d] → [B·(l + T), d]. */
export function putAhead(prefixes: Tensor, own: Tensor, batch: number): Tensor {
  const [length, width] = [own.shape[0] / batch, own.shape[1]!];
  // A product with ones repeats the rows; its gradient is a plain sum.
  const repeated = ops.ones([batch, 1, 1]).mul(ops.expandDims(prefixes, 0));
  const all = ops.concat([repeated, own.reshape([batch, length, width])], 1);
  return all.reshape([-1, width]);
}

/**
 * Attention of one new token a sequence to itself and to the cache: query [B, H·h], key and value [B, ·] of as many heads
 * or fewer → [B, H·h]. The cache is only read: scores of the past and of the token itself are computed apart and meet in
 * one softmax.
 */
export function attendPast(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { past, layer, heads, scale }: { past: Past; layer: number; heads: number; scale: number },
): Tensor {
  const [batch, width] = query.shape as [number, number];
  const headWidth = width / heads;
  // Queries that share keys are rows of one product.
  const keyHeads = key.shape[1]! / headWidth;
  const part = (x: Tensor): Tensor => x.reshape([batch, keyHeads, -1, headWidth]);
  const [q, k, v] = [part(query).mul(scale), part(key), part(value)];
  const before = ops.matMul(q, past.keys[layer]!, false, true).add(past.bias);
  const own = q.mul(k).sum(-1, true);
  const p = ops.softmax(ops.concat([before, own], 3));
  const slots = before.shape[3]!;
  const [pBefore, pOwn] = ops.split(p, [slots, 1], 3) as [Tensor, Tensor];
  return ops.matMul(pBefore, past.values[layer]!).add(v.mul(pOwn)).reshape([batch, width]);
}
