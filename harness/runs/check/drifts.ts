/** Compares what the gate measured with its baseline, number by number. */
import type { CellMeasures, Scores } from './measures.ts';

/** The distance of a measured value from its baseline. */
export interface Drift {
  /** The part of the suite: a cell, or `scores`. */
  readonly cell: string;
  readonly what: string;
  readonly baseline: number | string;
  readonly now: number | string;
  /** The drift, as `kind` says; NaN where the two cannot be compared. */
  readonly drift: number;
  readonly limit: number;
  /** A `difference` and a `relative` one must not exceed the limit either way, a `ratio` only upwards. */
  readonly kind: 'exact' | 'relative' | 'difference' | 'ratio';
  readonly ok: boolean;
}

/** The limits of drifts: room for the rounding of another CPU and the noise of a busy one. */
export const limits = { start: 1e-5, loss: 1e-4, score: 1e-6, time: 1.3, memory: 1.2 } as const;

type Compared = Pick<Drift, 'what' | 'baseline' | 'now'>;

const exact = (what: string, baseline: number | string, now: number | string): Omit<Drift, 'cell'> => {
  const drift =
    typeof baseline === 'number' && typeof now === 'number' ? now - baseline : baseline === now ? 0 : NaN;
  return { what, baseline, now, drift, limit: 0, kind: 'exact', ok: drift === 0 };
};
const within = (
  compared: Compared,
  drift: number,
  limit: number,
  kind: Drift['kind'],
): Omit<Drift, 'cell'> => ({
  ...compared,
  drift,
  limit,
  kind,
  // NaN is within no limit.
  ok: drift <= limit,
});

/** Compares a cell's numbers with its baseline's. */
export function cellDrifts(cell: string, baseline: CellMeasures, now: CellMeasures): Drift[] {
  const drifts = [
    exact('base', baseline.base.slice(0, 12), now.base.slice(0, 12)),
    exact('data', baseline.data.slice(0, 12), now.data.slice(0, 12)),
    exact('trained parameters', baseline.trained, now.trained),
    exact('head parameters', baseline.head, now.head),
    exact('graph nodes', baseline.nodes, now.nodes),
    worst(
      'adapter: logits',
      baseline.adapter.logits,
      now.adapter.logits,
      limits.start,
      largest(baseline.adapter.logits),
    ),
    worst('adapter: loss', [baseline.adapter.loss], [now.adapter.loss], limits.start),
    worst('training: loss', baseline.losses, now.losses, limits.loss),
    ratio('time of a step', baseline.time, now.time, limits.time),
    ratio('peak memory', baseline.memory, now.memory, limits.memory),
  ];
  return drifts.map((drift) => ({ cell, ...drift }));
}

/**
 * Compares scores with the baseline's. A score that is gone is a drift; one of a task that was added has no
 * baseline yet.
 */
export function scoreDrifts(cell: string, baseline: Scores, now: Scores): Drift[] {
  return Object.keys({ ...baseline, ...now }).map((what) => {
    const [before, after] = [baseline[what], now[what]];
    if (before === undefined)
      return { cell, what, baseline: 'none yet', now: after!, drift: NaN, limit: 0, kind: 'exact', ok: true };
    if (after === undefined)
      return { cell, what, baseline: before, now: 'gone', drift: NaN, limit: 0, kind: 'exact', ok: false };
    const compared = { what, baseline: before, now: after };
    return { cell, ...within(compared, Math.abs(after - before), limits.score, 'difference') };
  });
}

/** A cell that did not run. */
export function failedCell(cell: string, reason: string): Drift {
  return {
    cell,
    what: 'the run',
    baseline: 'ended',
    now: reason,
    drift: NaN,
    limit: 0,
    kind: 'exact',
    ok: false,
  };
}

const largest = (values: readonly number[]): number =>
  values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** The drift of the number that drifts most in a list, relative to `size` or to itself. */
function worst(
  what: string,
  baseline: readonly number[],
  now: readonly number[],
  limit: number,
  size?: number,
): Omit<Drift, 'cell'> {
  if (baseline.length !== now.length) return exact(`${what}, how many`, baseline.length, now.length);
  let [at, most] = [0, 0];
  for (const [i, before] of baseline.entries()) {
    const drift = Math.abs(now[i]! - before) / (size ?? Math.abs(before));
    // NaN is the worst of all.
    if (!(drift <= most)) [at, most] = [i, drift];
    if (Number.isNaN(drift)) break;
  }
  const place = baseline.length > 1 && most !== 0 ? ` ${at + 1} of ${baseline.length}` : '';
  return within({ what: what + place, baseline: baseline[at]!, now: now[at]! }, most, limit, 'relative');
}

function ratio(what: string, baseline: number, now: number, limit: number): Omit<Drift, 'cell'> {
  return within({ what, baseline, now }, now / baseline, limit, 'ratio');
}
