/** The schemas of what the gate measures, as its baseline holds it. */
import { z } from 'zod';

/** A number; JSON writes one that is not finite as null, which is read as NaN and agrees with nothing. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? NaN);
const count = z.int().min(0);

/** The measures of a cell. */
export const cellMeasuresSchema = z.strictObject({
  /** Hashes of the base's weights and of the data. */
  base: z.string(),
  data: z.string(),
  /** Trained parameters of the method, and of the head. */
  trained: count,
  head: count,
  /** Operations in the graphs of all programs together. */
  nodes: count,
  /** Loss and some logits of the tracked adapter on a fixed batch, without training. */
  adapter: z.strictObject({ loss: number, logits: z.array(number) }),
  /** The losses of the first training steps. */
  losses: z.array(number),
  /** A training step's time, in calibration runs of the same process: median of the steps. */
  time: number,
  /** Peak memory, as a multiple of that of a process that only calibrates. */
  memory: number,
});
export type CellMeasures = z.infer<typeof cellMeasuresSchema>;

/** Metrics of the fixed predictions and of evaluations by `<task> <metric>`. */
export const scoresSchema = z.record(z.string(), number);
export type Scores = z.infer<typeof scoresSchema>;
