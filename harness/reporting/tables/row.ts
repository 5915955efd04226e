/** A row of a table: one method on one base and task, summarised over its seeds. */
import { baseWeightsText } from '../../models/bases/base-weights.ts';
import { isSameForEverySeed, isStanding, type RunRecord } from '../../records/record.ts';
import { costsOf, trainedParameters, type Costs, type MeasuredRun } from './cost-columns.ts';
import type { Diverged } from './diverged.ts';
import { summarise, type Summary } from './statistics.ts';
import { discrepancies, seedChoice } from '../../papers/find-discrepancies.ts';

/** One method on one base and task, with the records of its seeds. */
export interface RowInput {
  readonly task: string;
  readonly model: string;
  readonly variant: string;
  readonly label: string;
  readonly records: readonly RunRecord[];
  /** Measurements from the files beside the records; costs that need them are missing where it is absent. */
  readonly measured?: readonly MeasuredRun[];
}

/** A row with its numbers, in printed units (value × scale). */
export interface Row {
  readonly task: string;
  /** The task, and its data if these are not the task's own: `e2e`, `e2e (built-in)`. */
  readonly title: string;
  readonly model: string;
  readonly variant: string;
  /** How the weights of the base's linear modules were kept: `float32`, `nf4`, … */
  readonly baseWeights: string;
  /** The method's label, with the precision if it is not float32; LoRA on a base in NF4 is QLoRA. */
  readonly label: string;
  /** The number of trained parameters, with the task's head if the protocol counts it. */
  readonly trainedParameters: number;
  readonly costs: Costs;
  readonly metrics: readonly MetricSummary[];
  readonly planned: number;
  readonly finished: number;
  readonly failures: readonly { readonly seed: number; readonly reason: string }[];
  /** The number of best seeds, by the first metric, that are averaged if the protocol chooses. */
  readonly best?: number;
  /**
   * Set on standing rows, below the methods: `base` is the frozen base, or an encoder with its head trained;
   * `no-model` answers without a model and is never compared.
   */
  readonly standing?: 'base' | 'no-model';
  /** True if one run stands for every seed, because it trains and draws nothing. */
  readonly everySeed?: true;
  /** Collapsed seeds: all their predictions are the same. */
  readonly collapsed?: readonly number[];
  /** Diverged seeds: their training loss ended above its start. */
  readonly diverged?: readonly Diverged[];
  /** The marks by metric; absent if nothing may be marked. */
  readonly marks?: Readonly<Record<string, Mark>>;
  /**
   * Notes for the table's foot: the precision if it is not float32, what the protocol took from a paper or
   * its code (`<id>=<side>: <what it does>`), and why nothing is marked.
   */
  readonly notes: readonly string[];
}

export interface MetricSummary extends Summary {
  readonly name: string;
  readonly higherIsBetter: boolean;
  readonly decimals: number;
}

/** Summarises the records of a row; failed seeds are counted and named, never averaged. */
export function summariseRow({ records, measured, ...row }: RowInput): Row {
  const finished = records.filter(({ status }) => status === 'finished');
  const { published, settings, method } = records[0]!;
  const keep = keptSeeds(row.task, records[0]!);
  const [averaged, best] =
    keep !== undefined && keep < finished.length ? [bestOf(finished, keep), keep] : [finished];
  const infos = finished[0]?.metrics ?? [];
  const metrics = infos.map(({ name, higherIsBetter, scale, decimals }) => {
    const values = averaged.map(
      (record) => record.metrics.find((metric) => metric.name === name)!.value * scale,
    );
    return { name, higherIsBetter, decimals, ...summarise(values) };
  });
  const { precision, baseWeights } = settings;
  const isHeadOnly = settings.methods.every(({ name }) => name === 'none') && records[0]!.parameters.head > 0;
  const isQlora = baseWeights?.kind === 'nf4' && settings.methods.every(({ name }) => name === 'lora');
  const named = isQlora ? row.label.replace(/^LoRA/, 'QLoRA') : row.label;
  const name = isHeadOnly ? named.replace(/^Frozen base/, 'Head only') : named;
  const halved = precision !== 'float32';
  const everySeed = records.length === 1 && isSameForEverySeed(records[0]!);
  return {
    ...row,
    label: halved ? `${name} (${precision})` : name,
    baseWeights: baseWeightsText(baseWeights),
    title: settings.data.form === 'built-in' ? `${row.task} (built-in)` : row.task,
    trainedParameters: trainedParameters(records[0]!),
    costs: costsOf(measured ?? records.map((record) => ({ record }))),
    metrics,
    planned: records.length,
    finished: finished.length,
    failures: records
      .filter(({ status }) => status === 'failed')
      .map(({ settings: { seed }, error }) => ({
        seed,
        reason: error ? `${error.name}: ${error.message}` : 'unknown',
      })),
    ...(best !== undefined && { best }),
    ...(isStanding(records[0]!) && { standing: method.answers ? ('no-model' as const) : ('base' as const) }),
    ...(everySeed && { everySeed }),
    notes: [
      ...(everySeed && !method.answers
        ? [`${row.label}: nothing is trained, so that one run stands for every seed`]
        : []),
      ...(halved ? [`${precision}: the precision of matrix products; all else is float32`] : []),
      ...unmerged(row.label, measured),
      ...footnotes(published, settings.protocol),
    ],
  };
}

/** Says why a row has no time of a token after merging, where that was measured. */
function unmerged(label: string, measured: readonly MeasuredRun[] = []): string[] {
  const why = measured.find(({ tokenTimes }) => tokenTimes?.unmerged !== undefined)?.tokenTimes?.unmerged;
  return why === undefined ? [] : [`${label} has no time after merging: ${why}`];
}

/** Rows of methods in their order, and below them the standing rows in theirs. */
export function standingLast<T>(rows: readonly T[], standingOf: (row: T) => Row['standing']): T[] {
  return [...rows.filter((row) => !standingOf(row)), ...rows.filter(standingOf)];
}

/** The number of seeds that the protocol averages; undefined if all. */
export function keptSeeds(task: string, { published, settings }: RunRecord): number | undefined {
  if (!published) return undefined;
  const run = { task, model: published.base, methods: settings.methods.map(({ name }) => name) };
  return seedChoice(run, (id) => published.sides[id] ?? 'corrected')?.keepBest;
}

/** The records with the best values of the first metric. */
export function bestOf(finished: readonly RunRecord[], count: number): RunRecord[] {
  const value = ({ metrics: [first] }: RunRecord): number =>
    first!.higherIsBetter ? first!.value : -first!.value;
  return [...finished].sort((a, b) => value(b) - value(a)).slice(0, count);
}

/** `best`: the best row and those not significantly worse (bold). `next`: the one after them (underlined). */
export type Mark = 'best' | 'next';

/** Notes on sides that depart from good practice or were asked for by name. */
export function footnotes(published: RunRecord['published'], protocol: string): string[] {
  return Object.entries(published?.sides ?? {}).flatMap(([id, side]) => {
    const says = discrepancies.find((entry) => entry.id === id)?.says;
    const shown = says !== undefined && (says[side] !== says.corrected || protocol.includes(`${id}=`));
    return shown || id === 'head-trained' ? [`${id}=${side}: ${says![side]}`] : [];
  });
}
