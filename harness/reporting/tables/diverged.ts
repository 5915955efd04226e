// Whether a run that finished has learnt nothing but noise: its training loss ended above where it began.
import type { Step } from '../../records/step-log.ts';

/** A seed whose training loss ended above where it began. */
export interface Diverged {
  readonly seed: number;
  /** The loss of the first step, before anything was learnt. */
  readonly began: number;
  /** The mean of the last tenth of the steps, of five at least. */
  readonly ended: number;
}

/** So much above the first step's loss is more than the noise of a batch. */
const margin = 1.1;

/**
 * Where a run's training loss began and ended, if that is above; undefined where it is not, or the log is too
 * short to tell.
 */
export function divergence(steps: readonly Step[]): Omit<Diverged, 'seed'> | undefined {
  const finite = steps.flatMap(({ loss }) => loss ?? []);
  const [began, ...after] = finite;
  const last = after.slice(-Math.max(5, Math.ceil(finite.length / 10)));
  if (began === undefined || last.length === 0) return undefined;
  // Each is divided first, because losses of 1e308 do occur, and their sum would not be finite.
  const ended = last.reduce((sum, loss) => sum + loss / last.length, 0);
  return ended > margin * began ? { began, ended } : undefined;
}
