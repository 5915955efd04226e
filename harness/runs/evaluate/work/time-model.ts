/**
 * The arithmetic of estimates: seconds of work from the seconds that a few parts of it took. A token costs a
 * share that is its own and one for each key that it attends to. estimate-evaluations.ts uses it.
 */
import { sum } from '../../../support/numbers/arithmetic.ts';

/** So many tokens, each of which attends to so many keys. */
export interface Load {
  readonly tokens: number;
  readonly keys: number;
}

/** A load, and the seconds that it took. */
export interface TimedLoad extends Load {
  readonly seconds: number;
}

/** What work costs. */
export interface Speed {
  readonly secondsPerToken: number;
  /** Of each key that a token attends to. */
  readonly secondsPerKey: number;
}

/** The seconds of some loads. */
export function secondsFor(loads: readonly Load[], { secondsPerToken, secondsPerKey }: Speed): number {
  return sum(loads.map(({ tokens, keys }) => tokens * (secondsPerToken + keys * secondsPerKey)));
}

/**
 * Fits the costs to timed loads by least squares of seconds per token; where the fit gives one of them below
 * zero, as noise may, the other one alone explains all seconds.
 */
export function fitSpeed(timed: readonly TimedLoad[]): Speed {
  const seconds = sum(timed.map((one) => one.seconds));
  const perToken = timed.map((one) => one.seconds / one.tokens);
  const meanKeys = sum(timed.map(({ keys }) => keys)) / timed.length;
  const meanSeconds = sum(perToken) / timed.length;
  const spread = sum(timed.map(({ keys }) => (keys - meanKeys) ** 2));
  const slope = sum(timed.map(({ keys }, i) => (keys - meanKeys) * (perToken[i]! - meanSeconds)));
  const secondsPerKey = spread === 0 ? 0 : slope / spread;
  const secondsPerToken = meanSeconds - secondsPerKey * meanKeys;
  if (secondsPerKey <= 0) {
    return { secondsPerToken: seconds / sum(timed.map(({ tokens }) => tokens)), secondsPerKey: 0 };
  }
  if (secondsPerToken >= 0) return { secondsPerToken, secondsPerKey };
  return { secondsPerToken: 0, secondsPerKey: seconds / sum(timed.map(({ tokens, keys }) => tokens * keys)) };
}

/**
 * Which parts to time, in order, so that even the first two stand for all: by the keys of their loads, at the
 * given shares of all tokens, each part once.
 */
export function spreadByKeys(loads: readonly Load[], shares: readonly number[]): number[] {
  const sorted = loads.map((load, place) => ({ ...load, place })).sort((a, b) => a.keys - b.keys);
  const all = sum(loads.map(({ tokens }) => tokens));
  const places = shares.map((share) => {
    let before = 0;
    return sorted.find(({ tokens }) => (before += tokens) >= share * all)!.place;
  });
  return [...new Set(places)];
}
