/** `bench table`: the main-result table of papers, methods by tasks, from the records below results folders. */
import { Command, Option } from 'commander';
import type { Axis, MainTable } from '../../reporting/main/main-table.ts';
import { UsageError } from '../../support/errors.ts';
import { addShownOptions, readShown, type ShownOptions } from '../arguments/shown-records.ts';
import { print, printJson, terminalWidth } from '../terminal/output.ts';

interface Options extends ShownOptions {
  readonly rows: Axis;
  readonly columns: Axis;
  readonly avg?: true;
  readonly rank?: true;
  readonly format: (typeof formats)[number];
  readonly json?: true;
}

const axes = ['methods', 'tasks', 'models'] as const satisfies readonly Axis[];
const formats = ['text', 'md', 'tex', 'csv'] as const;

/** The command `table`. */
export function tableCommand(): Command {
  const command = new Command('table')
    .summary('print the main-result table: methods by tasks')
    .description(
      'Prints what records say as one table of two dimensions, a table for each value of the third; ' +
        'each task is shown by its first metric.',
    )
    .addOption(new Option('--rows <what>', 'what the rows are').choices(axes).default('methods'))
    .addOption(new Option('--columns <what>', 'what the columns are').choices(axes).default('tasks'))
    .option('--avg', 'the average over tasks, of rows that have all of them')
    .option('--rank', 'the mean rank over tasks and the number of wins')
    .addOption(new Option('--format <name>', 'how it is written').choices(formats).default('text'))
    .option('--json', 'print one JSON document');
  return addShownOptions(command).action(table);
}

async function table(options: Options): Promise<void> {
  const { rows, columns, avg = false, rank = false, format, json } = options;
  if (rows === columns) {
    const others = axes.filter((axis) => axis !== rows).join(' or ');
    throw new UsageError(`--rows and --columns are both ${rows}; let one of them be ${others}.`);
  }
  if ((avg || rank) && rows !== 'tasks' && columns !== 'tasks') {
    throw new UsageError(
      `${avg ? '--avg' : '--rank'} is over tasks: let --rows or --columns be tasks, or leave it out.`,
    );
  }
  const shown = await readShown(options);
  const { readReport } = await import('../../reporting/report/read-report.ts');
  const { mainTables } = await import('../../reporting/main/main-table.ts');
  const { tellUntrusted } = await import('../terminal/untrusted.ts');
  const report = await readReport(shown.context);
  tellUntrusted(report.untrusted, options);
  shown.checkNames();
  if (report.tables.length === 0) {
    throw new UsageError(`${report.results} holds no records to show; "bench run" makes some.`);
  }
  const order = shown.tasks ?? [];
  const ordered = report.tables.toSorted(
    (a, b) => order.indexOf(a.rows[0]!.row.task) - order.indexOf(b.rows[0]!.row.task),
  );
  const tables = mainTables(ordered, { rows, columns, average: avg, rank });
  if (json) printJson({ tables });
  else print(await textOf(tables, format));
}

/** The tables in a format. */
async function textOf(tables: readonly MainTable[], format: Options['format']): Promise<string> {
  const { markdownTable } = await import('../../reporting/report/markdown.ts');
  const { latexOf } = await import('../../reporting/report/latex.ts');
  const { printedCsv } = await import('../../reporting/report/csv.ts');
  const { printedText } = await import('../../reporting/main/printed-text.ts');
  const write = {
    text: (table: MainTable) => printedText(table, terminalWidth()),
    md: markdownTable,
    tex: (table: MainTable) => latexOf(table, table.slug).trimEnd(),
    csv: (table: MainTable) => printedCsv(table).trimEnd(),
  }[format];
  return tables.map(write).join('\n\n');
}
