/**
 * What `bench reproduce` prints beside the table itself: the estimates of its runs, and tables of settings.
 */
import { paperModel } from '../../papers/find-recipe.ts';
import { sizeText } from '../../runs/memory/memory-here.ts';
import type { EvaluatedColumn } from '../../runs/reproduce/evaluated-columns.ts';
import type { RunState } from '../../runs/reproduce/inspect-runs.ts';
import type { TableRun } from '../../runs/reproduce/plan-table.ts';
import type { SettingsTable } from '../../runs/reproduce/settings-table.ts';
import { wrapText } from '../../reporting/tables/layout-text.ts';
import { counted } from '../../support/counted.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { durationText } from './duration.ts';
import { columns } from './output.ts';

/** Names a run as the paper calls it, with the base that runs where another stands in. */
export function nameOf({ row: { model, method }, task, cells: [cell] }: TableRun) {
  const base = cell !== undefined && paperModel(cell.model) !== model ? cell.model : undefined;
  return { task, model, ...(base !== undefined && { base }), method };
}

/** Names the base of a run: `roberta-mini for roberta-large`. */
export function baseText(run: TableRun): string {
  const { model, base } = nameOf(run);
  return base === undefined ? model : `${base} for ${model}`;
}

/** The time of `--budget` in seconds, and how many seeds of each run fit into it. */
export interface Budget {
  readonly seconds: number;
  readonly fits: readonly number[];
}

/**
 * Lists the runs in their order with time and memory, and whether they fit the budget where there is one;
 * below them those that cannot be estimated, each reason once.
 */
export function estimatesText(
  order: readonly RunState[],
  basis: string | undefined,
  budget: Budget | undefined,
): string {
  const rows: string[][] = [];
  const unknown = new Map<string, string[]>();
  for (const [i, { run, missing, estimate, problem = 'nobody knows why' }] of order.entries()) {
    const { task, method } = nameOf(run);
    if (!estimate) {
      unknown.set(problem, [...(unknown.get(problem) ?? []), `${task} ${baseText(run)} ${method}`]);
      continue;
    }
    const seeds = counted(missing.length, 'seed');
    const cost = [timeText(task, missing.length, estimate.seconds), sizeText(estimate.bytes)];
    if (budget) cost.push(fitText(budget.fits[i]!, missing.length));
    rows.push([task, baseText(run), method, seeds, cost.join(', ')]);
  }
  const from = `Estimated for this device from ${basis ?? 'earlier runs'}`;
  const head = `${from}, or from finished seeds of the same cell; in this order:`;
  const known = [head, columns(rows), totalText(order), ...(budget ? [budgetText(order, budget)] : [])];
  return [
    ...(rows.length > 0 ? known : []),
    ...[...unknown].map(([reason, names]) => `Not estimated: ${names.join(', ')}. ${reason}`),
  ].join('\n');
}

/** Says of a table of which nothing is to be run that all is done, or why its rows are not run. */
export function nothingLeftText(states: readonly RunState[], width: number, isEvaluated: boolean): string {
  const reasons = new Map<string, string[]>();
  for (const { run } of states) {
    if (run.reason === undefined) continue;
    const { task, method } = nameOf(run);
    reasons.set(run.reason, [...(reasons.get(run.reason) ?? []), `${run.row.model} ${method} ${task}`]);
  }
  const done = isEvaluated ? 'is trained' : 'has run';
  if (reasons.size === 0) return `Everything ${done}.`;
  const isPartly = states.some(({ run }) => run.reason === undefined);
  const lines = [...reasons].map(([reason, names]) =>
    wrapText(`not run: ${reason} (${[...new Set(names)].join(', ')})`, width),
  );
  const head = isPartly
    ? `Everything that can be run ${done}; the rest:`
    : 'Nothing of this table can be run:';
  return [head, ...lines].join('\n');
}

/** Says by what each run is evaluated after its training. */
export function evaluationsText(columns: readonly EvaluatedColumn[], width: number): string {
  const asked = columns.filter(({ reason }) => reason === undefined);
  const texts = asked.map(({ task, text }) => `${task} by ${text}`);
  const all = texts.join(', ');
  return wrapText(
    `Each run is then evaluated, where it has no record: ${all}. This is not estimated.`,
    width,
  );
}

function timeText(task: string, seeds: number, seconds: number | undefined): string {
  if (seconds === undefined) return `unknown time (${task} has no sizes)`;
  return `${durationText(seconds)} each, ${durationText(seconds * seeds)} in all`;
}

function fitText(fits: number, seeds: number): string {
  if (fits === seeds) return 'fits --budget';
  return fits === 0 ? 'over --budget' : `${fits} of ${seeds} seeds fit --budget`;
}

function totalText(order: readonly RunState[]): string {
  const total = sum(order.map(({ missing, estimate }) => missing.length * (estimate?.seconds ?? 0)));
  const isPartlyUnknown = order.some(({ estimate }) => estimate && estimate.seconds === undefined);
  return `Together ${durationText(total)}${isPartlyUnknown ? ' and what is unknown' : ''}.`;
}

function budgetText(order: readonly RunState[], { seconds, fits }: Budget): string {
  const [some, all] = [sum(fits), sum(order.map(({ missing }) => missing.length))];
  const time = sum(order.map(({ estimate }, i) => fits[i]! * (estimate?.seconds ?? 0)));
  return `--budget of ${durationText(seconds)}: ${some} of ${all} seeds fit, which take ${durationText(time)}.`;
}

/** A table of settings, theirs, and ours where it differs. */
export function settingsText(
  { id, caption, columns: names, rows, notes }: SettingsTable,
  protocol: string,
): string {
  const lines = rows.map(({ label, theirs, ours }) => [
    label,
    ...theirs.map((value, i) =>
      ours[i] === undefined || ours[i] === value ? value : `${value} → ${ours[i]}`,
    ),
  ]);
  return [
    `${id}: ${caption} (theirs; → ours under protocol ${protocol}, where it differs)`,
    columns([['', ...names], ...lines]),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ].join('\n\n');
}
