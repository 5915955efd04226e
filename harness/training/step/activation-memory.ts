/**
 * Estimates the memory of a training step's activations. plan-run.ts cuts micro-batches that fit by it;
 * runs/memory tells it before anything runs. The factors were measured on GPT-2s and Llamas of 8 and 24
 * layers under LoRA, and are at most a quarter too large there.
 */
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

/** What memory the activations of a micro-batch may take, in bytes, and how they are kept. */
export interface ActivationLimit {
  readonly bytes: number;
  readonly recompute: boolean;
}

/** Bytes of a token's activations in a training step, in sequences of `length` tokens. */
export function activationBytes(
  { layers, width, heads, vocabulary, kind }: Sizes,
  length: number,
  recompute: boolean,
): number {
  const [attention, logits] = [ATTENTION * heads * length, kind === 'encoder' ? 0 : LOGITS * vocabulary];
  const layer = KEPT * width + attention;
  const kept = recompute ? layers * KEPT_TO_RECOMPUTE * width + layer : layers * layer;
  return 4 * (kept + OUTSIDE * width + logits);
}

/** The most tokens of a micro-batch whose activations fit, in sequences of `length` tokens; at least one. */
export function tokensThatFit(sizes: Sizes, length: number, { bytes, recompute }: ActivationLimit): number {
  return Math.max(1, Math.floor(bytes / activationBytes(sizes, length, recompute)));
}
