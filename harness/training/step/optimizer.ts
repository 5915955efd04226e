/**
 * The optimisers as operations of a program: AdamW as torch and as transformers have it, and SGD. programs.ts
 * builds them in; the rates come from the host, so that one program serves every step.
 */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { TensorTypes } from '../../engine/types.ts';
import type { Tensors } from '../../models/edits.ts';
import type { Pack } from './parameter-packs.ts';
import type { Recipe } from '../recipe.ts';

type Settings = Pick<
  Recipe,
  'optimizer' | 'beta1' | 'beta2' | 'epsilon' | 'biasCorrection' | 'momentum' | 'weightDecay' | 'clip'
>;

/** The kinds of tensors that the optimiser keeps for each pack. */
const moments = (settings: Settings): readonly string[] =>
  settings.optimizer === 'sgd' ? (settings.momentum ? ['momentum'] : []) : ['m', 'v'];

/** Names and types of the optimiser's tensors. */
export function momentTypes(settings: Settings, packs: readonly Pack[]): TensorTypes {
  return Object.fromEntries(
    moments(settings).flatMap((kind) =>
      packs.map(({ name, shape }) => [`${kind}/${name}`, { shape, dtype: 'float32' as const }]),
    ),
  );
}

/** The input with a pack's rates, which packs of equal settings share. */
const ratesOf = ({ decays, rate }: Pack): string => `rates/${decays ? 'decaying' : 'constant'} × ${rate}`;

/**
 * The inputs that the host computes for each step: for each pack [step size, ε, decay before, decay after].
 */
export const rateTypes = (packs: readonly Pack[]): TensorTypes =>
  Object.fromEntries(packs.map((pack) => [ratesOf(pack), { shape: [4], dtype: 'float32' as const }]));

/** The values of `rateTypes` for step `step` (from 1) at a learning rate, computed in double precision. */
export function rates(
  settings: Settings,
  packs: readonly Pack[],
  rate: number,
  step: number,
): Record<string, Float32Array> {
  const { optimizer, beta1, beta2, biasCorrection, weightDecay } = settings;
  const [first, second] = biasCorrection ? [1 - beta1 ** step, 1 - beta2 ** step] : [1, 1];
  const epsilon = settings.epsilon ?? (optimizer === 'adamw-hf' ? 1e-6 : 1e-8);
  // m / first / (√(v / second) + ε) is m · √second / first / (√v + ε √second).
  const correction = Math.sqrt(second) / first;
  return Object.fromEntries(
    packs.map((pack) => {
      const lr = rate * pack.rate;
      const decay = pack.decays ? weightDecay : 0;
      const values =
        optimizer === 'adamw'
          ? [lr * correction, epsilon * Math.sqrt(second), 1 - lr * decay, 1]
          : optimizer === 'adamw-hf'
            ? [lr * correction, epsilon, 1, 1 - lr * decay]
            : [lr, epsilon, decay, 1];
      return [ratesOf(pack), Float32Array.from(values)];
    }),
  );
}

/**
 * One optimiser step on packed tensors. 'adamw' is torch's (Loshchilov and Hutter, 2019): decay first, ε
 * added after the bias correction. 'adamw-hf' is the one that transformers used to ship: ε added before the
 * correction, decay last. 'sgd' is torch's with momentum. Gradients are clipped to a norm as
 * torch.nn.utils.clip_grad_norm_ does.
 */
export function optimize(
  settings: Settings,
  packs: readonly Pack[],
  tensors: Tensors,
  gradients: Tensors,
  state: Tensors,
  inputs: Tensors,
): { tensors: Record<string, Tensor>; state: Record<string, Tensor>; norm: Tensor } {
  const norm = ops.sumOfSquares(...packs.map(({ name }) => gradients[name]!)).sqrt();
  const factor =
    settings.clip > 0 ? ops.minimum(ops.scalar(settings.clip).div(norm.add(1e-6)), 1) : undefined;
  const { beta1, beta2, momentum } = settings;
  const out: Record<string, Tensor> = {};
  const next: Record<string, Tensor> = {};
  const kinds = moments(settings);
  for (const pack of packs) {
    const { name } = pack;
    const [size, epsilon, before, after] = ops
      .split(inputs[ratesOf(pack)]!, 4)
      .map((rate) => rate.reshape([])) as [Tensor, Tensor, Tensor, Tensor];
    const advance = ([p, gradient, ...kept]: Tensor[]): Tensor[] => {
      const g = factor ? gradient!.mul(factor) : gradient!;
      if (settings.optimizer === 'sgd') {
        const pulled = g.add(p!.mul(before));
        const moved = momentum ? kept[0]!.mul(momentum).add(pulled) : pulled;
        return [p!.sub(moved.mul(size)), ...(momentum ? [moved] : [])];
      }
      const m = kept[0]!.mul(beta1).add(g.mul(1 - beta1));
      const v = kept[1]!.mul(beta2).add(g.square().mul(1 - beta2));
      const change = m.div(v.sqrt().add(epsilon)).mul(size);
      const decaying = settings.weightDecay > 0;
      const decayed = decaying && settings.optimizer === 'adamw' ? p!.mul(before) : p!;
      const stepped = decayed.sub(change);
      return [decaying && settings.optimizer === 'adamw-hf' ? stepped.mul(after) : stepped, m, v];
    };
    const whole = [tensors[name]!, gradients[name]!, ...kinds.map((kind) => state[`${kind}/${name}`]!)];
    const [moved, ...kept] = ops.inParts(whole, advance);
    out[name] = moved!;
    kinds.forEach((kind, i) => (next[`${kind}/${name}`] = kept[i]!));
  }
  return { tensors: out, state: next, norm };
}
