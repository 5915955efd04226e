import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { makeFolder, writeFileAtomic } from '../data/atomic.ts';
import { didYouMean, UsageError } from '../data/errors.ts';
import type { PageData } from '../reporting/report/page-data.ts';
import type { PredictionRow } from '../reporting/report/predictions.ts';
import type { Report } from '../reporting/report/report.ts';
import type { ReportRow, ReportRun } from '../reporting/report/rows.ts';
import { collectRecords, readRows, together, type FoundRecord, type Untrusted } from '../runs/collect.ts';
import { note, print } from './output.ts';

interface ReportOptions {
  readonly results: string;
  readonly out: string;
  readonly format?: string;
  readonly open?: true;
}

/** A report's files by their paths below the output folder. */
type Files = Record<string, string | Uint8Array>;

/** What formats are written from; the page's data are made where they are asked for. */
interface Source {
  readonly report: Report;
  page(): Promise<PageData>;
}

const formats: Record<string, (source: Source) => Promise<Files>> = {
  async md({ report }) {
    const { markdownReport } = await import('../reporting/report/markdown.ts');
    return { 'report.md': markdownReport(report) };
  },
  async tex({ report }) {
    const { latexDocument, latexTable } = await import('../reporting/report/latex.ts');
    return { 'report.tex': latexDocument(report), ...ofTables(report, 'tex', latexTable) };
  },
  async csv({ report }) {
    const { recordsCsv, tableCsv } = await import('../reporting/report/csv.ts');
    return { 'records.csv': recordsCsv(report), ...ofTables(report, 'csv', tableCsv) };
  },
  async html({ page }) {
    const { htmlPage } = await import('../reporting/report/html.ts');
    return { 'report.html': await htmlPage(await page()) };
  },
  async png({ report, page }) {
    const { drawCharts } = await import('../reporting/report/png.ts');
    const pictures = await drawCharts(await page());
    const named = pictures.flatMap((charts, t) =>
      Object.entries(charts).map(
        ([name, png]) => [`charts/${report.tables[t]!.slug}-${name}.png`, png] as const,
      ),
    );
    return Object.fromEntries(named);
  },
};

function ofTables(
  { tables }: Report,
  ending: string,
  write: (table: Report['tables'][number]) => string,
): Files {
  return Object.fromEntries(tables.map((table) => [`tables/${table.slug}.${ending}`, write(table)]));
}

/** Charts of more tables than this are drawn only where they are asked for: it takes a second a table. */
const mostDrawn = 12;

/** `bench report`: tables, charts and a page of all records. */
export function reportCommand(): Command {
  return new Command('report')
    .summary('write tables, charts and a page of all records')
    .description('Puts all records below a results folder into tables and charts; it runs nothing.')
    .option('--results <folder>', 'where the records lie', 'results')
    .option('--out <folder>', 'where to write', 'reports')
    .option('--format <names>', `which files to write: ${Object.keys(formats).join(',')} (default: all)`)
    .option('--open', 'show the page in a browser')
    .action(report);
}

async function report({ results, out, format, open }: ReportOptions): Promise<void> {
  const asked = [...new Set(format?.split(',').map((name) => name.trim()) ?? Object.keys(formats))];
  const unknown = asked.find((name) => !Object.hasOwn(formats, name));
  if (unknown !== undefined) {
    const known = Object.keys(formats);
    throw new UsageError(
      `--format ${unknown}: there is no such format.${didYouMean(unknown, known)} Formats: ${known.join(', ')}.`,
    );
  }
  if (open && !asked.includes('html')) throw new UsageError('--open shows the page; add html to --format.');
  const read = await readReport(results);
  if (read.tables.length === 0) {
    throw new UsageError(`${results} holds no records to report; "bench run" makes some.`);
  }
  if (format === undefined && read.tables.length > mostDrawn) {
    asked.splice(asked.indexOf('png'), 1);
    note(`${read.tables.length} tables: charts as pictures only by --format png.`);
  }
  let data: Promise<PageData> | undefined;
  const page = (): Promise<PageData> => (data ??= readPage(read));
  const contents: Files = {};
  for (const name of asked) Object.assign(contents, await formats[name]!({ report: read, page }));
  for (const { path, reason } of read.untrusted) note(`${join(results, path)} is not used: ${reason}.`);
  for (const [path, content] of Object.entries(contents)) {
    const file = join(out, path);
    await makeFolder(dirname(file));
    await writeFileAtomic(file, content);
    if (!path.includes('/')) print(file);
  }
  if (open) openFile(join(out, 'report.html'));
}

async function readReport(results: string): Promise<Report & { untrusted: Untrusted[] }> {
  const { reportTables } = await import('../reporting/report/rows.ts');
  const { markTables } = await import('./report-marks.ts');
  const { records, untrusted } = await collectRecords(results);
  const runs = await together(records, async (found): Promise<ReportRun> => {
    const steps = await readSteps(results, found, records.length, untrusted);
    return { ...found, ...steps };
  });
  const { tables, why } = await markTables(reportTables(runs), results);
  return { made: new Date(), results, tables, untrusted, notes: why === undefined ? [] : [why] };
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

/** What the page shows, with the predictions of each row's finished run of the lowest seed. */
async function readPage(report: Report & { untrusted: Untrusted[] }): Promise<PageData> {
  const { pageData } = await import('../reporting/report/page-data.ts');
  const { exampleLimit, parsePredictions } = await import('../reporting/report/predictions.ts');
  const { curvePoints } = await import('../reporting/report/steps.ts');
  const rows = report.tables.flatMap((table) => table.rows);
  const runs = rows.flatMap((row) => row.runs);
  const predictions = new Map<ReportRow, PredictionRow[]>();
  for (const row of rows) {
    const finished = row.runs.filter(({ record }) => record.status === 'finished');
    const [first] = finished.sort((a, b) => a.record.settings.seed - b.record.settings.seed);
    const read = first && (await readRows(report.results, first, 'predictions'));
    if (!read) continue;
    if ('reason' in read) {
      report.untrusted.push(read);
      continue;
    }
    try {
      predictions.set(row, parsePredictions(read.rows));
    } catch {
      report.untrusted.push({ path: first.path, reason: 'its predictions have rows of another form' });
    }
  }
  return pageData(report, predictions, {
    points: curvePoints(runs.length),
    examples: exampleLimit(rows.length),
  });
}

/** Asks the system to show a file. */
function openFile(path: string): void {
  const [command, ...before] = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[
    process.platform as string
  ] ?? ['xdg-open'];
  const child = spawn(command!, [...before, resolve(path)], { detached: true, stdio: 'ignore' });
  child.on('error', () => {
    note(`No browser was found; open ${path} yourself.`);
  });
  child.unref();
}
