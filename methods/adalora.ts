import { z } from 'zod';
import {
  adaloraTargets,
  concat,
  defineMethod,
  gather,
  layerList,
  linearTargets,
  matMul,
  type Site,
  split,
  targetList,
  tensor,
  type Tensor,
  type TensorSpec,
  sizeOf,
} from '../harness/method.ts';

/**
 * AdaLoRA as Hugging Face peft defines it: W x + alpha / r · B (A ⊙ E) x with singular values E, of which the least
 * important over all modules are set to 0 while training, on a schedule from r to a target rank a module on average.
 */
export default defineMethod({
  name: 'adalora',
  label: 'AdaLoRA',
  paper: 'Zhang et al. 2023, arXiv:2303.10512',
  formula: 'y = W x + (α / r) P Λ Q x, the least important of Λ set to 0',
  options: z.strictObject({
    rank: z.int().positive().default(12).describe('r at the start, rows of A and columns of B'),
    targetRank: z.int().positive().default(8).describe('kept a module, on average'),
    alpha: z
      .number()
      .positive()
      .default(8)
      .describe('numerator of the scale alpha / r; r stays that of the start'),
    dropout: z.number().min(0).lt(1).default(0).describe('on the input of A while training'),
    initialSteps: z.number().min(0).default(0).describe('before ranks fall; below 1 a share of all steps'),
    finalSteps: z
      .number()
      .min(0)
      .default(0)
      .describe('after the ranks are fixed; below 1 a share of all steps'),
    every: z.int().positive().default(1).describe('steps between two allocations'),
    beta1: z.number().min(0).lt(1).default(0.85).describe('decay of the sensitivity'),
    beta2: z.number().min(0).lt(1).default(0.85).describe('decay of its uncertainty'),
    orthogonality: z.number().min(0).default(0.5).describe('weight of the penalty ‖A Aᵀ − I‖ and ‖Bᵀ B − I‖'),
    targets: targetList
      .optional()
      .describe(
        "linear modules by role or by the end of their names; peft's choice for the family where absent",
      ),
    layers: layerList,
  }),
  defaults: { learningRate: 2e-3 },
  attach(base, options) {
    const { rank, targetRank, alpha, dropout, beta1, beta2, orthogonality } = options;
    if (targetRank > rank)
      throw new RangeError(`AdaLoRA's target rank ${targetRank} is above its rank ${rank}`);
    const sites = linearTargets(base, {
      ...options,
      targets: options.targets ?? adaloraTargets[base.family],
    });
    const adapted = new Set(sites.map((s) => s.name));
    const scale = alpha / (rank + 1e-5);
    const [A, B, E] = ['lora_A', 'lora_B', 'lora_E'].map(
      (part) => (site: Site) => `${site.name}.${part}`,
    ) as [Name, Name, Name];
    const normal = (...shape: [number, number]): TensorSpec => ({
      shape,
      init: (random) => random.normal(shape[0] * shape[1], 0, 0.02),
    });
    const zeros = (...shape: number[]): TensorSpec => ({
      shape,
      init: () => new Float32Array(sizeOf(shape)),
    });
    const trained: Record<string, TensorSpec> = {};
    for (const site of sites) {
      trained[A(site)] = normal(rank, site.inputs);
      trained[E(site)] = zeros(rank, 1);
      trained[B(site)] = normal(site.outputs, rank);
    }
    const all = sites.length * rank;
    const state: Record<string, TensorSpec> = { dropped: zeros(all) };
    for (const [name, { shape }] of Object.entries(trained)) {
      state[`${name}.sensitivity`] = zeros(...shape);
      state[`${name}.uncertainty`] = zeros(...shape);
    }
    return {
      trained,
      state,
      edits: (x, context) => ({
        linear: (site) =>
          adapted.has(site.name)
            ? {
                output(y, input) {
                  const dropped = context.dropout(input, dropout, `${site.name}.lora_dropout`);
                  const low = matMul(dropped, x[A(site)]!.mul(x[E(site)]!), false, true);
                  return y.add(matMul(low, x[B(site)]!, false, true).mul(scale));
                },
              }
            : undefined,
      }),
      merge: (x) => (site) => {
        const low = (): { up: Float32Array; down: Float32Array } => {
          const values = x[E(site)]!;
          const down = x[A(site)]!.map((a, i) => a * values[Math.floor(i / site.inputs)]!);
          return { up: x[B(site)]!.map((b) => b * scale), down };
        };
        return adapted.has(site.name) ? [{ low }] : [];
      },
      penalty(x) {
        const one = identity(rank);
        const distance = (square: Tensor): Tensor => square.sub(one).square().sum().sqrt();
        const each = sites.flatMap((site) => [
          distance(matMul(x[A(site)]!, x[A(site)]!, false, true)),
          distance(matMul(x[B(site)]!, x[B(site)]!, true, false)),
        ]);
        return each.reduce((sum, one) => sum.add(one)).mul(orthogonality / each.length);
      },
      update(x, gradients, { step, totalSteps }) {
        const { counts, end } = schedule(options, sites.length, totalSteps);
        const learning = step.add(1).less(end).cast('float32');
        const changed: Record<string, Tensor> = {};
        /** The smoothed sensitivity |x · gradient| of each element times its smoothed uncertainty. */
        const scoreOf = (name: string): Tensor => {
          const [s, u] = [`${name}.sensitivity`, `${name}.uncertainty`];
          const now = x[name]!.mul(gradients[name]!).abs();
          const sensitivity = x[s]!.add(
            now
              .sub(x[s]!)
              .mul(learning)
              .mul(1 - beta1),
          );
          const uncertainty = x[u]!.add(
            now
              .sub(sensitivity)
              .abs()
              .sub(x[u]!)
              .mul(learning)
              .mul(1 - beta2),
          );
          changed[s] = sensitivity;
          changed[u] = uncertainty;
          return sensitivity.mul(uncertainty);
        };
        const scores = concat(
          sites.map((site) => {
            const [a, b, e] = [A, B, E].map((name) => scoreOf(name(site))) as [Tensor, Tensor, Tensor];
            return e.reshape([rank]).add(a.mean(1)).add(b.mean(0));
          }),
        );
        // How many are less important: below the number to drop just where the score is at most the last dropped one's.
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
        const each = split(dropped, sites.length);
        sites.forEach((site, i) => {
          changed[E(site)] = x[E(site)]!.mul(each[i]!.neg().add(1).reshape([rank, 1]));
        });
        return changed;
      },
      // A module that is left without any rank ends at E = 0, where it began.
      putsBack(name, x) {
        const i = sites.findIndex((site) => E(site) === name);
        return i >= 0 && x.dropped!.subarray(i * rank, (i + 1) * rank).every((is) => is === 1);
      },
    };
  },
});

type Name = (site: Site) => string;

/** How many singular values are dropped after each step, counted from 1, and the step that fixes which. */
function schedule(
  {
    rank,
    targetRank,
    initialSteps,
    finalSteps,
    every,
  }: { rank: number; targetRank: number; initialSteps: number; finalSteps: number; every: number },
  modules: number,
  totalSteps: number,
): { counts: Float32Array; end: number } {
  const steps = (n: number): number => Math.floor(n < 1 ? n * totalSteps : n);
  const [start, end] = [steps(initialSteps), totalSteps - steps(finalSteps)];
  if (start >= end) throw new RangeError(`AdaLoRA has no step of ${totalSteps} left to lower ranks in`);
  const counts = Float32Array.from({ length: totalSteps + 1 }, (_, t) => {
    if (t <= start || (t !== end && t % every !== 0)) return 0;
    const left = Math.max(0, 1 - (t - start) / (end - start)) ** 3;
    return modules * rank - Math.floor(modules * (rank - targetRank) * left + modules * targetRank);
  });
  return { counts, end };
}

function identity(n: number): Tensor {
  return tensor(
    Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
    [n, n],
  );
}
