/**
 * The file beside a run's record that says how long the run's model takes to write a token. runs/measure writes
 * it, reports read it.
 */
import { z } from 'zod';
import { hash, measurements } from './measurement.ts';

const milliseconds = z.number().positive();

const schema = z.strictObject({
  trained: hash,
  /** Tokens of which each time is the median. */
  tokens: z.int().positive(),
  /** Milliseconds a token of the base alone, and of the base with what the run trained. */
  base: milliseconds,
  adapter: milliseconds,
  /** Of the base with the method merged into its weights; absent where `unmerged` says why it is not. */
  merged: milliseconds.optional(),
  unmerged: z.string().optional(),
});
export type TokenTimes = z.infer<typeof schema>;

/** Times of decoding a token. */
export const tokenTimes = measurements('token-times', schema);
