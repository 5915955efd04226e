// Whether a finished run diverged: its training loss ended above its start.
import type { Step } from '../../records/beside/step-log.ts';

/** A seed whose training loss ended above its start. */
export interface Diverged {
  readonly seed: number;
  /** The loss of the first step, before anything was learnt. */
  readonly began: number;
  /** The mean loss of the last tenth of the steps, at least five. */
  readonly ended: number;
}

/** The factor above the first step's loss that is more than the noise of a batch. */
const margin = 1.1;

/**
 * The first and last training loss of a run if the last is higher; undefined if it is not, or if the log is
 * too short.
 */
export function divergence(steps: readonly Step[]): Omit<Diverged, 'seed'> | undefined {
  const finite = steps.flatMap(({ loss }) => loss ?? []);
  const [began, ...after] = finite;
  const last = after.slice(-Math.max(5, Math.ceil(finite.length / 10)));
  if (began === undefined || last.length === 0) return undefined;
  // Each loss is divided first: losses of 1e308 occur, and their sum would overflow.
  const ended = last.reduce((sum, loss) => sum + loss / last.length, 0);
  return ended > margin * began ? { began, ended } : undefined;
}
