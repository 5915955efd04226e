/**
 * The loss of language models, fused with the head that gives the logits. The forward pass writes no tensor
 * of size [M, V] but the logits and their softmax p, and the backward pass none: dh = w ∘ (p W − (1 − ε) W[t]
 * − ε mean(W)). In half precision p W and W[t], nearly equal where the model is right, would leave nothing
 * but rounding in their difference; there, and where logits are capped, the logits' gradient is computed and
 * multiplied. Where the head is frozen, large logits are never whole: rows go by chunks, each to its losses
 * and its part of dh / w at once.
 */
import * as tf from '../tfjs/library.ts';
import { evenParts } from '../../support/numbers/arithmetic.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { zeroFrom } from '../graph/packed-weights.ts';
import { fused } from './custom.ts';

/** What the losses of rows are computed from. */
interface Prediction {
  /** [M, d] */
  readonly h: Value;
  /** [V, d] */
  readonly W: Value;
  /** [M] int32 */
  readonly targets: Value;
  /** [1, V] */
  readonly bias?: Value | undefined;
}

/** How rows are scored. */
interface Scoring {
  readonly smoothing: number;
  readonly softCap: number | undefined;
}

/** The losses of rows, and what their gradient is computed from. */
interface Scored {
  /** The logits [M, V] and their softmax. */
  readonly logits: Value;
  readonly p: Value;
  /** tanh of raw logits, where they are capped. */
  readonly bent: Value | undefined;
  /** [M] */
  readonly losses: Value;
}

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
  const scoring = { smoothing, softCap };
  /** The gradients of targets, weights and bias. */
  const none = new Array<undefined>(bias ? 3 : 2).fill(undefined);
  const hasGradient = tf.engine().state.gradientDepth > 0;
  return fused(
    [h, W, targets, weights, ...(bias ? [bias] : [])],
    {
      forward(g, [h, W, targets, weights, bias]) {
        const prediction = { h: h!, W: W!, targets: targets!, bias };
        const chunks = chunksOf(g, prediction);
        if (chunks.length > 1) {
          const { losses, dh } = scoreInChunks(g, prediction, scoring, chunks, hasGradient);
          return { result: weightedSum(g, losses, weights!), saved: [weights!, ...(dh ? [dh] : [])] };
        }
        const { logits, p, bent, losses } = score(g, prediction, scoring);
        g.keptBetweenRuns.add(logits).add(p);
        const saved = [weights!, h!, W!, targets!, p, ...(bent ? [bent] : [])];
        return { result: weightedSum(g, losses, weights!), saved };
      },
      backward(g, [dy, weights, ...saved]) {
        const scale = g.reshape(g.mul(weights!, dy!), [weights!.shape[0]!, 1]);
        if (saved.length === 1) return [g.mul(saved[0]!, scale), undefined, ...none];
        const [h, W, targets, p, bent] = saved as [Value, Value, Value, Value, Value | undefined];
        const slope = slopeOf(g, { h, W, targets }, { p, bent }, smoothing);
        const dh = g.mul(gradientOfRows(g, { h, W, targets }, slope, smoothing), scale);
        const dW = gradientOfHead(g, { h, W, targets }, slope, smoothing, scale);
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

/** Σ wᵢ · lossᵢ []. */
const weightedSum = (g: Graph, losses: Value, weights: Value): Value =>
  g.reduce('ReduceSum', g.mul(losses, weights), [0], false);

/** Computes the losses of rows. */
function score(g: Graph, { h, W, targets, bias }: Prediction, { smoothing, softCap }: Scoring): Scored {
  const product = g.gemm(h, W, { transB: true });
  const raw = bias ? g.add(product, bias) : product;
  const bent = softCap ? g.unary('Tanh', g.mul(raw, g.scalar(1 / softCap))) : undefined;
  const logits = bent ? g.mul(bent, g.scalar(softCap!)) : raw;
  const p = g.one('Softmax', [logits], logits.shape, 'float32', { axis: -1 });
  const logSum = logSumExp(g, logits, p);
  const index = g.reshape(targets, [h.shape[0]!, 1]);
  const found = g.one('GatherElements', [logits, index], index.shape, 'float32', { axis: 1 });
  const hit = g.reshape(found, targets.shape);
  const mean = (): Value => g.reduce('ReduceMean', logits, [1], false);
  return { logits, p, bent, losses: g.sub(logSum, smoothed(g, hit, mean, smoothing)) };
}

/** What gradients are computed from: the softmax, and where that is not enough the logits' own gradient. */
interface Slope {
  /** [M, V] */
  readonly p: Value;
  /** [M, V], of each row's loss with respect to its raw logits */
  readonly dlogits: Value | undefined;
}

function slopeOf(
  g: Graph,
  { h, W, targets }: Prediction,
  { p, bent }: Pick<Scored, 'p' | 'bent'>,
  smoothing: number,
): Slope {
  if (!g.halved && !bent) return { p, dlogits: undefined };
  const [rows, vocabulary] = [h.shape[0]!, W.shape[0]!];
  const hit = g.filled(smoothing - 1, [rows, 1]);
  const spread = smoothing ? g.sub(p, g.scalar(smoothing / vocabulary)) : p;
  const capped = g.scatterAdd(spread, g.reshape(targets, [rows, 1]), hit, 1);
  return { p, dlogits: bent ? g.mul(capped, g.sub(g.scalar(1), g.mul(bent, bent))) : capped };
}

/** The gradient [M, d] of each row's loss, not weighted. */
function gradientOfRows(
  g: Graph,
  { h, W, targets }: Prediction,
  { p, dlogits }: Slope,
  smoothing: number,
): Value {
  if (dlogits) return g.gemm(dlogits, W);
  const aimed = g.one('Gather', [W, targets], h.shape, 'float32', { axis: 0 });
  const pull = smoothed(g, aimed, () => g.reduce('ReduceMean', W, [0], true), smoothing);
  return g.sub(g.gemm(p, W), pull);
}

/** The gradient [V, d] of the losses, weighted by `scale` [M, 1]. */
function gradientOfHead(
  g: Graph,
  { h, W, targets }: Prediction,
  { p, dlogits }: Slope,
  smoothing: number,
  scale: Value,
): Value {
  const weighted = g.mul(h, scale);
  if (dlogits) return g.gemm(dlogits, weighted, { transA: true });
  const vocabulary = W.shape[0]!;
  const pushed = g.gemm(p, weighted, { transA: true });
  const hits = g.mul(weighted, g.scalar(smoothing - 1));
  const spread = smoothing
    ? g.sub(pushed, g.mul(g.reduce('ReduceSum', weighted, [0], true), g.scalar(smoothing / vocabulary)))
    : pushed;
  return g.add(spread, g.scatterRows(hits, targets, vocabulary));
}

/** Logits of a chunk take at most so many bytes, or those of `LEAST_ROWS` rows. */
const CHUNK = 64 * 2 ** 20;
/** Chunks of 128 rows made loss and head a third slower, chunks of 256 a tenth (one thread, 49,152 words). */
const LEAST_ROWS = 256;

/** The most rows of logits that are there at once where the head is frozen, on the CPU. */
export const rowsOfChunk = (vocabulary: number): number =>
  Math.max(LEAST_ROWS, Math.floor(CHUNK / (4 * vocabulary)));

/** The counts of rows that are scored together: of all, or of chunks where that saves memory and no time. */
function chunksOf({ forCores }: Graph, { h, W }: Prediction): number[] {
  const rows = h.shape[0]!;
  // A trained head would need the sum of its gradients over chunks, as large as itself.
  if (!forCores || !W.isFrozen) return [rows];
  return evenParts(rows, Math.ceil(rows / rowsOfChunk(W.shape[0]!)));
}

/** The losses [M] and, where it is wanted, their gradient [M, d], by chunks of so many rows. */
function scoreInChunks(
  g: Graph,
  { h, ...others }: Prediction,
  scoring: Scoring,
  chunks: readonly number[],
  hasGradient: boolean,
): { losses: Value; dh: Value | undefined } {
  const parts = g.split(others.targets, chunks, 0);
  const losses: Value[] = [];
  const gradients: Value[] = [];
  let before: Value[] = [];
  g.split(h, chunks, 0).forEach((rows, i) => {
    // onnxruntime computes early whatever it can: a chunk has to depend on the results of the one before.
    const later = before.reduce((x, when) => g.add(x, g.cast(zeroFrom(g, when), 'float32')), rows);
    const prediction = { ...others, h: later, targets: parts[i]! };
    const scored = score(g, prediction, scoring);
    losses.push(scored.losses);
    before = [g.reshape(scored.losses, [chunks[i]!, 1])];
    if (!hasGradient) return;
    const slope = slopeOf(g, prediction, scored, scoring.smoothing);
    const gradient = gradientOfRows(g, prediction, slope, scoring.smoothing);
    gradients.push(gradient);
    before.push(gradient);
  });
  return { losses: g.concat(losses, 0), dh: hasGradient ? g.concat(gradients, 0) : undefined };
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
