import { mean, sampleStandardDeviation, sampleVariance } from 'simple-statistics';
import { bestOf } from '../tables/best-of.ts';
import { studentQuantile } from '../tables/statistics.ts';

/** A number as a paper prints it, in its units. */
export interface Printed {
  /** Null where only an average is printed. */
  readonly mean: number | null;
  /** How many decimals are printed. */
  readonly decimals: number;
  /** A sample standard deviation over `runs`, where one is printed. */
  readonly sd?: number | undefined;
  readonly runs: number;
}

/** Our side of a cell, in the paper's units. */
export interface Ours {
  /** Of the finished seeds. */
  readonly values: readonly number[];
  /** Seeds planned. */
  readonly planned: number;
  /** Why nothing finished, where nothing did. */
  readonly reason?: string | undefined;
  /** How many of the values are averaged, the best ones, where the protocol chooses. */
  readonly best?: { readonly keep: number; readonly higherIsBetter: boolean } | undefined;
  /** Why the number is of another experiment than the printed one. */
  readonly notComparable?: string | undefined;
}

/**
 * What a cell's comparison with its printed number says. Differences and tolerances τ are in printed units.
 */
export type Verdict =
  | { readonly kind: 'not run' | 'not comparable'; readonly reason: string }
  | { readonly kind: 'no verdict'; readonly reason: string; readonly difference?: number }
  | {
      readonly kind: 'not reproduced' | 'too noisy' | 'reproduced';
      readonly difference: number;
      readonly tolerance: number;
    };

/** Variance of a difference of two means, and its degrees of freedom. */
interface Spread {
  readonly variance: number;
  readonly degrees: number;
}

/** A cell with its verdict, and what an average over cells needs of it. */
export interface Judged {
  readonly verdict: Verdict;
  /** Of the finished seeds, or the best of them; undefined where there is none. */
  readonly mean: number | undefined;
  /** Of the values averaged, with n − 1. */
  readonly sd?: number | undefined;
  readonly spread: Spread | undefined;
}

/** Averages are compared with a tolerance of a tenth besides (entry avg-rounding). */
const averageHalfUnit = 0.1;

/**
 * Judges a cell by the first rule that applies: not run, not comparable, no verdict, then D = m − m_p against
 * τ = h + t(.975, ν) · √v, v = s²/n + s_p²/n_p, ν by Welch and Satterthwaite. `column` are the printed
 * numbers of the same column and model: where there are three or more and τ exceeds half their range, nothing
 * in it could have failed.
 */
export function judgeCell(ours: Ours, printed: Printed, column: readonly number[]): Judged {
  const { values, planned, best } = ours;
  const none = { mean: undefined, spread: undefined };
  if (values.length === 0) {
    return { ...none, verdict: { kind: 'not run', reason: ours.reason ?? 'no finished run' } };
  }
  const chosen = best && best.keep < values.length ? bestOf(values, best) : undefined;
  const ourMean = chosen?.mean ?? mean([...values]);
  // The spread of the best K comes from resampling all N runs, and stands for both sides.
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
  /** The mean of the printed cells. */
  readonly printed: number;
  /** Those means of all rows of the same model. */
  readonly column: readonly number[];
}

/**
 * Judges the mean of a row's cells; undefined unless every cell has a mean. Its spread is that of the cells
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
  // A mean over cells is no better than the worst of them.
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
  // A printed number's last digit is no exact binary fraction.
  if (Math.abs(difference) > tolerance + 1e-9) return { kind: 'not reproduced', difference, tolerance };
  const halfRange = (Math.max(...column) - Math.min(...column)) / 2;
  const kind = column.length >= 3 && tolerance > halfRange ? 'too noisy' : 'reproduced';
  return { kind, difference, tolerance };
}

/**
 * v and ν of m − m_p; undefined where neither side's standard deviation is known. One side's stands for an
 * unknown one.
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

/** The variance of a sum of independent terms and its degrees of freedom, ν = (Σ vᵢ)² / Σ (vᵢ² / νᵢ). */
function satterthwaite(terms: readonly Spread[]): Spread {
  const variance = terms.reduce((sum, term) => sum + term.variance, 0);
  const below = terms.reduce((sum, term) => sum + term.variance ** 2 / term.degrees, 0);
  // Without any variance, τ is the half unit whatever ν is.
  return { variance, degrees: below === 0 ? 1 : variance ** 2 / below };
}

/**
 * Whether a count of parameters is the printed one (`0.02M`) after rounding to its digits; undefined where
 * that is no such number.
 */
export function sameParameters(count: number, printed: string): boolean | undefined {
  const [, whole, decimals = ''] = /^(\d+)(?:\.(\d+))?M$/.exec(printed) ?? [];
  if (whole === undefined) return undefined;
  return `${(count / 1e6).toFixed(decimals.length)}M` === printed;
}

/** The foot of a table: how many cells got each verdict, and how many misses chance alone gives. */
export interface Tally {
  readonly verdicts: Readonly<Partial<Record<Verdict['kind'], number>>>;
  /** Cells with a verdict of their number. */
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
 * Kendall's τ_b of two rankings of the same things, ties allowed; undefined below two of them or where one
 * side is all ties.
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
