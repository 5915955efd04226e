/**
 * Learning rate schedules. The training loop asks for a step's factor; test/training compares them with
 * transformers.
 */
import type { Recipe } from '../recipe.ts';

/**
 * Factor on the learning rate of step `step` (from 0) of `total`: linear warm-up from 0, then constant,
 * linear to 0 or half a cosine to 0, as transformers' get_…_schedule_with_warmup.
 */
export function learningRateFactor(
  { schedule, warmup }: Pick<Recipe, 'schedule' | 'warmup'>,
  step: number,
  total: number,
): number {
  // A share stays a float, as in the RED authors' code.
  const warm = warmup < 1 ? warmup * total : warmup;
  if (step < warm) return step / Math.max(1, warm);
  if (schedule === 'constant') return 1;
  const remaining = Math.max(1, total - warm);
  if (schedule === 'linear') return Math.max(0, (total - step) / remaining);
  return Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (step - warm)) / remaining)));
}
