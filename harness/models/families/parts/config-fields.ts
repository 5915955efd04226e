/**
 * Sizes in config.json, with limits that no public model comes near: a larger one is a mistake or an attack,
 * which would cost memory and time before it is noticed.
 */
import { z } from 'zod';

/** A whole number from 1 to `most`; where it is none, nothing that depends on it is checked. */
const upTo = (most: number) => {
  const error = ({ input }: { readonly input?: unknown }): string =>
    input === undefined
      ? 'is missing'
      : `must be a whole number from 1 to ${most.toLocaleString('en')}, not ${JSON.stringify(input)}`;
  const check = { error, abort: true };
  return z.int(check).min(1, check).max(most, check);
};

/** Layers of a stack, and heads of an attention. */
export const layerCount = upTo(10_000);
export const headCount = upTo(10_000);
/** Numbers in an activation. */
export const widthSize = upTo(1_000_000);
/** Rows of a table: words, positions, types, buckets of distances. */
export const tableRows = upTo(100_000_000);
