import * as tf from '../tfjs/library.ts';
import type { Value } from '../graph/node.ts';
import { fused } from './custom.ts';

/**
 * The language-model head and its loss in one: Σᵢ wᵢ · CE(hᵢ Wᵀ, tᵢ), a scalar, with h [M, d], W [V, d], targets [M]
 * (int32) and weights [M]. Label smoothing ε spreads ε of each target evenly over the vocabulary. Nothing of size
 * [M, V] but the probabilities is made: dh = w ∘ (p W − (1 − ε) W[t] − ε mean(W)). In half precision p W and W[t], nearly equal
 * where the model is right, would leave nothing but rounding; there the logits' gradient itself is multiplied.
 */
export function headCrossEntropy(
  h: tf.Tensor,
  W: tf.Tensor,
  targets: tf.Tensor,
  weights: tf.Tensor,
  smoothing: number,
): tf.Tensor {
  const [rows, vocabulary] = [h.shape[0], W.shape[0]];
  return fused(
    [h, W, targets, weights],
    {
      forward(g, [h, W, targets, weights]) {
        const logits = g.gemm(h!, W!, { transB: true });
        const p = g.one('Softmax', [logits], logits.shape, 'float32', { axis: -1 });
        g.keptBetweenRuns.add(logits).add(p);
        // log Σ exp = max(l) − log(max(p)), which never takes the logarithm of a vanishing number.
        const top = g.reduce('ReduceMax', logits, [1], false);
        const found = g.sub(top, g.unary('Log', g.reduce('ReduceMax', p, [1], false)));
        // Of a NaN the CPU's softmax makes a row of NaN, WebGPU's one of zeros, which a sum tells from numbers.
        const nothing = (): Value => g.mul(g.reduce('ReduceSum', logits, [1], false), g.scalar(0));
        const logSum = g.provider === 'cpu' ? found : g.add(found, nothing());
        const index = g.reshape(targets!, [rows, 1]);
        const hit = g.reshape(g.one('GatherElements', [logits, index], [rows, 1], 'float32', { axis: 1 }), [
          rows,
        ]);
        const aim = smoothing
          ? g.add(
              g.mul(hit, g.scalar(1 - smoothing)),
              g.mul(g.reduce('ReduceMean', logits, [1], false), g.scalar(smoothing)),
            )
          : hit;
        const loss = g.reduce('ReduceSum', g.mul(g.sub(logSum, aim), weights!), [0], false);
        return { result: loss, saved: [h!, W!, targets!, weights!, p] };
      },
      backward(g, [dy, h, W, targets, weights, p]) {
        const scale = g.reshape(g.mul(weights!, dy!), [rows, 1]);
        if (g.halved) {
          const hit = g.constant(new Float32Array(rows).fill(smoothing - 1), [rows, 1], 'float32');
          const spread = smoothing ? g.sub(p!, g.scalar(smoothing / vocabulary)) : p!;
          const dlogits = g.scatterAdd(spread, g.reshape(targets!, [rows, 1]), hit, 1);
          const dW = g.gemm(dlogits, g.mul(h!, scale), { transA: true });
          return [g.mul(g.gemm(dlogits, W!), scale), dW, undefined, undefined];
        }
        const aimed = g.one('Gather', [W!, targets!], h!.shape, 'float32', { axis: 0 });
        const pull = smoothing
          ? g.add(
              g.mul(aimed, g.scalar(1 - smoothing)),
              g.mul(g.reduce('ReduceMean', W!, [0], true), g.scalar(smoothing)),
            )
          : aimed;
        const dh = g.mul(g.sub(g.gemm(p!, W!), pull), scale);
        const weighted = g.mul(h!, scale);
        const pushed = g.gemm(p!, weighted, { transA: true });
        const hits = g.mul(weighted, g.scalar(smoothing - 1));
        const spread = smoothing
          ? g.sub(pushed, g.mul(g.reduce('ReduceSum', weighted, [0], true), g.scalar(smoothing / vocabulary)))
          : pushed;
        const dW = g.add(spread, g.scatterRows(hits, targets!, vocabulary));
        return [dh, dW, undefined, undefined];
      },
    },
    () => {
      const logp = tf.logSoftmax(tf.matMul(h, W, false, true));
      const hit = logp.mul(tf.oneHot(targets as tf.Tensor1D, vocabulary)).sum(1);
      const loss = hit.mul(smoothing - 1).sub(logp.mean(1).mul(smoothing));
      return loss.mul(weights).sum();
    },
  );
}
