import { z } from 'zod';

/** JSON writes what is not finite as null; it then agrees with nothing. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? NaN);
const count = z.int().min(0);

/** What is measured of a cell. */
export const cellMeasuresSchema = z.strictObject({
  /** Hashes of the base's weights and of the data. */
  base: z.string(),
  data: z.string(),
  /** Trained parameters of the method, and of the head. */
  trained: count,
  head: count,
  /** Operations in the graphs of all programs together. */
  nodes: count,
  /** Of the tracked adapter on a fixed batch, which is not trained; some of its logits. */
  adapter: z.strictObject({ loss: number, logits: z.array(number) }),
  /** Of the first training steps. */
  losses: z.array(number),
  /** A training step's time, in calibration runs of the same process: median of the steps. */
  time: number,
  /** Peak memory, in that of a process that only calibrates. */
  memory: number,
});
export type CellMeasures = z.infer<typeof cellMeasuresSchema>;

/** Metrics of the fixed predictions by `<task> <metric>`. */
export const scoresSchema = z.record(z.string(), number);
export type Scores = z.infer<typeof scoresSchema>;
