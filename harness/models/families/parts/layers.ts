/**
 * The steps that the families' forward passes are made of: modules with a method's edits applied, the layout
 * of packed tokens for attention, and attention itself. Every step is a pure function of tensors. A module's
 * `…At` function is the only place where a method acts on it, so a family must not read a site's weights in
 * any other way.
 */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
import type {
  DecoderBatch,
  EncoderBatch,
  ModelTensors,
  OutputRows,
  Past,
  PrefixStates,
} from '../../architecture.ts';
import { type Site, weightName } from '../../edits.ts';

/** Stands for minus infinity in attention scores; finite, so that a row that sees nothing gives no NaN. */
export const MASKED = -1e9;

/**
 * A linear module under a method's edits: x [N, in] → [N, out]. `transposed` says that W is stored [out, in].
 */
export function linearAt(model: ModelTensors, site: Site, transposed: boolean, x: Tensor): Tensor {
  const W = model.weight(`${site.name}.weight`);
  const b = site.bias ? model.weight(`${site.name}.bias`) : undefined;
  const edit = model.edits.linear?.(site, {
    get W() {
      return ops.unpacked(W, x);
    },
    ...(b && { b }),
    product: (input) => ops.linear(input, W, undefined, transposed),
  });
  const input = edit?.input ? edit.input(x) : x;
  const y = ops.linear(input, W, b, transposed);
  return edit?.output ? edit.output(y, input) : y;
}

/** The rows of an embedding under a method's edits: ids [N] → [N, d]. */
export function embeddingAt(model: ModelTensors, site: Site, ids: Tensor): Tensor {
  const table = model.weight(weightName(site));
  const rows = ops.gather(table, ids);
  return model.edits.embedding?.(site, table)?.(rows, ids) ?? rows;
}

/** Successive rows of an embedding under a method's edits, [count, d]. */
export function embeddingRowsAt(model: ModelTensors, site: Site, first: number, count: number): Tensor {
  const table = model.weight(weightName(site));
  const rows = ops.slice(table, [first, 0], [count, site.outputs]);
  const edit = model.edits.embedding?.(site, table);
  if (!edit) return rows;
  const ids = Int32Array.from({ length: count }, (_, i) => first + i);
  return edit(rows, ops.tensor(ids, [count], 'int32'));
}

/** A layer normalisation, or one by the root mean square, whose weight may have an offset. */
export type NormKind =
  | { readonly kind: 'layer'; readonly epsilon: number }
  | { readonly kind: 'rms'; readonly epsilon: number; readonly offset?: number };

/** A norm of either kind under a method's edits, over the last dimension of x. */
export const normAt = (model: ModelTensors, site: Site, norm: NormKind, x: Tensor): Tensor =>
  norm.kind === 'layer'
    ? layerNormAt(model, site, norm.epsilon, x)
    : rmsNormAt(model, site, norm.epsilon, x, norm.offset);

/** A layer normalisation under a method's edits, [N, d], with or without a bias. */
export function layerNormAt(model: ModelTensors, site: Site, epsilon: number, x: Tensor): Tensor {
  const bias = site.bias ? model.weight(`${site.name}.bias`) : ops.zeros([site.outputs]);
  const y = ops.layerNorm(x, model.weight(`${site.name}.weight`), bias, epsilon);
  return model.edits.norm ? model.edits.norm(y, site) : y;
}

/** A root mean square normalisation under a method's edits, [N, d]; `offset` is added to the weight. */
export function rmsNormAt(
  model: ModelTensors,
  site: Site,
  epsilon: number,
  x: Tensor,
  offset?: number,
): Tensor {
  const weight = model.weight(`${site.name}.weight`);
  const y = ops.rmsNorm(x, offset ? weight.add(offset) : weight, epsilon);
  return model.edits.norm ? model.edits.norm(y, site) : y;
}

/**
 * Applies a method's edit to a sublayer's output y [N, d], before dropout and residual; x [N, d] is its
 * input.
 */
export function sublayerAt(model: ModelTensors, site: Site, y: Tensor, x: Tensor): Tensor {
  const edit = model.edits.sublayer?.(site);
  return edit?.output ? edit.output(y, x) : y;
}

/**
 * Applies a method's edit to a block's output [N, d]; a training step may recompute the next block from
 * there.
 */
export function blockAt(model: ModelTensors, site: Site, x: Tensor): Tensor {
  const y = model.edits.block ? model.edits.block(x, site) : x;
  ops.boundary(y);
  return y;
}

/** The base's own dropout; `name` selects the random stream of its mask. */
export function dropoutAt(model: ModelTensors, x: Tensor, rate: number, name: string): Tensor {
  return model.dropout ? model.context.dropout(x, rate, name) : x;
}

/** The mask of the base's own dropout; undefined where nothing is dropped. */
export function dropoutMaskAt(
  model: ModelTensors,
  shape: number[],
  rate: number,
  name: string,
): Tensor | undefined {
  return model.dropout ? model.context.dropoutMask(shape, rate, name) : undefined;
}

/** Lays packed tokens out for attention: [N, d] → [B·T, d]. */
export function toSlots({ packing }: Pick<EncoderBatch, 'packing'>, x: Tensor): Tensor {
  return packing ? ops.selectRows(x, packing.slotTokens, packing.tokenPlaces) : x;
}

/** The inverse of `toSlots`: [B·T, d] → [N, d]. */
export function toTokens({ packing }: Pick<EncoderBatch, 'packing'>, x: Tensor): Tensor {
  return packing ? ops.selectRows(x, packing.tokenSlots, packing.slotPlaces) : x;
}

/**
 * Selects the output rows of N tokens and drops the l rows of virtual tokens after them: [N + l, d] → [R, d].
 */
export function selectOutputRows({ rows, places }: OutputRows, x: Tensor): Tensor {
  const [count, width] = [places.shape[0], x.shape[1]!];
  return ops.selectRows(x.shape[0] > count ? ops.slice(x, [0, 0], [count, width]) : x, rows, places);
}

/** How many sequences there are, and how their tokens are packed. */
type Layout = Pick<EncoderBatch, 'batch' | 'packing'>;

/**
 * Lays an encoder's rows out for attention, l virtual tokens first in each sequence: [N + B·l, ·] → [B·(l +
 * T), ·].
 */
export function encoderSlots(layout: Layout, rows: Tensor, virtual: number): Tensor {
  if (virtual === 0) return toSlots(layout, rows);
  const { batch } = layout;
  const width = rows.shape[1]!;
  const [tokens, virtualRows] = splitRows(rows, batch * virtual);
  const bySequence = (x: Tensor): Tensor => x.reshape([batch, -1, width]);
  const all = [bySequence(virtualRows!), bySequence(toSlots(layout, tokens))];
  return ops.concat(all, 1).reshape([-1, width]);
}

/** The inverse of `encoderSlots`: [B·(l + T), ·] → [N + B·l, ·]. */
export function encoderTokens(layout: Layout, slots: Tensor, virtual: number): Tensor {
  if (virtual === 0) return toTokens(layout, slots);
  const width = slots.shape[1]!;
  const bySequence = slots.reshape([layout.batch, -1, width]);
  const sizes = [virtual, bySequence.shape[1]! - virtual];
  const [virtualRows, tokens] = ops.split(bySequence, sizes, 1) as [Tensor, Tensor];
  return ops.concat([toTokens(layout, tokens.reshape([-1, width])), virtualRows.reshape([-1, width])], 0);
}

/**
 * Splits off the last `count` rows: [N + count, d] → [N, d] and [count, d]; the second is absent where count
 * is 0.
 */
export function splitRows(x: Tensor, count: number): readonly [Tensor, Tensor?] {
  return count > 0 ? (ops.split(x, [x.shape[0] - count, count], 0) as [Tensor, Tensor]) : [x];
}

/**
 * Repeats rows once for each sequence, [l, d] → [B, l, d]; a product with ones, whose gradient is a plain
 * sum.
 */
export function repeatRows(rows: Tensor, batch: number): Tensor {
  return ops.ones([batch, 1, 1]).mul(ops.expandDims(rows, 0));
}

/** Puts the rows of a prefix [l, d] before those of each sequence: [B·T, d] → [B·(l + T), d]. */
export function prependRows(prefix: Tensor, own: Tensor, batch: number): Tensor {
  const [length, width] = [own.shape[0] / batch, own.shape[1]!];
  const all = ops.concat([repeatRows(prefix, batch), own.reshape([batch, length, width])], 1);
  return all.reshape([-1, width]);
}

/** Lets every query see `count` more keys before the others: a bias [B, ·, ·, T] → [B, ·, ·, count + T]. */
export function prependVisible(bias: Tensor, count: number): Tensor {
  return count > 0 ? ops.concat([ops.zeros([...bias.shape.slice(0, 3), count]), bias], 3) : bias;
}

/** [1, 1, T, T]: 0 up to the own position, MASKED beyond it. */
export function causalBias(length: number): Tensor {
  const data = new Float32Array(length * length);
  for (let row = 0; row < length; row++) data.fill(MASKED, row * length + row + 1, (row + 1) * length);
  return ops.tensor(data, [1, 1, length, length]);
}

/**
 * Query, key and value, [N + l, ·] each: side by side in one tensor where one module makes all three, or one
 * by one.
 */
export type QueryKeyValue = readonly [Tensor] | readonly [Tensor, Tensor, Tensor];

/** Bounds numbers smoothly: c · tanh(x / c) (Gemma Team, 2024). */
export const capSoftly = (x: Tensor, cap: number): Tensor => x.div(cap).tanh().mul(cap);

/** Query, key and value one by one. */
export function separate(parts: readonly Tensor[]): [Tensor, Tensor, Tensor] {
  return (parts.length === 1 ? ops.split(parts[0]!, 3, 1) : parts) as [Tensor, Tensor, Tensor];
}

/** What a decoder's self-attention over packed tokens depends on. */
export interface AttendOptions {
  readonly heads: number;
  readonly scale: number;
  /** Bound of the scaled products of queries and keys, c · tanh(z / c); none where absent. */
  readonly softCap?: number | undefined;
  /** Of the scores of prefix, virtual tokens and sequence, broadcastable to [B, H, T, l + T]. */
  readonly bias: Tensor;
  /** Of the scores of virtual tokens to the prefix and each other [1, 1, l, p + l]; causal where absent. */
  readonly virtualBias?: Tensor;
  /** The pieces that attention is computed in; all at once where absent. */
  readonly pieces?: readonly AttentionPiece[] | undefined;
  /** Rows of virtual tokens after the N of the batch. */
  readonly virtual: number;
  /** A method's prefix, or a beginning that is computed already. */
  readonly prefix: PrefixStates | undefined;
  /** The base's dropout mask of the probabilities; undefined where nothing is dropped. */
  keep(shape: number[], name: string): Tensor | undefined;
}

/**
 * Self-attention of a batch's tokens, and of the virtual tokens after them, to one another and to a prefix →
 * mixed [N + l, H·h], the tokens' keys and values, and the states of prefix and virtual tokens together.
 * Virtual tokens see no token of a sequence, so that one copy of them serves all sequences. Keys and values
 * may have fewer heads than queries.
 */
export function attendTokens(
  batch: DecoderBatch,
  queryKeyValue: QueryKeyValue,
  { heads, scale, softCap, bias, virtualBias, pieces, virtual, prefix, keep }: AttendOptions,
): { mixed: Tensor; key: Tensor; value: Tensor; prefix: PrefixStates | undefined } {
  const attend = (
    sequences: number,
    [query, key, value]: readonly [Tensor, Tensor, Tensor],
    before: PrefixStates | undefined,
    bias: Tensor,
    maskName: string,
    pieces?: readonly AttentionPiece[],
  ): Tensor => {
    const [length, prefixLength] = [query.shape[0] / sequences, before?.key.shape[0] ?? 0];
    const keys = before ? prependRows(before.key, key, sequences) : key;
    const values = before ? prependRows(before.value, value, sequences) : value;
    const mask = keep([sequences, heads, length, prefixLength + length], maskName);
    const shape = { batch: sequences, heads, scale, softCap };
    return pieces && !mask
      ? attendInPieces([query, keys, values], shape, pieces)
      : ops.attention(query, keys, values, shape, bias, mask);
  };
  const parts = queryKeyValue.map((x) => splitRows(x, virtual));
  const own = separate(parts.map(([tokens]) => toSlots(batch, tokens)));
  let before = prefix;
  let mixedVirtual: Tensor | undefined;
  if (virtual > 0) {
    const states = separate(parts.map(([, virtualRows]) => virtualRows!));
    const [, key, value] = states;
    const ofVirtual = virtualBias ?? prependVisible(causalBias(virtual), prefix?.key.shape[0] ?? 0);
    mixedVirtual = attend(1, states, prefix, ofVirtual, '.virtual');
    before = prefix
      ? { key: ops.concat([prefix.key, key], 0), value: ops.concat([prefix.value, value], 0) }
      : { key, value };
  }
  const mixed = toTokens(batch, attend(batch.batch, own, before, bias, '', pieces));
  return {
    mixed: mixedVirtual ? ops.concat([mixed, mixedVirtual], 0) : mixed,
    key: own[1],
    value: own[2],
    prefix: before,
  };
}

/** Successive queries of successive sequences, which attend at once to what stands before the last of them. */
export interface AttentionPiece {
  readonly firstSequence: number;
  readonly sequences: number;
  readonly firstQuery: number;
  readonly queries: number;
  readonly keys: number;
  /** [1 or sequences, 1, queries, keys] */
  readonly bias: Tensor;
}

/**
 * Cuts attention with a bias [1 or B, 1, T, l + T] into pieces of at most `most` queries of a sequence, so that
 * scores stay small and no query meets the keys after its piece. Shorter sequences are one piece together.
 */
export function attentionPieces(bias: Tensor, batch: number, most: number): AttentionPiece[] {
  const [each, , length, keys] = bias.shape as [number, number, number, number];
  const together = length > most ? 1 : batch;
  const pieces: AttentionPiece[] = [];
  for (let firstSequence = 0; firstSequence < batch; firstSequence += together) {
    const sequences = Math.min(together, batch - firstSequence);
    for (let firstQuery = 0; firstQuery < length; firstQuery += most) {
      const queries = Math.min(most, length - firstQuery);
      const seen = keys - length + firstQuery + queries;
      const [first, count] = each > 1 ? [firstSequence, sequences] : [0, 1];
      const own = ops.slice(bias, [first, 0, firstQuery, 0], [count, 1, queries, seen]);
      pieces.push({ firstSequence, sequences, firstQuery, queries, keys: seen, bias: own });
    }
  }
  return pieces;
}

/** Attention piece by piece; operands and result are those of ops.attention. */
function attendInPieces(
  [query, keys, values]: readonly [Tensor, Tensor, Tensor],
  { batch, ...shape }: ops.AttentionShape,
  pieces: readonly AttentionPiece[],
): Tensor {
  if (pieces.length === 1)
    return ops.attention(query, keys, values, { batch, ...shape, forwardOnly: true }, pieces[0]!.bias);
  const bySequence = (x: Tensor): Tensor => x.reshape([batch, -1, x.shape[1]!]);
  const [q, k, v] = [bySequence(query), bySequence(keys), bySequence(values)];
  const mixed = pieces.map(({ firstSequence, sequences, firstQuery, queries, keys, bias }) => {
    const part = (x: Tensor, from: number, count: number): Tensor =>
      ops
        .slice(x, [firstSequence, from, 0], [sequences, count, x.shape[2]!])
        .reshape([sequences * count, x.shape[2]!]);
    const operands = [part(q, firstQuery, queries), part(k, 0, keys), part(v, 0, keys)] as const;
    return ops.attention(...operands, { ...shape, batch: sequences, forwardOnly: true }, bias);
  });
  // A piece is some queries of one sequence, or all queries of some: either way rows follow each other.
  return ops.concat(mixed, 0);
}

/**
 * Self-attention of one new token a sequence to the key-value cache and to itself: query [B, H·h], key and
 * value [B, ·] of as many heads or fewer → [B, H·h]. The cache is only read: the scores of the past and of
 * the token itself are computed separately and meet in one softmax.
 */
export function attendPast(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { past, layer, heads, scale, softCap }: { past: Past; layer: number } & Omit<ops.AttentionShape, 'batch'>,
): Tensor {
  const [batch, width] = query.shape as [number, number];
  const headWidth = width / heads;
  // Queries that share a key are rows of one product.
  const keyHeads = key.shape[1]! / headWidth;
  const byHead = (x: Tensor): Tensor => x.reshape([batch, keyHeads, -1, headWidth]);
  const [q, k, v] = [byHead(query).mul(scale), byHead(key), byHead(value)];
  const capped = (scores: Tensor): Tensor => (softCap ? capSoftly(scores, softCap) : scores);
  const scoresOf = (queries: Tensor, { keys, bias }: Past): Tensor =>
    capped(ops.matMul(queries, keys[layer]!, false, true)).add(bias);
  const pastScores = scoresOf(q, past);
  const ownScore = capped(q.mul(k).sum(-1, true));
  const mixOf = (pastShare: Tensor, ownShare: Tensor): Tensor =>
    ops.matMul(pastShare, past.values[layer]!).add(v.mul(ownShare));
  const slots = pastScores.shape[3]!;
  const { prompt } = past;
  if (!prompt) {
    const p = ops.softmax(ops.concat([pastScores, ownScore], 3));
    const [pastShare, ownShare] = ops.split(p, [slots, 1], 3) as [Tensor, Tensor];
    return mixOf(pastShare, ownShare).reshape([batch, width]);
  }
  const { join, part } = byPrompt(prompt.keys[layer]!.shape[0], q.shape);
  const promptScores = part(scoresOf(join(q), prompt));
  const p = ops.softmax(ops.concat([promptScores, pastScores, ownScore], 3));
  const sizes = [promptScores.shape[3]!, slots, 1];
  const [promptShare, pastShare, ownShare] = ops.split(p, sizes, 3) as [Tensor, Tensor, Tensor];
  const ofPrompt = part(ops.matMul(join(promptShare), prompt.values[layer]!));
  return ofPrompt.add(mixOf(pastShare, ownShare)).reshape([batch, width]);
}

/**
 * Joins the rows of the sequences of each of G prompts to rows of one product, [B, H, T, n] →
 * [G, H, B / G · T, n], and parts them again. B, H and T are those of `shape`.
 */
function byPrompt(prompts: number, [batch, heads, length]: readonly number[]) {
  const each = batch! / prompts;
  return {
    join: (x: Tensor): Tensor =>
      x
        .reshape([prompts, each, heads!, length!, -1])
        .transpose([0, 2, 1, 3, 4])
        .reshape([prompts, heads!, each * length!, -1]),
    part: (x: Tensor): Tensor =>
      x
        .reshape([prompts, heads!, each, length!, -1])
        .transpose([0, 2, 1, 3, 4])
        .reshape([batch!, heads!, length!, -1]),
  };
}
