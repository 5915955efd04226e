/** The messages between a sweep and its child processes, a line of JSON each. */
import { z } from 'zod';
import type { Plan, RunRequest } from '../plan/cell.ts';
import type { CellAddress } from '../../records/record-files.ts';

/** What a sweep tells a child process: first how cells are done, then one cell after the other. */
export type ToJob =
  | (Pick<Plan, 'results' | 'engine'> & { readonly kind: 'begin'; readonly retryFailed: boolean })
  | {
      readonly kind: 'cell';
      /** The request from which the cell is planned, with others. */
      readonly request: RunRequest;
      readonly address: CellAddress;
      readonly identity: string;
    }
  | { readonly kind: 'stop' };

/** What a child process tells the sweep: the progress of its cell, and last how it ended. */
export const fromJobSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('start') }),
  z.strictObject({
    kind: z.literal('progress'),
    phase: z.enum(['train', 'generate', 'evaluate']),
    done: z.number(),
    total: z.number(),
    detail: z.string(),
    // JSON has null for a loss that is not finite.
    numbers: z
      .record(
        z.string(),
        z
          .number()
          .nullable()
          .transform((value) => value ?? NaN),
      )
      .optional(),
  }),
  z.strictObject({ kind: z.literal('note'), text: z.string() }),
  /** The cell has a record at this path. */
  z.strictObject({ kind: z.literal('done'), path: z.string() }),
  z.strictObject({ kind: z.literal('busy') }),
  z.strictObject({ kind: z.literal('interrupted') }),
  /** A UsageError: the user can mend it. */
  z.strictObject({ kind: z.literal('refused'), message: z.string() }),
]);
export type FromJob = z.infer<typeof fromJobSchema>;
