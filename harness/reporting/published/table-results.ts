/**
 * Collects the runs behind a published table, those that have records and those that end while the command runs, and
 * puts them beside the printed numbers. Used by `bench reproduce`; it runs nothing.
 */
import type { PublishedRow } from '../../papers/published-table.ts';
import type { RunRecord } from '../../records/record.ts';
import { tableRows, type TableRun } from '../tables/compare-rows.ts';
import type { Row } from '../tables/row.ts';
import type { OurRuns, PublishedTable } from './published-table.ts';

/** A printed row on one task, and the cells that run for it: one for each seed. */
export interface PlannedRun<Outcome extends TableRun> {
  readonly row: PublishedRow;
  readonly task: string;
  readonly cells: readonly (Outcome['cell'] & { readonly seed: number })[];
  /** Why it is not run. */
  readonly reason?: string;
}

/** What is known of a run before anything is run. */
export interface KnownRun<Outcome extends TableRun> {
  readonly run: PlannedRun<Outcome>;
  /** The records by seed. */
  readonly records: ReadonlyMap<number, { readonly record: RunRecord; readonly path: string }>;
  /** Why the run cannot be estimated. */
  readonly problem?: string;
}

/** A run with its outcomes so far. */
interface Collected<Outcome extends TableRun> {
  readonly run: PlannedRun<Outcome>;
  /** The outcomes by seed. */
  readonly outcomes: Map<number, Pick<TableRun, 'cell' | 'record' | 'path'>>;
  /** Why seeds are missing. */
  reason: string | undefined;
  seeds: Pick<Row, 'collapsed' | 'diverged'>;
  marks?: OurRuns['marks'];
}

/** The results of a published table, filled in as runs end. */
export class TableResults<Outcome extends TableRun> {
  readonly #compare: (ours: readonly OurRuns[]) => PublishedTable;
  readonly #runs: readonly Collected<Outcome>[];
  /** The comparisons behind the marks; empty until `finish`. */
  comparisons: readonly object[] = [];

  constructor(known: readonly KnownRun<Outcome>[], compare: (ours: readonly OurRuns[]) => PublishedTable) {
    this.#compare = compare;
    this.#runs = known.map(({ run, records, problem }) => ({
      run,
      outcomes: new Map(
        run.cells.flatMap((cell) => {
          const found = records.get(cell.seed);
          return found ? [[cell.seed, { cell, ...found }] as const] : [];
        }),
      ),
      reason: run.reason ?? problem,
      seeds: {},
    }));
  }

  /** Adds a run's seed that has ended. */
  add(run: PlannedRun<Outcome>, outcome: Outcome): void {
    this.#find(run).outcomes.set(outcome.record.settings.seed, outcome);
  }

  /** Says why the seeds of a run that have not ended are left out. */
  leaveOut(run: PlannedRun<Outcome>, reason: string): void {
    this.#find(run).reason = reason;
  }

  /** Says that the command was stopped, of every run with missing seeds that has no other reason. */
  stop(): void {
    for (const collected of this.#runs) {
      if (collected.outcomes.size < collected.run.cells.length) collected.reason ??= 'stopped';
    }
  }

  /** How many runs have failed. */
  get failed(): number {
    return this.records().filter(({ status }) => status === 'failed').length;
  }

  /** All records with their paths. */
  records(): (RunRecord & { path: string })[] {
    return this.#runs.flatMap(({ outcomes }) =>
      [...outcomes.values()].map(({ record, path }) => ({ path, ...record })),
    );
  }

  /** The table as it stands. */
  compare(): PublishedTable {
    return this.#compare(
      this.#runs.map(({ run, outcomes, reason, seeds, marks }) => ({
        row: run.row,
        task: run.task,
        base: run.cells[0]?.model,
        planned: run.cells.length,
        reason,
        ...seeds,
        marks,
        records: run.cells.flatMap(({ seed }) => outcomes.get(seed)?.record ?? []),
      })),
    );
  }

  /** Compares our rows with each other and looks for collapsed and diverged seeds, which reads predictions and logs. */
  async finish(isPrinted: (task: string, metric: string) => boolean): Promise<void> {
    const all = this.#runs.flatMap(({ outcomes }) => [...outcomes.values()]);
    // Bases that share a rehearsal base share its runs.
    const distinct = [...new Map(all.map((outcome) => [outcome.path, outcome])).values()];
    const { rows, comparisons } = await tableRows(distinct, isPrinted);
    this.comparisons = comparisons;
    for (const collected of this.#runs) {
      const [cell] = collected.run.cells;
      const row = rows.find(
        ({ task, model, variant }) =>
          task === cell?.task.name && model === cell.model && variant === cell.variant.name,
      );
      collected.seeds = {
        ...(row?.collapsed && { collapsed: row.collapsed }),
        ...(row?.diverged && { diverged: row.diverged }),
      };
      collected.marks = row?.marks;
    }
  }

  #find(run: PlannedRun<Outcome>): Collected<Outcome> {
    return this.#runs.find((collected) => collected.run === run)!;
  }
}
