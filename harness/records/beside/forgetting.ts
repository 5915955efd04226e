/**
 * The file beside a run's record that says how much worse the run's model has become at other texts.
 * runs/measure writes it, reports read it.
 */
import { z } from 'zod';
import { hash, measurements } from './measurement.ts';

/** Losses on fixed texts before and after training. */
export const forgetting = measurements(
  'forgetting',
  z.strictObject({
    trained: hash,
    /** The sha256 of the texts. */
    texts: hash,
    /** The mean loss a token in nats, of the base and of what the run trained. */
    before: z.number(),
    after: z.number(),
  }),
);
