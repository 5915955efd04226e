/**
 * What the predictions beside a run's record say of its metrics: the test of one seed, as the bootstrap of
 * marks.ts takes it. It reads predictions and the task's own ways to resample, and knows no metric by name. A
 * metric is used only if it gives the record's value on all examples.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, dirname } from 'node:path';
import { z } from 'zod';
import { hashFile } from '../../support/hash.ts';
import { metricName, type Draw, type LabelTask, type Task, type TextTask } from '../../data/examples/task.ts';
import type { SeedTest } from '../../metrics/resampling/resample-tests.ts';
import {
  sampledMean,
  scaled,
  type LabelledTest,
  type SampledMetric,
} from '../../metrics/resampling/sampled-metric.ts';
import { namedProtocol } from '../../papers/protocol.ts';
import { familyOf, isDrawnBySeed, type RunRecord } from '../../records/record.ts';

const rowSchema = z.looseObject({
  id: z.string(),
  /** A further test set. */
  set: z.string().optional(),
  prediction: z.union([z.string(), z.number()]).nullable(),
  label: z.number().optional(),
  references: z.array(z.string()).optional(),
  scores: z.record(z.string(), z.number()).optional(),
});
type Row = z.infer<typeof rowSchema>;

/** A run: its record, the file that the record lies in, and its task. */
export interface TestedRun {
  readonly record: RunRecord;
  readonly path: string;
  readonly cell: { readonly task: Task };
}

/**
 * Why a metric has no test: its predictions are missing or give another value, or its task cannot resample
 * it.
 */
export type Untested = 'other-predictions' | 'not-resampled';

/** The predictions that lie beside a record. */
export interface SeedPredictions {
  /** Every prediction of the test set is the same. */
  readonly collapsed: boolean;
  /** How many answers each resample of a metric goes through: none where kinds of answers are counted. */
  answers(metric: string): number;
  /** The test of a metric, in printed units, or why there is none. */
  test(metric: string): Promise<SeedTest | Untested>;
  /** The number of examples that the test set is drawn from by the seed, where it is. */
  readonly population: number | undefined;
}

/**
 * Makes a reader of finished runs' predictions, of which it keeps numbers alone. What many runs share is kept
 * once: lists of example ids, and the task's resampler for a set of references.
 */
export function predictionReader(): (tested: TestedRun) => Promise<SeedPredictions | undefined> {
  const resamplers = new Map<string, ReturnType<typeof resamplerFor>>();
  const shareResampler = (task: TextTask, references: readonly (readonly string[])[]) => {
    const key = `${task.name} ${hashOf(references)}`;
    const resampler = resamplers.get(key) ?? resamplerFor(task, references);
    resamplers.set(key, resampler);
    return resampler;
  };
  const lists = new Map<string, readonly string[]>();
  const shareIds = (rows: readonly Row[]): readonly string[] => {
    const ids = rows.map(({ id }) => id);
    const key = hashOf(ids);
    const kept = lists.get(key) ?? ids;
    lists.set(key, kept);
    return kept;
  };
  return async ({ cell: { task }, record, path }) => {
    const read = async () => (await readRows(record, path))?.map((row) => withSet(row, task));
    const rows = await read();
    if (!rows) return undefined;
    const metrics =
      task.kind === 'label'
        ? labelMetrics(rows, task, record, shareIds)
        : textMetrics(shareIds(rows), task, read, shareResampler);
    const [first, ...others] = rows.filter(({ set }) => set === undefined);
    return {
      collapsed: others.length > 0 && others.every(({ prediction }) => prediction === first!.prediction),
      answers: metrics.answers,
      population: populationOf(record),
      async test(name) {
        const info = record.metrics.find((metric) => metric.name === name);
        if (!info) return 'other-predictions';
        const found = await metrics.test(name);
        if (!found) return 'not-resampled';
        const { ids, metric } = found;
        const whole = metric(new Uint32Array(ids.length).fill(1));
        if (!isNear(Number.isNaN(whole) ? 0 : whole, info.value)) return 'other-predictions';
        return { ids, metric: scaled(metric, info.scale) };
      },
    };
  };
}

/** The metrics of one run's predictions, unscaled. */
interface Metrics {
  answers(name: string): number;
  /** Undefined where the task cannot resample the metric. */
  test(name: string): Promise<SeedTest | undefined>;
}

/**
 * The rows of a record's predictions; undefined where there are none, or they are not those that it names.
 */
async function readRows(record: RunRecord, path: string): Promise<Row[] | undefined> {
  const { predictions } = record.files;
  if (!predictions || predictions.name.includes('/')) return undefined;
  const file = join(dirname(path), predictions.name);
  try {
    if ((await hashFile(file)) !== predictions.sha256) return undefined;
    const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
    return lines.map((line) => rowSchema.parse(JSON.parse(line)));
  } catch {
    return undefined;
  }
}

/**
 * A row with its further test set, which files of earlier versions have in the ids of answers in words:
 * `mismatched/12`.
 */
function withSet(row: Row, task: Task): Row {
  if (row.set !== undefined) return row;
  const set = task.metrics.find((metric) => metric.set && row.id.startsWith(`${metric.set}/`))?.set;
  return set === undefined ? row : { ...row, set, id: row.id.slice(set.length + 1) };
}

function labelMetrics(
  rows: readonly Row[],
  task: LabelTask,
  record: RunRecord,
  shareIds: (rows: readonly Row[]) => readonly string[],
): Metrics {
  const { seed, protocol } = record.settings;
  const draw: Draw = { seed, family: familyOf(record), side: namedProtocol(protocol).side };
  const value = ({ prediction }: Row): number =>
    typeof prediction === 'string' ? task.read(prediction, draw) : (prediction ?? NaN);
  const sets = new Map(
    [...new Set(rows.map(({ set }) => set))].map((set) => {
      const own = rows.filter((row) => row.set === set);
      const test = { labels: own.map(({ label }) => label ?? NaN), predictions: own.map(value) };
      return [set, { ids: shareIds(own), test }];
    }),
  );
  const testOf = (name: string): SeedTest | undefined => {
    const info = task.metrics.find((metric) => metric.name === name);
    const found = info && sets.get(info.set);
    if (!found) return undefined;
    const resample = info.resample ?? ((test: LabelledTest) => sampledScore(task, info, test, draw));
    return { ids: found.ids, metric: resample(found.test) };
  };
  return {
    answers(name) {
      const found = testOf(name);
      return !found || found.metric.kinds ? 0 : found.ids.length;
    },
    test: (name) => Promise.resolve(testOf(name)),
  };
}

/**
 * A metric by the task's own score of each sample, whose examples are written out as often as they were
 * drawn.
 */
function sampledScore(
  task: LabelTask,
  { name, set }: { readonly name: string; readonly set?: string },
  { labels, predictions }: LabelledTest,
  draw: Draw,
): SampledMetric {
  return (counts) => {
    const drawn = [...counts].flatMap((count, i) => new Array<number>(count).fill(i));
    if (drawn.length === 0) return NaN;
    const scores = task.score(
      drawn.map((i) => predictions[i]!),
      drawn.map((i) => labels[i]!),
      draw,
    );
    const found = Object.entries(scores).find(([metric]) => metricName(metric, set) === name);
    return found?.[1] ?? NaN;
  };
}

/** How a text task makes its metrics from predictions, for the references given. */
async function resamplerFor(
  task: TextTask,
  references: readonly (readonly string[])[],
): Promise<(predictions: readonly string[]) => Readonly<Record<string, SampledMetric>>> {
  return (await task.resampler?.(references)) ?? (() => ({}));
}

/** The texts are read again to be scored: kept for all runs of a table they would take gigabytes. */
function textMetrics(
  ids: readonly string[],
  task: TextTask,
  read: () => Promise<Row[] | undefined>,
  shareResampler: (task: TextTask, references: readonly string[][]) => ReturnType<typeof resamplerFor>,
): Metrics {
  const sampleAll = async (): Promise<Map<string, SampledMetric>> => {
    const rows = (await read()) ?? [];
    const metrics = new Map<string, SampledMetric>();
    for (const name of Object.keys(rows[0]?.scores ?? {})) {
      const values = rows.flatMap(({ scores }) => scores?.[name] ?? []);
      if (values.length === ids.length) metrics.set(name, sampledMean(values));
    }
    const references = rows.flatMap((row) => (row.references ? [row.references] : []));
    if (references.length === ids.length) {
      const resampler = await shareResampler(task, references);
      const own = resampler(rows.map(({ prediction }) => String(prediction)));
      for (const [name, metric] of Object.entries(own)) metrics.set(name, metric);
    }
    return metrics;
  };
  let sampled: ReturnType<typeof sampleAll> | undefined;
  return {
    answers: () => ids.length,
    async test(name) {
      const metric = (await (sampled ??= sampleAll())).get(name);
      return metric && { ids, metric };
    },
  };
}

/** Validation and test together, where the seed divides them. */
function populationOf({ published, examples }: RunRecord): number | undefined {
  if (!isDrawnBySeed(published) || !examples) return undefined;
  return examples.validation.of + examples.test.of;
}

/** Whether a value is that of the record, which was computed by other sums. */
function isNear(value: number, recorded: number): boolean {
  return Math.abs(value - recorded) <= 1e-6 * Math.max(1, Math.abs(recorded));
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
