/** Cross entropy of scores, for the objectives of classes and of texts. */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { OutputHead } from '../../models/delta/forward.ts';

/** −Σ q log softmax(logits), where q is the one-hot label, smoothed over all C classes: [N, C] → [N]. */
export function crossEntropy(logits: Tensor, labels: Tensor, smoothing: number): Tensor {
  const logp = ops.logSoftmax(logits);
  const hit = logp.mul(ops.oneHot(labels, logits.shape[1]!)).sum(1);
  return smoothing > 0 ? hit.mul(smoothing - 1).sub(logp.mean(1).mul(smoothing)) : hit.neg();
}

/** Σᵢ wᵢ · CE of the head's scores of states [M, d] against tokens [M], []; fused where nothing edits the head. */
export function tokenLoss(
  head: OutputHead,
  hidden: Tensor,
  targets: { readonly ids: Tensor; readonly weights: Tensor },
  smoothing: number,
): Tensor {
  const { ids, weights } = targets;
  return head.isEdited
    ? crossEntropy(head.scores(hidden), ids, smoothing).mul(weights).sum()
    : ops.headCrossEntropy(hidden, head.weight, ids, weights, smoothing, head);
}
