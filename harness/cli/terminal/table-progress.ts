import type { OurRuns, PublishedTable } from '../../reporting/published/published-table.ts';
import type { Row } from '../../reporting/tables/row.ts';
import type { Outcome } from '../../runs/execute/executor.ts';
import type { RunState, TableRun } from '../../runs/reproduce/plan-table.ts';

interface Known {
  readonly run: TableRun;
  /** By seed. */
  readonly outcomes: Map<number, Outcome>;
  /** Why seeds are missing. */
  reason: string | undefined;
  seeds: Pick<Row, 'collapsed' | 'diverged'>;
  marks?: OurRuns['marks'];
}

/** What is known of a table's runs while they go on. */
export class TableProgress {
  readonly #compare: (ours: readonly OurRuns[]) => PublishedTable;
  readonly #runs: readonly Known[];
  comparisons: readonly object[] = [];

  constructor(states: readonly RunState[], compare: (ours: readonly OurRuns[]) => PublishedTable) {
    this.#compare = compare;
    this.#runs = states.map(({ run, records, problem }) => ({
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

  add(run: TableRun, outcome: Outcome): void {
    this.#find(run).outcomes.set(outcome.cell.seed, outcome);
  }

  reason(run: TableRun, text: string): void {
    this.#find(run).reason = text;
  }

  /** No more seeds are run. */
  stopped(): void {
    for (const known of this.#runs) {
      if (known.outcomes.size < known.run.cells.length) known.reason ??= 'stopped';
    }
  }

  get failed(): number {
    return this.runs().filter(({ status }) => status === 'failed').length;
  }

  runs(): (Outcome['record'] & { path: string })[] {
    return this.#runs.flatMap(({ outcomes }) =>
      [...outcomes.values()].map(({ record, path }) => ({ path, ...record })),
    );
  }

  /** The table as it stands. */
  compare(): PublishedTable {
    return this.#compare(
      this.#runs.map(({ run, outcomes, reason, seeds, marks }) => ({
        ...{ row: run.row, task: run.task, base: run.cells[0]?.model, planned: run.cells.length },
        ...{ reason, ...seeds, marks },
        records: run.cells.flatMap(({ seed }) => outcomes.get(seed)?.record ?? []),
      })),
    );
  }

  /** Compares our rows with each other and looks for collapsed and diverged seeds, which takes predictions and logs. */
  async finish(isPrinted: (task: string, metric: string) => boolean): Promise<void> {
    const { tableRows } = await import('../../reporting/tables/compare-rows.ts');
    const all = this.#runs.flatMap(({ outcomes }) => [...outcomes.values()]);
    // Bases that share a rehearsal share its runs.
    const once = [...new Map(all.map((outcome) => [outcome.path, outcome])).values()];
    const { rows, comparisons } = await tableRows(once, isPrinted);
    this.comparisons = comparisons;
    for (const known of this.#runs) {
      const [cell] = known.run.cells;
      const row = rows.find(({ task, model, variant }) => task === cell?.task.name && model === cell.model && variant === cell.variant.name); // prettier-ignore
      known.seeds = {
        ...(row?.collapsed && { collapsed: row.collapsed }),
        ...(row?.diverged && { diverged: row.diverged }),
      };
      known.marks = row?.marks;
    }
  }

  #find(run: TableRun): Known {
    return this.#runs.find((known) => known.run === run)!;
  }
}
