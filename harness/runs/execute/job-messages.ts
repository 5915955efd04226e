import { z } from 'zod';
import type { Plan, RunRequest } from '../plan/cell.ts';
import type { CellAddress } from '../../records/record-files.ts';

/** What a sweep tells a child process, a line of JSON each: first how cells are done, then one cell after the other. */
export type ToJob =
  | (Pick<Plan, 'results' | 'engine'> & { readonly kind: 'begin'; readonly retryFailed: boolean })
  | {
      readonly kind: 'cell';
      /** Plans the cell, among others. */
      readonly request: RunRequest;
      readonly address: CellAddress;
      readonly identity: string;
    }
  | { readonly kind: 'stop' };

/** What a child process tells the sweep: how its cell goes, and last how it ended. */
export const fromJobSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('start') }),
  z.strictObject({
    kind: z.literal('progress'),
    phase: z.enum(['train', 'generate']),
    done: z.number(),
    total: z.number(),
    detail: z.string(),
  }),
  z.strictObject({ kind: z.literal('note'), text: z.string() }),
  /** The cell has a record. */
  z.strictObject({ kind: z.literal('done'), path: z.string() }),
  z.strictObject({ kind: z.literal('busy') }),
  z.strictObject({ kind: z.literal('interrupted') }),
  /** What the user can mend. */
  z.strictObject({ kind: z.literal('refused'), message: z.string() }),
]);
export type FromJob = z.infer<typeof fromJobSchema>;
