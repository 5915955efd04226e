/** `bench report`: writes tables, charts and a page of all records below a results folder. */
import { spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { counted } from '../../support/counted.ts';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import type { PageData } from '../../reporting/report/page-data.ts';
import type { PictureFormat } from '../../reporting/report/pictures.ts';
import type { OpenReport } from '../../reporting/report/read-report.ts';
import type { Report } from '../../reporting/report/report.ts';
import { slugOf } from '../../reporting/report/rows.ts';
import { findColumns } from '../../reporting/tables/cost-columns.ts';
import { columnsHelp } from '../arguments/columns-help.ts';
import { addShownOptions, readShown, type ShownOptions } from '../arguments/shown-records.ts';
import { note, print } from '../terminal/output.ts';
import { tellUntrusted } from '../terminal/untrusted.ts';

interface ReportOptions extends ShownOptions {
  readonly out: string;
  readonly format?: string;
  readonly open?: true;
  readonly columns?: string[];
  readonly published?: string;
  readonly pareto?: string[];
}

/** A report's files by their paths below the output folder. */
type Files = Record<string, string | Uint8Array>;

const formats: Record<string, (report: Report, page: PageData) => Promise<Files>> = {
  async md(report) {
    const { markdownReport } = await import('../../reporting/report/markdown.ts');
    return { 'report.md': markdownReport(report) };
  },
  async tex(report) {
    const { latexDocument, latexOf, latexTable } = await import('../../reporting/report/latex.ts');
    const { printEvaluations } = await import('../../reporting/report/evaluations.ts');
    return {
      'report.tex': latexDocument(report),
      ...ofTables([...report.main, ...report.published], 'tex', (table) => latexOf(table, table.slug)),
      ...ofTables(report.evaluations, 'tex', (table) => latexOf(printEvaluations(table), table.slug)),
      ...ofTables(report.tables, 'tex', (table) => latexTable(table, report.columns)),
    };
  },
  async csv(report) {
    const { evaluationsCsv, printedCsv, recordsCsv, tableCsv } =
      await import('../../reporting/report/csv.ts');
    return {
      'records.csv': recordsCsv(report),
      ...ofTables([...report.main, ...report.published], 'csv', printedCsv),
      ...ofTables(report.tables, 'csv', tableCsv),
      ...ofTables(report.evaluations, 'csv', evaluationsCsv),
    };
  },
  async html(_, page) {
    const { htmlPage } = await import('../../reporting/report/html.ts');
    return { 'report.html': await htmlPage(page) };
  },
  async peft(report) {
    const { peftResults } = await import('../../reporting/peft/write-results.ts');
    const files = await peftResults(report);
    if (Object.keys(files).length === 0) note('--format peft: no record is of the task metamath.');
    return files;
  },
  png: (report, page) => charts(report, page, 'png'),
  svg: (report, page) => charts(report, page, 'svg'),
  pdf: (report, page) => charts(report, page, 'pdf'),
};

/** The formats that are written where --format is not given. */
const usual = ['md', 'tex', 'csv', 'html', 'png'];

async function charts(report: Report, page: PageData, format: PictureFormat): Promise<Files> {
  const { drawCharts } = await import('../../reporting/report/pictures.ts');
  const pictures = await drawCharts(page, format);
  const named = pictures.flatMap((drawn, t) =>
    Object.entries(drawn).map(
      ([name, picture]) => [`charts/${pictureName(report.tables[t]!, name)}.${format}`, picture] as const,
    ),
  );
  return Object.fromEntries(named);
}

/** The name of a chart's file: of its table, or of the base whose tables share it. */
function pictureName({ slug, rows }: Report['tables'][number], chart: string): string {
  return chart === 'tasks' ? `tasks-${slugOf(rows[0]!.row.model)}` : `${slug}-${chart}`;
}

function ofTables<Table extends { readonly slug: string }>(
  tables: readonly Table[],
  ending: string,
  write: (table: Table) => string,
): Files {
  return Object.fromEntries(tables.map((table) => [`tables/${table.slug}.${ending}`, write(table)]));
}

/** Charts of more tables than this are drawn only where they are asked for: it takes a second a table. */
const mostDrawn = 12;

/** The command `report`. */
export function reportCommand(): Command {
  const command = new Command('report')
    .summary('write tables, charts and a page of all records')
    .description('Puts all records below results folders into tables and charts; it runs nothing.')
    .option('--out <folder>', 'where to write', 'reports')
    .option(
      '--format <names>',
      `which files to write, of ${Object.keys(formats).join(',')} (default: ${usual.join(',')})`,
    )
    .option('--columns <names...>', columnsHelp)
    .option(
      '--pareto <names...>',
      'a picture of any two columns with its Pareto front: what goes across and what up, metrics or costs',
    )
    .option('--published <folder>', "results of peft's method_comparison to show beside ours")
    .option('--open', 'show the page in a browser');
  return addShownOptions(command).action(report);
}

async function report(options: ReportOptions): Promise<void> {
  const { out, format, open } = options;
  const asked = [...new Set(format?.split(',').map((name) => name.trim()) ?? usual)];
  const unknown = asked.find((name) => !Object.hasOwn(formats, name));
  if (unknown !== undefined) {
    const known = Object.keys(formats);
    throw new UsageError(
      `--format ${unknown}: there is no such format.${didYouMean(unknown, known)} Formats: ${known.join(', ')}.`,
    );
  }
  if (open && !asked.includes('html')) throw new UsageError('--open shows the page; add html to --format.');
  // Imported here, because help need not wait for it.
  const { readPage, readReport } = await import('../../reporting/report/read-report.ts');
  const shown = await readShown(options);
  const columns = options.columns && findColumns(options.columns);
  const own = await readReport({ ...shown.context, columns });
  const read = options.published === undefined ? own : await withPublished(own, options.published);
  const page = withAxes(await readPage(read), options.pareto);
  tellUntrusted(read.untrusted, options);
  shown.checkNames();
  const parts = [read.tables, read.published, read.evaluations, read.judged];
  if (parts.every((part) => part.length === 0)) {
    throw new UsageError(`${read.results} holds no records to report; "bench run" makes some.`);
  }
  if (format === undefined && read.tables.length > mostDrawn) {
    asked.splice(asked.indexOf('png'), 1);
    note(`${read.tables.length} tables: charts as pictures only by --format png.`);
  }
  const contents: Files = {};
  for (const name of asked) Object.assign(contents, await formats[name]!(read, page));
  for (const [path, content] of Object.entries(contents)) {
    const file = join(out, path);
    await makeFolder(dirname(file));
    await writeFileAtomic(file, content);
  }
  for (const line of listFiles(out, Object.keys(contents))) print(line);
  if (open) openFile(join(out, 'report.html'));
}

/** The page's data with the two columns of its picture; throws UsageError where no table has them. */
function withAxes(page: PageData, names: readonly string[] | undefined): PageData {
  if (names === undefined) return page;
  const [across, up, ...more] = names.flatMap((name) => name.split(','));
  if (across === undefined || up === undefined || more.length > 0) {
    throw new UsageError(
      '--pareto takes two columns: what goes across and what up, such as --pareto memory BLEU.',
    );
  }
  const known = [
    ...new Set(page.tables.flatMap(({ metrics, costs }) => [...metrics, ...costs].map(({ name }) => name))),
  ];
  const unknown = [across, up].find((name) => !known.includes(name));
  if (unknown === undefined) return { ...page, axes: { across, up } };
  throw new UsageError(
    `--pareto ${unknown}: no table has such a column.${didYouMean(unknown, known)} Columns: ${known.join(', ')}.`,
  );
}

/** The report with published results. */
async function withPublished(report: OpenReport, folder: string): Promise<OpenReport> {
  const { publishedResults } = await import('../../reporting/peft/published-results.ts');
  const { tables, untrusted } = await publishedResults(folder);
  return { ...report, published: tables, untrusted: [...report.untrusted, ...untrusted] };
}

/** Files by their paths, and folders of files by how many there are. */
function listFiles(out: string, paths: readonly string[]): string[] {
  const folders = new Map<string, number>();
  for (const path of paths) {
    if (path.includes('/')) folders.set(dirname(path), (folders.get(dirname(path)) ?? 0) + 1);
  }
  return [
    ...paths.filter((path) => !path.includes('/')).map((path) => join(out, path)),
    ...[...folders].map(([folder, count]) => `${join(out, folder)} (${counted(count, 'file')})`),
  ];
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
