/** Summaries of seeds and the distributions that their tests need, to full float64 precision. */
import { gammaln, max, mean, median, min, sampleStandardDeviation } from 'simple-statistics';

/** A metric over the finished seeds, in the units of `values`. */
export interface Summary {
  readonly n: number;
  readonly mean: number;
  /** The sample standard deviation (n − 1); undefined for one value. */
  readonly sd: number | undefined;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** The 95 % interval of the mean, mean ± t(.975, n − 1) · sd / √n; undefined for one value. */
  readonly interval: readonly [number, number] | undefined;
}

/** Summarises at least one value; throws RangeError for none. */
export function summarise(values: readonly number[]): Summary {
  const n = values.length;
  if (n === 0) throw new RangeError('there is nothing to summarise');
  const all = [...values];
  const m = mean(all);
  const order = { median: median(all), min: min(all), max: max(all) };
  if (n === 1) return { n, mean: m, sd: undefined, ...order, interval: undefined };
  const sd = sampleStandardDeviation(all);
  const half = (studentQuantile(0.975, n - 1) * sd) / Math.sqrt(n);
  return { n, mean: m, sd, ...order, interval: [m - half, m + half] };
}

/**
 * The p-quantile of Student's t with `degrees` of freedom (any positive number); throws RangeError unless 0 <
 * p < 1.
 */
export function studentQuantile(p: number, degrees: number): number {
  if (!(p > 0 && p < 1) || !(degrees > 0)) throw new RangeError(`no t quantile for p = ${p}, ν = ${degrees}`);
  if (p < 0.5) return -studentQuantile(1 - p, degrees);
  let low = 0;
  let high = 1;
  while (studentDistribution(high, degrees) < p) high *= 2;
  // Bisection until low and high are neighbouring numbers: slow and always right.
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (studentDistribution(middle, degrees) < p) low = middle;
    else high = middle;
  }
}

/** P(|T| ≥ |t|) for Student's t with `degrees` of freedom; throws RangeError if these are not positive. */
export function studentTwoSided(t: number, degrees: number): number {
  if (!(degrees > 0)) throw new RangeError(`no t distribution with ν = ${degrees}`);
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/** The standard normal distribution's quantile of .975. */
export const normalQuantile975 = 1.959963984540054;

/**
 * P(|Z| ≥ |z|) = erfc(|z| / √2) of a standard normal Z, by its series or its continued fraction.
 * simple-statistics has an error of 1e-7.
 */
export function normalTwoSided(z: number): number {
  const x = (z * z) / 2;
  if (x === 0) return 1;
  if (x > 700) return 0;
  const front = Math.exp(-x) * Math.sqrt(x / Math.PI);
  if (x < 1.5) {
    // P(½, x) = front · Σ xᵏ / (½ · … · (½ + k)).
    let term = 2;
    let sum = 2;
    for (let k = 1; term > sum * 1e-17; k++) sum += term *= x / (k + 0.5);
    return 1 - front * sum;
  }
  // Q(½, x), Numerical Recipes, 3rd edition, section 6.2.
  let b = x + 0.5;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let k = 1; k <= 300; k++) {
    const a = -k * (k - 0.5);
    b += 2;
    d = 1 / (a * d + b);
    c = b + a / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return front * fraction;
}

/** P(T ≤ t) for t ≥ 0 and Student's t with `degrees` of freedom. */
function studentDistribution(t: number, degrees: number): number {
  return 1 - incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
}

/**
 * The regularised incomplete beta function I_x(a, b), by its continued fraction (Numerical Recipes, 3rd
 * edition, section 6.4).
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges quickly only on this side of the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const term of [even, odd]) {
      d = 1 / (1 + term * d);
      c = 1 + term / c;
      change = c * d;
      fraction *= change;
    }
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return front * fraction;
}
