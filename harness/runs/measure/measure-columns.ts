/** Measures of finished runs what the columns of a table need that no record holds. `bench run` uses it. */
import type { Outcome } from '../execute/executor.ts';
import type { MeasureOptions } from './measure-options.ts';

/** The names of columns that one measurement gives. */
interface Measurement {
  readonly columns: readonly string[];
  readonly phase: string;
  load(): Promise<(outcomes: readonly Outcome[], options: MeasureOptions) => Promise<void>>;
}

const measurementsOfColumns: readonly Measurement[] = [
  {
    columns: ['forgetting'],
    phase: 'forgetting',
    load: async () => (await import('./measure-forgetting.ts')).measureForgetting,
  },
  {
    columns: ['base-token-time', 'token-time', 'merged-token-time'],
    phase: 'time per token',
    load: async () => (await import('./measure-token-times.ts')).measureTokenTimes,
  },
];

/** Measures what these columns need, once for each run, and writes it beside the records. */
export async function measureColumns(
  columns: readonly { readonly name: string }[],
  outcomes: readonly Outcome[],
  {
    onProgress,
    ...options
  }: Omit<MeasureOptions, 'onProgress'> & {
    onProgress(phase: string, done: number, total: number): void;
  },
): Promise<void> {
  for (const { columns: given, phase, load } of measurementsOfColumns) {
    if (!columns.some(({ name }) => given.includes(name))) continue;
    const measure = await load();
    await measure(outcomes, {
      ...options,
      onProgress: (done, total) => {
        onProgress(phase, done, total);
      },
    });
  }
}
