/** Which tokens the layers of a decoder see: all before, or those of a window that slides along. */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
import type { DecoderBatch, Past } from '../../architecture.ts';
import { attentionPieces, causalBias, prependVisible, toSlots, type AttendOptions } from '../parts/layers.ts';
import { countFrom, maskedFrom } from '../parts/distances.ts';

/** The bias of the scores, and the pieces that attention is computed in. */
export type Visible = Pick<AttendOptions, 'bias' | 'virtualBias' | 'pieces'>;

/** A function of a layer's window that makes something once for each window. */
function byWindow<Made>(make: (window: number | undefined) => Made): (window: number | undefined) => Made {
  const made = new Map<number | undefined, Made>();
  return (window) => {
    if (!made.has(window)) made.set(window, make(window));
    return made.get(window)!;
  };
}

/**
 * What the tokens of a batch see in layers of a window, and the virtual ones after them: first a method's prefix
 * and virtual tokens, then their own sequence.
 */
export function visibleIn(
  batch: DecoderBatch,
  { prefixLength, virtual }: { readonly prefixLength: number; readonly virtual: number },
): (window: number | undefined) => Visible {
  const { length, queriesAtOnce } = batch;
  const before = prefixLength + virtual;
  const whole = prependVisible(batch.bias ?? causalBias(length), before);
  const slots = whole.shape[3]!;
  const made = byWindow((window): Visible => {
    const bias = window === undefined ? whole : ops.minimum(whole, windowBias(batch, window, before, slots));
    const pieces = queriesAtOnce && { pieces: attentionPieces(bias, batch.batch, queriesAtOnce) };
    if (window === undefined || virtual === 0) return { bias, ...pieces };
    const causal = prependVisible(causalBias(virtual), prefixLength);
    return { bias, ...pieces, virtualBias: ops.minimum(causal, bandBias(virtual, before, window)) };
  });
  return (window) => made(window !== undefined && window < slots ? window : undefined);
}

/**
 * MASKED where a key stands a window or more before the query, by their positions, [1 or B, 1, T, l + T]; the
 * l slots before the batch's own hold the positions from 0 on.
 */
function windowBias(batch: DecoderBatch, window: number, shift: number, slots: number): Tensor {
  const { length } = batch;
  if (!batch.bias) return bandBias(length, slots, window);
  // Tokens of a tree, or behind padding, do not stand at the positions that their slots count.
  const column = batch.positions.cast('float32').reshape([-1, 1]);
  const own = toSlots(batch, column).add(shift).reshape([batch.batch, 1, length, 1]);
  const ownKeys = own.reshape([batch.batch, 1, 1, length]);
  const before = slots - length;
  if (before === 0) return isFar(own, ownKeys, window);
  const first = ops.ones([batch.batch, 1, 1, 1]).mul(countFrom(0, [1, 1, 1, before]));
  return isFar(own, ops.concat([first, ownKeys], 3), window);
}

/** The same for the last `queries` of so many successive slots, [1, 1, queries, slots]. */
const bandBias = (queries: number, slots: number, window: number): Tensor =>
  isFar(countFrom(slots - queries, [1, 1, queries, 1]), countFrom(0, [1, 1, 1, slots]), window);

/** MASKED where a query stands a window or more behind a key, 0 elsewhere. */
const isFar = (queries: Tensor, keys: Tensor, window: number): Tensor =>
  maskedFrom(queries.sub(keys), window);

/** What one new token a sequence, at `positions` [B], sees of its past in layers of a window. */
export function pastIn(past: Past, positions: Tensor): (window: number | undefined) => Past {
  const slotsOf = ({ keys }: Past): number => keys[0]!.shape[2]!;
  const { prompt } = past;
  const slots = slotsOf(past) + (prompt ? slotsOf(prompt) : 0);
  const cut = (part: Past, at: Tensor, window: number): Past => {
    const places = part.places?.() ?? countFrom(0, [1, 1, 1, slotsOf(part)]);
    const far = isFar(at.cast('float32').reshape([-1, 1, 1, 1]), places, window);
    return { ...part, bias: ops.minimum(part.bias, far) };
  };
  const made = byWindow((window): Past => {
    if (window === undefined) return past;
    const own = cut(past, positions, window);
    if (!prompt) return own;
    // The sequences of a prompt have equally many tokens.
    const firsts = positions.reshape([prompt.keys[0]!.shape[0], -1]);
    const first = ops.slice(firsts, [0, 0], [firsts.shape[0], 1]);
    return { ...own, prompt: cut(prompt, first, window) };
  });
  return (window) => made(window !== undefined && window < slots + 1 ? window : undefined);
}
