import { join } from 'node:path';
import { comparable, markTable, type ComparedRow } from '../reporting/marks.ts';
import type { ReportRow, ReportTable } from '../reporting/report/rows.ts';
import { loadTasks } from '../runs/plugins.ts';
import { predictionReader } from '../runs/seed-tests.ts';
import { note } from './output.ts';
import { testsOf } from './table-rows.ts';

/** Comparing runs of more test examples than these together takes minutes, longer than somebody waits for a report. */
const mostExamples = 40_000;

/** The tables with what is bold and underlined, each one family of comparisons, and with seeds that collapsed; and why not, where not. */
export async function markTables(
  tables: readonly ReportTable[],
  results: string,
): Promise<{ tables: readonly ReportTable[]; why?: string }> {
  const runs = tables.flatMap(({ rows }) => rows.flatMap((row) => row.runs));
  const examples = runs.reduce((sum, { record }) => sum + (record.examples?.test.used ?? 100), 0);
  if (examples > mostExamples) {
    const why = `Nothing is marked as best: ${runs.length} runs have more than ${mostExamples.toLocaleString('en')} test examples to compare; --results with a folder of fewer runs marks them.`;
    return { tables, why };
  }
  if (examples > mostExamples / 10) note('Comparing the rows of each table …');
  const tasks = await loadTasks();
  const read = predictionReader();
  const marked: ReportTable[] = [];
  for (const table of tables) {
    const compared: ComparedRow[] = [];
    for (const { row, protocol, runs } of table.rows) {
      const task = tasks.get(row.task);
      const finished = runs.filter(({ record }) => record.status === 'finished');
      const predictions = await Promise.all(
        finished.map(async ({ path, record }) =>
          task ? await read({ cell: { task }, record, path: join(results, path) }) : undefined,
        ),
      );
      const collapsed = finished.flatMap(({ record }, i) =>
        predictions[i]?.collapsed ? record.settings.seed : [],
      );
      compared.push({
        row: { ...row, ...(collapsed.length > 0 && { collapsed }) },
        protocol,
        tests: (metric) => testsOf(metric, finished, predictions),
      });
    }
    const marks = comparable(compared) ? (await markTable(compared)).marks : undefined;
    marked.push({
      ...table,
      rows: table.rows.map((reported, i): ReportRow => {
        const { row } = compared[i]!;
        const own = marks?.get(row);
        return { ...reported, row: own ? { ...row, marks: Object.fromEntries(own) } : row };
      }),
    });
  }
  return { tables: marked };
}
