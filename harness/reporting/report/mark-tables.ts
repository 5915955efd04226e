// Marks the tables of a report, one after the other.
import { markTable, type ComparedRow } from '../tables/marks.ts';
import type { ReportRow, ReportTable, Split } from './rows.ts';
import { join } from 'node:path';
import { predictionReader } from '../tables/seed-tests.ts';
import type { Task } from '../../data/examples/task.ts';
import type { RunRecord } from '../../records/record.ts';
import { comparedRow } from '../tables/compare-rows.ts';

/** Comparing tables with more test examples than this takes seconds, and the user is told. */
const manyExamples = 20_000;

/** Which scores are marked, how a record's task is found, and how the user is told. */
export interface MarkContext {
  /** Scores of validation are not compared: it chose their checkpoints. */
  readonly split: Split;
  /** The task of a record; runs without are not compared. */
  taskOf(record: RunRecord): Task | undefined;
  /** Tells the user something in one line. */
  onNote(text: string): void;
}

/**
 * Adds marks (bold, underlined), collapsed seeds, and notes on why nothing is marked; each table is one
 * family of comparisons.
 */
export async function markTables(
  tables: readonly ReportTable[],
  { split, taskOf, onNote }: MarkContext,
): Promise<ReportTable[]> {
  if (split === 'validation') return [...tables];
  const marked: ReportTable[] = [];
  for (const table of tables) {
    const runs = table.rows.flatMap((row) => row.runs);
    const examples = runs.reduce((sum, { record }) => sum + (record.examples?.test.used ?? 0), 0);
    if (examples > manyExamples) {
      onNote(`Comparing the rows of ${table.title}: ${examples.toLocaleString('en')} answers …`);
    }
    // One reader a table: what it caches serves that table alone.
    const read = predictionReader();
    const compared: ComparedRow[] = [];
    for (const { row, protocol, runs } of table.rows) {
      const task = taskOf(runs[0]!.record);
      const finished = runs.flatMap(({ folder, path, record }) =>
        task && record.status === 'finished' ? [{ cell: { task }, record, path: join(folder, path) }] : [],
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
