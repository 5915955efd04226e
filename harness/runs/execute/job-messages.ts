/** The messages between a sweep and its child processes, a line of JSON each. */
import { z } from 'zod';
import type { Plan, RunRequest } from '../plan/cell.ts';
import type { CellAddress } from '../../records/record-files.ts';

/** What a sweep tells a child process: first how cells are done, then one group of cells after the other. */
export type ToJob =
  | (Pick<Plan, 'results' | 'engine'> & { readonly kind: 'begin'; readonly retryFailed: boolean })
  | {
      readonly kind: 'cells';
      /** The request from which the cells are planned, with others. */
      readonly request: RunRequest;
      readonly cells: readonly { readonly address: CellAddress; readonly identity: string }[];
    }
  | { readonly kind: 'stop' };

/** Which of the pieces of work of one message is meant. */
const at = z.int().min(0);

/** What a child process tells the sweep: the progress of each piece of work, and last how all of it ended. */
export const fromJobSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('start'), at }),
  z.strictObject({
    kind: z.literal('progress'),
    at,
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
  /** A piece of work has a record at this path. */
  z.strictObject({ kind: z.literal('record'), at, path: z.string() }),
  /** All is done, but for pieces without a record, which another sweep is doing. */
  z.strictObject({ kind: z.literal('done') }),
  z.strictObject({ kind: z.literal('interrupted') }),
  /** A UsageError: the user can mend it. */
  z.strictObject({ kind: z.literal('refused'), message: z.string() }),
]);
export type FromJob = z.infer<typeof fromJobSchema>;
