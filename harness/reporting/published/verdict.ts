/** The rules that decide whether our number reproduces a printed one. */
import { mean, sampleStandardDeviation, sampleVariance } from 'simple-statistics';
import { bestOf } from '../tables/best-of.ts';
import { studentQuantile } from '../tables/statistics.ts';

/** A printed number, in the paper's units. */
export interface Printed {
  /** The mean; null if only an average is printed. */
  readonly mean: number | null;
  /** The number of printed decimals. */
  readonly decimals: number;
  /** The sample standard deviation over `runs`, if printed. */
  readonly sd?: number | undefined;
  readonly runs: number;
}

/** Our number for a cell, in the paper's units. */
export interface Ours {
  /** The values of the finished seeds. */
  readonly values: readonly number[];
  /** The number of planned seeds. */
  readonly planned: number;
  /** The reason if no seed finished. */
  readonly reason?: string | undefined;
  /** If the protocol chooses the best seeds: how many are averaged. */
  readonly best?: { readonly keep: number; readonly higherIsBetter: boolean } | undefined;
  /** The reason if our number is of another experiment than the printed one. */
  readonly notComparable?: string | undefined;
}

/**
 * The result of comparing a cell with its printed number. Differences and tolerances τ are in printed units.
 */
export type Verdict =
  | { readonly kind: 'not run' | 'not comparable'; readonly reason: string }
  | { readonly kind: 'no verdict'; readonly reason: string; readonly difference?: number }
  | {
      readonly kind: 'not reproduced' | 'too noisy' | 'reproduced';
      readonly difference: number;
      readonly tolerance: number;
    };

/** The variance of a difference of two means, and its degrees of freedom. */
interface Spread {
  readonly variance: number;
  readonly degrees: number;
}

/** A cell's verdict, with the numbers that an average over cells needs. */
export interface Judged {
  readonly verdict: Verdict;
  /** The mean of the finished seeds or of the best of them; undefined if there is none. */
  readonly mean: number | undefined;
  /** The standard deviation (n − 1) of the averaged values. */
  readonly sd?: number | undefined;
  readonly spread: Spread | undefined;
}

/** The additional tolerance of averages: a tenth (entry avg-rounding). */
const averageHalfUnit = 0.1;

/**
 * Judges a cell by the first rule that applies: not run, not comparable, no verdict, then D = m − m_p against
 * τ = h + t(.975, ν) · √v, with v = s²/n + s_p²/n_p and ν by Welch and Satterthwaite. `column` holds the
 * printed numbers of the same column and model: if there are three or more and τ exceeds half their range,
 * nothing in it could have failed, and the verdict is `too noisy`.
 */
export function judgeCell(ours: Ours, printed: Printed, column: readonly number[]): Judged {
  const { values, planned, best } = ours;
  const none = { mean: undefined, spread: undefined };
  if (values.length === 0) {
    return { ...none, verdict: { kind: 'not run', reason: ours.reason ?? 'no finished run' } };
  }
  const chosen = best && best.keep < values.length ? bestOf(values, best) : undefined;
  const ourMean = chosen?.mean ?? mean([...values]);
  // The variance of the best K comes from resampling all N runs; it is used for both sides.
  const spread = chosen
    ? { variance: 2 * chosen.variance, degrees: values.length - 1 }
    : spreadOf(values, printed);
  const sd = chosen ? chosen.sd : values.length > 1 ? sampleStandardDeviation([...values]) : undefined;
  const found = { mean: ourMean, sd, spread };
  if (values.length < Math.min(3, planned)) {
    const reason = `${values.length} of ${planned}${ours.reason === undefined ? '' : `: ${ours.reason}`}`;
    return { ...found, verdict: { kind: 'not run', reason } };
  }
  if (ours.notComparable !== undefined) {
    return { ...found, verdict: { kind: 'not comparable', reason: ours.notComparable } };
  }
  if (printed.mean === null)
    return { ...found, verdict: { kind: 'no verdict', reason: 'no number is printed' } };
  const halfUnit = 0.5 * 10 ** -printed.decimals;
  return { ...found, verdict: decide(ourMean - printed.mean, spread, halfUnit, column) };
}

/** One row's average over its cells. */
export interface Average {
  readonly cells: readonly Judged[];
  /** The mean of the row's printed cells. */
  readonly printed: number;
  /** The same means for all rows of the model. */
  readonly column: readonly number[];
}

/**
 * Judges the mean of a row's cells; undefined unless every cell has a mean. Its variance is that of the cells
 * together.
 */
export function judgeAverage({ cells, printed, column }: Average): Judged | undefined {
  const means = cells.flatMap((cell) => cell.mean ?? []);
  if (means.length < cells.length || cells.length === 0) return undefined;
  const average = mean(means);
  const spreads = cells.flatMap(({ spread }) => spread ?? []);
  const spread =
    spreads.length === cells.length
      ? satterthwaite(
          spreads.map(({ variance, degrees }) => ({ variance: variance / cells.length ** 2, degrees })),
        )
      : undefined;
  const found = { mean: average, spread };
  // An average gets no better verdict than the worst of its cells.
  const verdicts = cells.map(({ verdict }) => verdict);
  for (const kind of ['not run', 'not comparable'] as const) {
    const first = verdicts.find((verdict) => verdict.kind === kind);
    if (first && 'reason' in first) return { ...found, verdict: { kind, reason: first.reason } };
  }
  return { ...found, verdict: decide(average - printed, spread, averageHalfUnit, column) };
}

function decide(
  difference: number,
  spread: Spread | undefined,
  halfUnit: number,
  column: readonly number[],
): Verdict {
  if (!spread) return { kind: 'no verdict', reason: 'one run, spread unknown', difference };
  const { variance, degrees } = spread;
  const tolerance = halfUnit + (variance === 0 ? 0 : studentQuantile(0.975, degrees) * Math.sqrt(variance));
  // Decimal digits are not exact binary fractions, so compare with a small slack.
  if (Math.abs(difference) > tolerance + 1e-9) return { kind: 'not reproduced', difference, tolerance };
  const halfRange = (Math.max(...column) - Math.min(...column)) / 2;
  const kind = column.length >= 3 && tolerance > halfRange ? 'too noisy' : 'reproduced';
  return { kind, difference, tolerance };
}

/**
 * Computes v and ν of m − m_p; undefined if neither standard deviation is known. If one is unknown, the other
 * stands for both.
 */
function spreadOf(values: readonly number[], { sd, runs }: Printed): Spread | undefined {
  const n = values.length;
  const ours = n > 1 ? sampleVariance([...values]) : undefined;
  const theirs = sd !== undefined && runs > 1 ? sd ** 2 : undefined;
  if (ours !== undefined && theirs !== undefined) {
    return satterthwaite([
      { variance: ours / n, degrees: n - 1 },
      { variance: theirs / runs, degrees: runs - 1 },
    ]);
  }
  const known = ours ?? theirs;
  if (known === undefined) return undefined;
  return { variance: known / n + known / runs, degrees: ours === undefined ? runs - 1 : n - 1 };
}

/** The variance of a sum of independent terms, and its degrees of freedom ν = (Σ vᵢ)² / Σ (vᵢ² / νᵢ). */
function satterthwaite(terms: readonly Spread[]): Spread {
  const variance = terms.reduce((sum, term) => sum + term.variance, 0);
  const below = terms.reduce((sum, term) => sum + term.variance ** 2 / term.degrees, 0);
  // Without variance τ is the half unit, whatever ν is.
  return { variance, degrees: below === 0 ? 1 : variance ** 2 / below };
}

/**
 * Whether a count of parameters is the printed one (`9,485,280`) or rounds to it (`0.02M`); undefined if that is
 * no such number.
 */
export function sameParameters(count: number, printed: string): boolean | undefined {
  if (/^\d{1,3}(,\d{3})*$/.test(printed)) return count.toLocaleString('en') === printed;
  const [, whole, decimals = ''] = /^(\d+)(?:\.(\d+))?M$/.exec(printed) ?? [];
  if (whole === undefined) return undefined;
  return `${(count / 1e6).toFixed(decimals.length)}M` === printed;
}

/** The counts below a table: cells by verdict, and misses that chance alone would give. */
export interface Tally {
  readonly verdicts: Readonly<Partial<Record<Verdict['kind'], number>>>;
  /** The number of cells that were judged by their number. */
  readonly judged: number;
  /** 0.05 × judged. */
  readonly expectedMisses: number;
}

/** Counts the verdicts of a table's cells. */
export function tallyVerdicts(verdicts: readonly Verdict[]): Tally {
  const counts: Partial<Record<Verdict['kind'], number>> = {};
  for (const { kind } of verdicts) counts[kind] = (counts[kind] ?? 0) + 1;
  const judged = verdicts.filter((verdict) => 'tolerance' in verdict).length;
  return { verdicts: counts, judged, expectedMisses: 0.05 * judged };
}

/**
 * Computes Kendall's τ_b of two rankings of the same things, ties allowed; undefined for fewer than two
 * things or if one side is all ties.
 */
export function kendallTauB(a: readonly number[], b: readonly number[]): number | undefined {
  let [together, tiesA, tiesB, pairs] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(a[i]! - a[j]!), Math.sign(b[i]! - b[j]!)];
      together += x * y;
      tiesA += Number(x === 0);
      tiesB += Number(y === 0);
      pairs++;
    }
  }
  const scale = Math.sqrt((pairs - tiesA) * (pairs - tiesB));
  return scale === 0 ? undefined : together / scale;
}
