/**
 * Collects the runs behind a published table, those that have records and those that end while the command runs, and
 * puts them beside the printed numbers. Used by `bench reproduce`; it runs nothing.
 */
import type { PublishedRow } from '../../papers/published-table.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import type { JudgementRecord } from '../../records/judgement-record.ts';
import type { RunRecord } from '../../records/record.ts';
import { tableRows, type TableRun } from '../tables/compare-rows.ts';
import type { EvaluatedRun } from './evaluation-scores.ts';
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

/** A column that is an evaluation of what the runs train, by the column's task. */
export interface EvaluatedColumn {
  readonly task: string;
  /** Why it is not evaluated. */
  readonly reason?: string | undefined;
}

/** A planned run with the records that it has, before anything is trained. */
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
  readonly outcomes: Map<number, Pick<Outcome, 'cell' | 'record' | 'path'>>;
  /** Why seeds are missing. */
  reason: string | undefined;
  seeds: Pick<Row, 'collapsed' | 'diverged'>;
  marks?: OurRuns['marks'];
}

/** A column with the evaluations of all runs, as far as they are done. */
interface CollectedColumn {
  readonly task: string;
  reason: string | undefined;
  evaluated: readonly EvaluatedRun[];
}

/** The results of a published table, filled in as runs end. */
export class TableResults<Outcome extends TableRun> {
  readonly #compare: (ours: readonly OurRuns[]) => PublishedTable;
  readonly #runs: readonly Collected<Outcome>[];
  readonly #columns: readonly CollectedColumn[] | undefined;
  /** The comparisons behind the marks; empty until `finish`. */
  comparisons: readonly object[] = [];

  /** `columns` are those of a table whose runs are evaluated. */
  constructor(
    known: readonly KnownRun<Outcome>[],
    compare: (ours: readonly OurRuns[]) => PublishedTable,
    columns?: readonly EvaluatedColumn[],
  ) {
    this.#compare = compare;
    this.#columns = columns?.map(({ task, reason }) => ({ task, reason, evaluated: [] }));
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

  /** Adds the evaluations of a column. */
  addEvaluations(task: string, evaluated: readonly EvaluatedRun[]): void {
    this.#column(task).evaluated = evaluated;
  }

  /** Adds the judgements of answers, by the identities of the answers' records. */
  addJudgements(judgements: ReadonlyMap<string, JudgementRecord>): void {
    for (const column of this.#columns ?? []) {
      column.evaluated = column.evaluated.map((one) => ({
        ...one,
        judgement: judgements.get(one.record.identity),
      }));
    }
  }

  /** Says why a column is not evaluated. */
  leaveOutColumn(task: string, reason: string): void {
    this.#column(task).reason ??= reason;
  }

  /** Says that the command was stopped, of all that is missing for no other reason. */
  stop(): void {
    for (const collected of this.#runs) {
      if (collected.outcomes.size < collected.run.cells.length) collected.reason ??= 'stopped';
    }
    for (const column of this.#columns ?? []) {
      if (column.evaluated.length === 0) column.reason ??= 'stopped';
    }
  }

  /** How many runs and evaluations have failed. */
  get failed(): number {
    const all = [...this.records(), ...this.evaluations()];
    return all.filter(({ status }) => status === 'failed').length;
  }

  /** The outcomes of all runs, each once: bases that share a rehearsal base share its runs. */
  get outcomes(): Pick<Outcome, 'cell' | 'record' | 'path'>[] {
    const all = this.#runs.flatMap(({ outcomes }) => [...outcomes.values()]);
    return [...new Map(all.map((outcome) => [outcome.path, outcome])).values()];
  }

  /** The records of all evaluations with their paths, each once. */
  evaluations(): (EvaluationRecord & { path: string })[] {
    const all = (this.#columns ?? []).flatMap(({ evaluated }) => evaluated);
    return [...new Map(all.map(({ record, path }) => [path, { path, ...record }])).values()];
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
      this.#runs.flatMap((collected): OurRuns[] => {
        const own = oursOf(collected);
        return this.#columns?.map((column) => withEvaluations(own, column)) ?? [own];
      }),
    );
  }

  /** Compares our rows with each other and looks for collapsed and diverged seeds, which reads predictions and logs. */
  async finish(isPrinted: (task: string, metric: string) => boolean): Promise<void> {
    const { rows, comparisons } = await tableRows(this.outcomes, isPrinted);
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

  #column(task: string): CollectedColumn {
    return this.#columns!.find((column) => column.task === task)!;
  }
}

function oursOf({ run, outcomes, reason, seeds, marks }: Collected<TableRun>): OurRuns {
  return {
    row: run.row,
    task: run.task,
    base: run.cells[0]?.model,
    planned: run.cells.length,
    reason,
    ...seeds,
    marks,
    records: run.cells.flatMap(({ seed }) => outcomes.get(seed)?.record ?? []),
  };
}

/** A row in one column that is an evaluation of what its runs trained. */
function withEvaluations(own: OurRuns, { task, reason, evaluated }: CollectedColumn): OurRuns {
  return {
    ...own,
    task,
    reason: reason ?? own.reason,
    evaluated: own.records.map(({ files }) =>
      evaluated.filter(({ record }) => record.settings.trained === files.tensors?.sha256),
    ),
  };
}
