/**
 * Estimates the memory of a training step's activations. plan-run.ts cuts micro-batches that fit by it;
 * runs/memory tells it before anything runs. The factors were measured on GPT-2s and Llamas of 8 and 24
 * layers under LoRA, and are at most a quarter too large there.
 */
import { rowsOfChunk } from '../../engine/ops.ts';
import type { Architecture } from '../../models/architecture.ts';

/** Vectors of the model's width that a token keeps in each layer until the backward pass. */
const KEPT = 20;
/** The same where the backward pass computes them again from the layer's input (`--recompute`). */
const KEPT_TO_RECOMPUTE = 6;
/** Rows of attention that each head keeps for a token, in a layer. */
const ATTENTION = 1.2;
/** Vectors of the width outside the layers, and copies of a target's logits. */
const OUTSIDE = 25;
const LOGITS = 3;

/** The sizes of a base on which the memory of activations depends. */
type Sizes = Pick<Architecture, 'layers' | 'width' | 'heads' | 'vocabulary' | 'kind'>;

/** How activations are kept. */
export interface ActivationCase {
  /** The tokens of a sequence. */
  readonly length: number;
  readonly recompute: boolean;
  /** Whether nothing of the head is trained; its logits then are never whole (engine/fused/cross-entropy.ts). */
  readonly isHeadFrozen: boolean;
}

/** What memory the activations of a micro-batch may take, in bytes, and how they are kept. */
export interface ActivationLimit extends Omit<ActivationCase, 'length'> {
  readonly bytes: number;
}

/** Bytes of the activations of a training step on so many tokens, all of them targets. */
export function activationBytes(sizes: Sizes, tokens: number, how: ActivationCase): number {
  const { token, logits, rows } = partsOf(sizes, how);
  return tokens * token + Math.min(tokens, rows) * logits;
}

/** The most tokens of a micro-batch whose activations fit; at least one. */
export function tokensThatFit(sizes: Sizes, bytes: number, how: ActivationCase): number {
  const { token, logits, rows } = partsOf(sizes, how);
  const few = Math.floor(bytes / (token + logits));
  return Math.max(1, few < rows ? few : Math.floor((bytes - rows * logits) / token));
}

/** Bytes of a token and of a target's logits, and the most rows of logits that are there at once. */
function partsOf(
  { layers, width, heads, vocabulary, kind }: Sizes,
  { length, recompute, isHeadFrozen }: ActivationCase,
): { token: number; logits: number; rows: number } {
  const layer = KEPT * width + ATTENTION * heads * length;
  const kept = recompute ? layers * KEPT_TO_RECOMPUTE * width + layer : layers * layer;
  return {
    token: 4 * (kept + OUTSIDE * width),
    logits: kind === 'encoder' ? 0 : 4 * LOGITS * vocabulary,
    rows: isHeadFrozen ? rowsOfChunk(vocabulary) : Infinity,
  };
}
