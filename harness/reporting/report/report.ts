/** The form of a report, before it becomes Markdown, LaTeX, CSV or a page. */
import type { MainTable } from '../main/main-table.ts';
import type { CostColumn } from '../tables/cost-columns.ts';
import type { JudgedExample } from '../../records/beside/judged-examples.ts';
import type { JudgementRecord } from '../../records/judgement-record.ts';
import type { EvaluationTable } from './evaluations.ts';
import type { ReportTable } from './rows.ts';
import { counted } from '../../support/counted.ts';

/** A judgement and the judged answers. */
export interface Judged {
  readonly record: JudgementRecord;
  readonly examples: readonly JudgedExample[];
}

/** Everything that a report shows. */
export interface Report {
  /** When the report was made. */
  readonly made: Date;
  /** The results folder as the user gave it. */
  readonly results: string;
  /** The main results: methods by tasks, for each base with more than one task. */
  readonly main: readonly MainTable[];
  readonly tables: readonly ReportTable[];
  /** The evaluations of language models, for each base. */
  readonly evaluations: readonly EvaluationTable[];
  /** Published results of others, for each of their bases. */
  readonly published: readonly MainTable[];
  /** What judges said of answers, with the answers. */
  readonly judged: readonly Judged[];
  /** The columns of costs that were asked for; the usual ones of each format where absent. */
  readonly columns?: readonly CostColumn[] | undefined;
  /** Files of the results folder that were not used, with the reasons. */
  readonly untrusted: readonly { readonly path: string; readonly reason: string }[];
}

/** The line above a report's tables. */
export function summaryLine({ made, results, tables }: Report): string {
  const runs = tables.flatMap(({ rows }) => rows.flatMap((row) => row.runs));
  const failed = runs.filter(({ record }) => record.status === 'failed').length;
  const day = made.toISOString().slice(0, 16).replace('T', ' ');
  return `${counted(runs.length, 'run')} (${failed} failed) of ${results}, ${day} UTC`;
}
