/** The tables of a report: runs grouped into rows, rows into tables. */
import { groupBy } from '../../support/group-by.ts';
import type { RunRecord } from '../../records/record.ts';
import { flatten } from '../../support/json/flatten.ts';
import type { MeasuredRun } from '../tables/cost-columns.ts';
import type { Diverged } from '../tables/diverged.ts';
import { type Row, standingLast, summariseRow } from '../tables/row.ts';

/** The split whose scores a report shows. */
export type Split = RunRecord['metrics'][number]['split'];

/** A finished or failed run with what reports need of it. */
export interface ReportRun extends MeasuredRun {
  /** The results folder. */
  readonly folder: string;
  /** What rows of that folder are called, where a report is of several. */
  readonly from?: string | undefined;
  /** The path of its record, below the results folder. */
  readonly path: string;
  /** Points (step, training loss), thinned. */
  readonly losses?: readonly (readonly [number, number])[] | undefined;
  /** The first and last training loss, if the last is higher. */
  readonly divergence?: Omit<Diverged, 'seed'> | undefined;
}

/** A row of a table and its runs. */
export interface ReportRow {
  readonly row: Row;
  readonly protocol: string;
  readonly runs: readonly ReportRun[];
}

/** The trials of a table: what validation gave at which learning rate. */
export interface TableTrials {
  readonly metric: string;
  readonly higherIsBetter: boolean;
  readonly points: readonly {
    /** The label of the method's row. */
    readonly label: string;
    readonly learningRate: number;
    readonly value: number;
  }[];
}

/** Rows that can be compared: the same task, data, base and limits. */
export interface ReportTable {
  /** The name of its files and its anchor, unique in a report. */
  readonly slug: string;
  readonly title: string;
  /** The title without the base: the task, its data and limits. */
  readonly task: string;
  readonly model: string;
  /** The metrics of all its rows, in the task's order. */
  readonly metrics: readonly Pick<
    RunRecord['metrics'][number],
    'name' | 'higherIsBetter' | 'scale' | 'decimals'
  >[];
  readonly rows: readonly ReportRow[];
  /** The trials by which its methods were tuned, if they were. */
  readonly trials?: TableTrials | undefined;
}

/**
 * Groups runs into rows (settings equal but for the seed, of one folder) and rows into tables (the same task,
 * data, base and limits), sorted by title.
 */
export function reportTables(runs: readonly ReportRun[], split: Split = 'test'): ReportTable[] {
  const groups = [...groupBy(runs, ({ record: { settings } }) => tableKey(settings)).values()];
  const names = groups.map((group) => tableNames(group[0]!.record, split));
  const differences = distinguish(
    names.map(({ title }) => title),
    groups.map((group) => tableSettings(group[0]!.record.settings)),
  );
  const slugs = new Set<string>();
  return groups
    .map((group, i) => ({
      group,
      title: names[i]!.title + differences[i]!,
      task: names[i]!.task + differences[i]!,
      model: group[0]!.record.settings.model.id,
    }))
    .sort((a, b) => a.title.localeCompare(b.title, 'en'))
    .map(({ group, ...named }) => ({ slug: newSlug(named.title, slugs), ...named, ...tableOf(group) }));
}

function tableOf(runs: readonly ReportRun[]): Pick<ReportTable, 'metrics' | 'rows'> {
  const groups = [
    ...groupBy(runs, ({ from, record: { settings } }) =>
      JSON.stringify({ from, ...settings, seed: 0 }),
    ).values(),
  ];
  const first = groups.map((group) => group[0]!.record);
  const labels = groups.map(([run]) => run!.record.method.label + (run!.from ? `, ${run!.from}` : ''));
  const differences = distinguish(
    labels,
    // The row's label names the precision, so it need not distinguish rows.
    first.map(({ settings }) => ({ ...settings, seed: undefined, precision: undefined })),
  );
  const rows = groups.map((group, i): ReportRow => {
    const { settings, method } = first[i]!;
    const finished = group.filter(({ record }) => record.status === 'finished');
    const diverged = finished.flatMap(({ record, divergence }) =>
      divergence ? { seed: record.settings.seed, ...divergence } : [],
    );
    return {
      row: {
        ...summariseRow({
          task: settings.task.name,
          model: settings.model.id,
          variant: method.variant,
          label: labels[i]! + differences[i]!,
          records: group.map(({ record }) => record).sort((a, b) => a.settings.seed - b.settings.seed),
          measured: group,
        }),
        ...(diverged.length > 0 && { diverged }),
      },
      protocol: settings.protocol,
      runs: group,
    };
  });
  const sorted = rows.toSorted(
    (a, b) =>
      a.row.trainedParameters - b.row.trainedParameters || a.row.label.localeCompare(b.row.label, 'en'),
  );
  const metrics = new Map(
    runs.flatMap(({ record }) => record.metrics).map((metric) => [metric.name, metric]),
  );
  return {
    metrics: [...metrics.values()].map(({ name, higherIsBetter, scale, decimals }) => ({
      name,
      higherIsBetter,
      scale,
      decimals,
    })),
    rows: standingLast(sorted, ({ row }) => row.standing),
  };
}

type Settings = RunRecord['settings'];

const tableSettings = ({ task, data, model, limits }: Settings): object => ({ task, data, model, limits });
const tableKey = (settings: Settings): string => JSON.stringify(tableSettings(settings));

/** `e2e (built-in) · gpt2-mini, at most 20 steps`, and the same without the base. */
function tableNames(
  { settings: { task, data, model, limits } }: RunRecord,
  split: Split,
): { title: string; task: string } {
  const name = data.form === 'built-in' ? `${task.name} (built-in)` : task.name;
  const limited = [
    ...(limits.examples === null ? [] : [`, ${limits.examples} examples of each split`]),
    ...(limits.steps === null ? [] : [`, at most ${limits.steps} steps`]),
    ...(split === 'validation' ? [', validation'] : []),
  ].join('');
  return { title: `${name} · ${model.id}${limited}`, task: name + limited };
}

/** Suffixes that tell equal names apart: ` [learningRate=0.001]`, of the settings that differ. */
function distinguish(names: readonly string[], settings: readonly object[]): string[] {
  const flat = settings.map((value) => new Map(flatten(value)));
  const same = groupBy(
    names.map((_, i) => i),
    (i) => names[i]!,
  );
  return names.map((name, i) => {
    const others = same.get(name)!.map((other) => flat[other]!);
    const keys = new Set(others.flatMap((fields) => [...fields.keys()]));
    const differing = [...keys].filter((key) =>
      others.some((fields) => fields.get(key) !== flat[i]!.get(key)),
    );
    const shown = differing.map((key) => `${key.split('.').pop()!}=${flat[i]!.get(key) ?? '–'}`);
    return shown.length > 0 ? ` [${shown.join(', ')}]` : '';
  });
}

/** Makes the name of a file from a title. */
export function slugOf(title: string): string {
  return (
    title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 80) || 'table'
  );
}

function newSlug(title: string, taken: Set<string>): string {
  const plain = slugOf(title);
  let slug = plain;
  for (let n = 2; taken.has(slug); n++) slug = `${plain}-${n}`;
  taken.add(slug);
  return slug;
}
