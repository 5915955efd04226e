/** What the tokens of an encoder see in layers of local attention. */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
import { MASKED } from '../parts/layers.ts';

/**
 * A bias [B, 1, 1, p + n] of n queries, the last of as many slots, which lets each see the slots at most `reach`
 * away: [B, 1, n, p + n].
 */
export function reachBias(bias: Tensor, reach: number, queries: number): Tensor {
  const slots = bias.shape[3]!;
  const first = slots - queries;
  const far = Float32Array.from({ length: queries * slots }, (_, i) => {
    const away = first + Math.floor(i / slots) - (i % slots);
    return Math.abs(away) > reach ? MASKED : 0;
  });
  return ops.minimum(bias, ops.tensor(far, [1, 1, queries, slots]));
}
