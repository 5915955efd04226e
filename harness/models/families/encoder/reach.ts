/** What the tokens of an encoder see in layers of local attention. */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
import { countFrom, maskedFrom } from '../parts/distances.ts';

/**
 * A bias [B, 1, 1, p + n] of n queries, the last of as many slots, which lets each see the slots at most `reach`
 * away: [B, 1, n, p + n].
 */
export function reachBias(bias: Tensor, reach: number, queries: number): Tensor {
  const slots = bias.shape[3]!;
  const own = countFrom(slots - queries, [1, 1, queries, 1]);
  const away = own.sub(countFrom(0, [1, 1, 1, slots])).abs();
  return ops.minimum(bias, maskedFrom(away, reach + 1));
}
