import { join } from 'node:path';
import { Command } from 'commander';
import { makeFolder, writeFileAtomic } from '../data/atomic.ts';
import { didYouMean, UsageError } from '../data/errors.ts';
import type { Report } from '../reporting/report/report.ts';
import type { ReportRun } from '../reporting/report/rows.ts';
import { collectRecords, readRows, type FoundRecord, type Untrusted } from '../runs/collect.ts';
import { note, print } from './output.ts';

interface ReportOptions {
  readonly results: string;
  readonly out: string;
  readonly format: string;
}

/** A report's files by their paths below the output folder. */
type Files = Record<string, string | Uint8Array>;

const formats: Record<string, (report: Report) => Promise<Files>> = {
  async md(report) {
    const { markdownReport } = await import('../reporting/report/markdown.ts');
    return { 'report.md': markdownReport(report) };
  },
  async tex(report) {
    const { latexDocument, latexTable } = await import('../reporting/report/latex.ts');
    return { 'report.tex': latexDocument(report), ...ofTables(report, 'tex', latexTable) };
  },
  async csv(report) {
    const { recordsCsv, tableCsv } = await import('../reporting/report/csv.ts');
    return { 'records.csv': recordsCsv(report), ...ofTables(report, 'csv', tableCsv) };
  },
};

function ofTables(
  { tables }: Report,
  ending: string,
  write: (table: Report['tables'][number]) => string,
): Files {
  return Object.fromEntries(tables.map((table) => [`tables/${table.slug}.${ending}`, write(table)]));
}

/** `bench report`: tables, charts and a page of all records. */
export function reportCommand(): Command {
  const all = Object.keys(formats).join(',');
  return new Command('report')
    .summary('write tables, charts and a page of all records')
    .description('Puts all records below a results folder into tables and charts; it runs nothing.')
    .option('--results <folder>', 'where the records lie', 'results')
    .option('--out <folder>', 'where to write', 'reports')
    .option('--format <names>', 'which files to write', all)
    .action(report);
}

async function report({ results, out, format }: ReportOptions): Promise<void> {
  const asked = [...new Set(format.split(',').map((name) => name.trim()))];
  const unknown = asked.find((name) => !Object.hasOwn(formats, name));
  if (unknown !== undefined) {
    const known = Object.keys(formats);
    throw new UsageError(
      `--format ${unknown}: there is no such format.${didYouMean(unknown, known)} Formats: ${known.join(', ')}.`,
    );
  }
  const read = await readReport(results);
  for (const { path, reason } of read.untrusted) note(`${join(results, path)} is not used: ${reason}.`);
  if (read.tables.length === 0) {
    throw new UsageError(`${results} holds no records to report; "bench run" makes some.`);
  }
  for (const name of asked) {
    for (const [path, content] of Object.entries(await formats[name]!(read))) {
      const file = join(out, path);
      await makeFolder(join(file, '..'));
      await writeFileAtomic(file, content);
      if (!path.includes('/')) print(file);
    }
  }
}

async function readReport(results: string): Promise<Report> {
  const { reportTables } = await import('../reporting/report/rows.ts');
  const { records, untrusted } = await collectRecords(results);
  const runs: ReportRun[] = [];
  for (const found of records)
    runs.push({ ...found, ...(await readSteps(results, found, records.length, untrusted)) });
  return { made: new Date(), results, tables: reportTables(runs), untrusted };
}

/** What the training log says; one that cannot be trusted is listed. */
async function readSteps(
  results: string,
  found: FoundRecord,
  runs: number,
  untrusted: Untrusted[],
): Promise<Pick<ReportRun, 'stepTime' | 'losses'>> {
  const { curvePoints, medianStepTime, parseSteps, thinLosses } =
    await import('../reporting/report/steps.ts');
  const read = await readRows(results, found, 'steps');
  if (!read) return {};
  if ('reason' in read) {
    untrusted.push(read);
    return {};
  }
  try {
    const steps = parseSteps(read.rows);
    return {
      stepTime: medianStepTime(steps, found.record.training?.resumedFrom),
      losses: thinLosses(steps, curvePoints(runs)),
    };
  } catch {
    untrusted.push({ path: found.path, reason: 'its training log has rows of another form' });
    return {};
  }
}
