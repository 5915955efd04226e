// Marks the tables of a report, one after the other.
import { markTable, type ComparedRow } from '../tables/marks.ts';
import type { ReportRow, ReportTable } from './rows.ts';
import { join } from 'node:path';
import { predictionReader } from '../tables/seed-tests.ts';
import type { Task } from '../../data/examples/task.ts';
import { comparedRow } from '../tables/compare-rows.ts';

/** Tables whose runs have more test examples together take seconds, which is said. */
const manyExamples = 20_000;

/** Where the runs of a report lie, and what it is told. */
export interface ReportContext {
  readonly results: string;
  /** The tasks by name: runs of others are not compared. */
  readonly tasks: ReadonlyMap<string, Task>;
  /** Something that the user should know; one line. */
  onNote(text: string): void;
}

/**
 * The tables with what is bold and underlined, each one family of comparisons; with seeds that collapsed; and
 * why not, where not.
 */
export async function markTables(
  tables: readonly ReportTable[],
  { results, tasks, onNote }: ReportContext,
): Promise<ReportTable[]> {
  const marked: ReportTable[] = [];
  for (const table of tables) {
    const runs = table.rows.flatMap((row) => row.runs);
    const examples = runs.reduce((sum, { record }) => sum + (record.examples?.test.used ?? 0), 0);
    if (examples > manyExamples) {
      onNote(`Comparing the rows of ${table.title}: ${examples.toLocaleString('en')} answers …`);
    }
    // A reader for each table, because what it keeps is of use to that table alone.
    const read = predictionReader();
    const compared: ComparedRow[] = [];
    for (const { row, protocol, runs } of table.rows) {
      const task = tasks.get(row.task);
      const finished = runs.flatMap(({ path, record }) =>
        task && record.status === 'finished' ? [{ cell: { task }, record, path: join(results, path) }] : [],
      );
      compared.push(await comparedRow(row, { task, protocol }, finished, read));
    }
    const { rows } = await markTable(compared);
    marked.push({
      ...table,
      rows: table.rows.map((reported, i): ReportRow => ({ ...reported, row: rows[i]! })),
    });
  }
  return marked;
}
