import { z } from 'zod';
import type { RunRequest } from './plan.ts';

/** What a sweep tells a child process, a line of JSON each: first what the sweep is, then one cell after the other. */
export type ToJob =
  | {
      readonly kind: 'begin';
      readonly request: RunRequest;
      readonly threads: number;
      readonly retryFailed: boolean;
    }
  | { readonly kind: 'cell'; readonly index: number; readonly identity: string }
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
