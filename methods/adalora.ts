/**
 * AdaLoRA (Zhang et al. 2023) as Hugging Face peft defines it: y = W x + (α / r) B (A ⊙ E) x with singular
 * values E. While training, the least important of them over all modules are set to 0, on a schedule from r
 * to a target rank a module on average: modules that need more keep more. It costs more than LoRA a step, and
 * needs a run long enough to rank them.
 */
import { z } from 'zod';
import {
  adaloraTargets,
  concat,
  constantTensor,
  defineMethod,
  type Delta,
  editLinears,
  gather,
  layerList,
  linearTargets,
  matMul,
  mergeAt,
  normalTensor,
  split,
  targetList,
  tensor,
  type Tensor,
  type Tensors,
  tensorsAt,
  trainWhole,
  wholeModules,
} from '../harness/method.ts';

const share = z.number().min(0).default(0);
const decay = z.number().min(0).lt(1).default(0.85);
const options = z.strictObject({
  rank: z.int().positive().default(12).describe('r at the start, rows of A and columns of B'),
  targetRank: z.int().positive().default(8).describe('kept a module, on average'),
  alpha: z
    .number()
    .positive()
    .default(8)
    .describe('numerator of the scale alpha / r; r stays that of the start'),
  dropout: z.number().min(0).lt(1).default(0).describe('on the input of A while training'),
  initialSteps: share.describe('before ranks fall; below 1 a share of all steps'),
  finalSteps: share.describe('after the ranks are fixed; below 1 a share of all steps'),
  every: z.int().positive().default(1).describe('steps between two allocations'),
  beta1: decay.describe('decay of the sensitivity'),
  beta2: decay.describe('decay of its uncertainty'),
  orthogonality: z.number().min(0).default(0.5).describe('weight of the penalty ‖A Aᵀ − I‖ and ‖Bᵀ B − I‖'),
  targets: targetList
    .optional()
    .describe(
      "linear modules by role or by the end of their names; peft's choice for the family where absent",
    ),
  layers: layerList,
  whole: wholeModules,
});

export default defineMethod({
  name: 'adalora',
  label: 'AdaLoRA',
  paper: 'Zhang et al. 2023, arXiv:2303.10512',
  formula: 'y = W x + (α / r) P Λ Q x, the least important of Λ set to 0',
  options,
  defaults: { learningRate: 2e-3 },
  attach(base, given) {
    const { rank, targetRank, alpha, dropout, orthogonality } = given;
    if (targetRank > rank) {
      throw new RangeError(`AdaLoRA's target rank ${targetRank} is above its rank ${rank}`);
    }
    const targets = given.targets ?? adaloraTargets(base.family);
    const sites = linearTargets(base, { ...given, targets });
    const scale = alpha / (rank + 1e-5);
    const trained = tensorsAt(sites, ({ inputs, outputs }) => ({
      lora_A: normalTensor([rank, inputs], 0.02),
      lora_E: constantTensor([rank, 1], 0),
      lora_B: normalTensor([outputs, rank], 0.02),
    }));
    const averages = Object.entries(trained).flatMap(([name, { shape }]) => [
      [`${name}.sensitivity`, constantTensor(shape, 0)] as const,
      [`${name}.uncertainty`, constantTensor(shape, 0)] as const,
    ]);
    const delta: Delta = {
      trained,
      state: { dropped: constantTensor([sites.length * rank], 0), ...Object.fromEntries(averages) },
      edits: (x, context) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const dropped = context.dropout(input, dropout, `${site.name}.lora_dropout`);
          const low = matMul(dropped, own('lora_A').mul(own('lora_E')), false, true);
          return y.add(matMul(low, own('lora_B'), false, true).mul(scale));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          low() {
            const E = own('lora_E');
            const down = own('lora_A').map((a, i) => a * E[Math.floor(i / site.inputs)]!);
            return { up: own('lora_B').map((b) => b * scale), down };
          },
        })),
      penalty(x) {
        const one = identity(rank);
        const distance = (square: Tensor): Tensor => square.sub(one).square().sum().sqrt();
        const distances = sites.flatMap(({ name }) => {
          const [A, B] = [x[`${name}.lora_A`]!, x[`${name}.lora_B`]!];
          return [distance(matMul(A, A, false, true)), distance(matMul(B, B, true, false))];
        });
        return distances.reduce((sum, one) => sum.add(one)).mul(orthogonality / distances.length);
      },
      update: (x, gradients, progress) =>
        allocate(
          given,
          sites.map(({ name }) => name),
          x,
          gradients,
          progress,
        ),
      // The E of a module that keeps no rank ends at 0, where it began.
      putsBack(name, x) {
        const i = sites.findIndex((site) => name === `${site.name}.lora_E`);
        return i >= 0 && x.dropped!.subarray(i * rank, (i + 1) * rank).every((is) => is === 1);
      },
    };
    return trainWhole(delta, base, given.whole, sites);
  },
});

/**
 * Follows the importance of every singular value and sets the least important to 0, after an optimiser's
 * step.
 */
function allocate(
  given: z.infer<typeof options>,
  modules: readonly string[],
  x: Tensors,
  gradients: Tensors,
  { step, totalSteps }: { readonly step: Tensor; readonly totalSteps: number },
): Tensors {
  const { rank, beta1, beta2 } = given;
  const all = modules.length * rank;
  const { counts, end } = schedule(given, modules.length, totalSteps);
  const learns = step.add(1).less(end).cast('float32');
  const changed: Record<string, Tensor> = {};
  /** An average that moves towards its new value by 1 − beta, until the ranks are fixed. */
  const smooth = (average: Tensor, value: Tensor, beta: number): Tensor =>
    average.add(
      value
        .sub(average)
        .mul(learns)
        .mul(1 - beta),
    );
  /** The smoothed sensitivity |x · gradient| of each element times its smoothed uncertainty. */
  const scoreOf = (name: string): Tensor => {
    const [s, u] = [`${name}.sensitivity`, `${name}.uncertainty`];
    const now = x[name]!.mul(gradients[name]!).abs();
    const sensitivity = smooth(x[s]!, now, beta1);
    const uncertainty = smooth(x[u]!, now.sub(sensitivity).abs(), beta2);
    changed[s] = sensitivity;
    changed[u] = uncertainty;
    return sensitivity.mul(uncertainty);
  };
  const scores = concat(
    modules.map((name) => {
      const [A, B, E] = [scoreOf(`${name}.lora_A`), scoreOf(`${name}.lora_B`), scoreOf(`${name}.lora_E`)];
      return E.reshape([rank]).add(A.mean(1)).add(B.mean(0));
    }),
  );
  // How many score less: below the number to drop exactly where the score is at most that of the last one
  // dropped.
  const less = scores
    .reshape([all, 1])
    .greater(scores.reshape([1, all]))
    .cast('float32')
    .sum(1);
  const count = gather(tensor(counts, [counts.length]), step.add(1).cast('int32'));
  const allocated = less.less(count).cast('float32');
  const fixed = step.add(1).greater(end).cast('float32');
  const dropped = x.dropped!.mul(fixed).add(allocated.mul(fixed.neg().add(1)));
  changed.dropped = dropped;
  const byModule = split(dropped, modules.length);
  modules.forEach((name, i) => {
    changed[`${name}.lora_E`] = x[`${name}.lora_E`]!.mul(byModule[i]!.neg().add(1).reshape([rank, 1]));
  });
  return changed;
}

/** How many singular values are dropped after each step, counted from 1, and the step that fixes which. */
function schedule(
  { rank, targetRank, initialSteps, finalSteps, every }: z.infer<typeof options>,
  modules: number,
  totalSteps: number,
): { counts: Float32Array; end: number } {
  const steps = (n: number): number => Math.floor(n < 1 ? n * totalSteps : n);
  const [start, end] = [steps(initialSteps), totalSteps - steps(finalSteps)];
  if (start >= end) throw new RangeError(`AdaLoRA has no step of ${totalSteps} left to lower ranks in`);
  const counts = Float32Array.from({ length: totalSteps + 1 }, (_, step) => {
    if (step <= start || (step !== end && step % every !== 0)) return 0;
    const left = Math.max(0, 1 - (step - start) / (end - start)) ** 3;
    return modules * rank - Math.floor(modules * (rank - targetRank) * left + modules * targetRank);
  });
  return { counts, end };
}

/** The identity matrix [n, n]. */
function identity(n: number): Tensor {
  const ones = Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  return tensor(ones, [n, n]);
}
