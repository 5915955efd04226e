import type { ReportTable } from './rows.ts';

/** All that a report shows. */
export interface Report {
  /** When it was made. */
  readonly made: Date;
  /** The results folder as it was given. */
  readonly results: string;
  readonly tables: readonly ReportTable[];
  /** Files below the results folder that were not used, and why. */
  readonly untrusted: readonly { readonly path: string; readonly reason: string }[];
}

/** What of a report is told before its tables. */
export function summaryLine({ made, results, tables }: Report): string {
  const runs = tables.flatMap(({ rows }) => rows.flatMap((row) => row.runs));
  const failed = runs.filter(({ record }) => record.status === 'failed').length;
  const day = made.toISOString().slice(0, 16).replace('T', ' ');
  return `${runs.length} ${runs.length === 1 ? 'run' : 'runs'} (${failed} failed) of ${results}, ${day} UTC`;
}
