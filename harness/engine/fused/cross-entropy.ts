/**
 * The loss of language models, fused with the head that gives the logits. The forward pass writes no tensor
 * of size [M, V] but the logits and their softmax p, and the backward pass none: dh = w ∘ (p W − (1 − ε) W[t]
 * − ε mean(W)). In half precision p W and W[t], nearly equal where the model is right, would leave nothing
 * but rounding in their difference; there, and where logits are capped, the logits' gradient is computed and
 * multiplied.
 */
import * as tf from '../tfjs/library.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { fused } from './custom.ts';

/**
 * The language-model head and its loss in one, Σᵢ wᵢ · CE(hᵢ Wᵀ, tᵢ) []: h [M, d], W [V, d], targets [M]
 * int32, weights [M]. Label smoothing ε spreads ε of each target evenly over the vocabulary. A bias [1, V] is added to
 * the logits and gets no gradient; a soft cap c makes logits z to c · tanh(z / c) (Gemma Team, 2024).
 */
export function headCrossEntropy(
  h: tf.Tensor,
  W: tf.Tensor,
  targets: tf.Tensor,
  weights: tf.Tensor,
  smoothing: number,
  { bias, cap: softCap }: { readonly bias?: tf.Tensor | undefined; readonly cap?: number | undefined } = {},
): tf.Tensor {
  const [rows, vocabulary] = [h.shape[0], W.shape[0]];
  /** The gradients of targets, weights and bias. */
  const none = new Array<undefined>(bias ? 3 : 2).fill(undefined);
  return fused(
    [h, W, targets, weights, ...(bias ? [bias] : [])],
    {
      forward(g, [h, W, targets, weights, bias]) {
        const product = g.gemm(h!, W!, { transB: true });
        const raw = bias ? g.add(product, bias) : product;
        const bent = softCap ? g.unary('Tanh', g.mul(raw, g.scalar(1 / softCap))) : undefined;
        const logits = bent ? g.mul(bent, g.scalar(softCap!)) : raw;
        const p = g.one('Softmax', [logits], logits.shape, 'float32', { axis: -1 });
        g.keptBetweenRuns.add(logits).add(p);
        const logSum = logSumExp(g, logits, p);
        const index = g.reshape(targets!, [rows, 1]);
        const hit = g.reshape(g.one('GatherElements', [logits, index], [rows, 1], 'float32', { axis: 1 }), [
          rows,
        ]);
        const mean = (): Value => g.reduce('ReduceMean', logits, [1], false);
        const aim = smoothed(g, hit, mean, smoothing);
        const loss = g.reduce('ReduceSum', g.mul(g.sub(logSum, aim), weights!), [0], false);
        return { result: loss, saved: [h!, W!, targets!, weights!, p, ...(bent ? [bent] : [])] };
      },
      backward(g, [dy, h, W, targets, weights, p, bent]) {
        const scale = g.reshape(g.mul(weights!, dy!), [rows, 1]);
        if (g.halved || bent) {
          const hit = g.constant(new Float32Array(rows).fill(smoothing - 1), [rows, 1], 'float32');
          const spread = smoothing ? g.sub(p!, g.scalar(smoothing / vocabulary)) : p!;
          const capped = g.scatterAdd(spread, g.reshape(targets!, [rows, 1]), hit, 1);
          const dlogits = bent ? g.mul(capped, g.sub(g.scalar(1), g.mul(bent, bent))) : capped;
          const dW = g.gemm(dlogits, g.mul(h!, scale), { transA: true });
          return [g.mul(g.gemm(dlogits, W!), scale), dW, ...none];
        }
        const aimed = g.one('Gather', [W!, targets!], h!.shape, 'float32', { axis: 0 });
        const pull = smoothed(g, aimed, () => g.reduce('ReduceMean', W!, [0], true), smoothing);
        const dh = g.mul(g.sub(g.gemm(p!, W!), pull), scale);
        const weighted = g.mul(h!, scale);
        const pushed = g.gemm(p!, weighted, { transA: true });
        const hits = g.mul(weighted, g.scalar(smoothing - 1));
        const spread = smoothing
          ? g.sub(pushed, g.mul(g.reduce('ReduceSum', weighted, [0], true), g.scalar(smoothing / vocabulary)))
          : pushed;
        const dW = g.add(spread, g.scatterRows(hits, targets!, vocabulary));
        return [dh, dW, ...none];
      },
    },
    () => composed({ h, W, targets, weights, bias }, smoothing, softCap),
  );
}

/** The loss by tfjs's own operations. */
function composed(
  x: Readonly<Record<'h' | 'W' | 'targets' | 'weights', tf.Tensor>> & {
    readonly bias: tf.Tensor | undefined;
  },
  smoothing: number,
  softCap: number | undefined,
): tf.Tensor {
  const product = tf.matMul(x.h, x.W, false, true);
  const raw = x.bias ? product.add(x.bias) : product;
  const logp = tf.logSoftmax(softCap ? tf.tanh(raw.div(softCap)).mul(softCap) : raw);
  const hit = logp.mul(tf.oneHot(x.targets as tf.Tensor1D, x.W.shape[0])).sum(1);
  const loss = hit.mul(smoothing - 1).sub(logp.mean(1).mul(smoothing));
  return loss.mul(x.weights).sum();
}

/**
 * log Σ exp of each row of logits, whose softmax is p: max(l) − log(max(p)), for the largest probability never
 * vanishes, so that its logarithm is finite.
 */
function logSumExp(g: Graph, logits: Value, p: Value): Value {
  const top = g.reduce('ReduceMax', logits, [1], false);
  const finite = g.sub(top, g.unary('Log', g.reduce('ReduceMax', p, [1], false)));
  if (g.provider === 'cpu') return finite;
  // Softmax of a row with a NaN is NaN on the CPU, but zeros on WebGPU: there 0 · Σ logits carries the NaN on.
  const zeroOrNaN = g.mul(g.reduce('ReduceSum', logits, [1], false), g.scalar(0));
  return g.add(finite, zeroOrNaN);
}

/** (1 − ε) · target + ε · mean: the target itself where nothing is smoothed. */
function smoothed(g: Graph, target: Value, mean: () => Value, smoothing: number): Value {
  if (smoothing === 0) return target;
  return g.add(g.mul(target, g.scalar(1 - smoothing)), g.mul(mean(), g.scalar(smoothing)));
}
