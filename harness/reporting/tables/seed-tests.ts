import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, dirname } from 'node:path';
import { z } from 'zod';
import { cacheFolder } from '../../support/cache-folder.ts';
import { hashFile } from '../../support/hash.ts';
import type { Draw, LabelTask, Task } from '../../data/examples/task.ts';
import { e2eScorer, type E2EScorer } from '../../metrics/e2e-scorer.ts';
import { loadParaphrases } from '../../metrics/meteor/paraphrases.ts';
import {
  sampledLabels,
  sampledMean,
  sampledSums,
  scaled,
  type SampledMetric,
  type SeedTest,
} from '../../metrics/resampling/resampling.ts';
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

/** What the predictions beside a record say. */
export interface SeedPredictions {
  /** Every prediction of the test set is the same. */
  readonly collapsed: boolean;
  /** How many answers each resample has to go through: texts and values; classes are only counted. */
  readonly answers: number;
  /** The test of a metric, in printed units; undefined where the predictions do not give the record's value. */
  test(metric: string): Promise<SeedTest | undefined>;
  /** How many examples the test set is drawn from by the seed, where it is. */
  readonly population: number | undefined;
}

/**
 * Reads the predictions of finished runs, of which it keeps numbers alone; references and example ids that many runs share are kept
 * once.
 */
export function predictionReader(): (tested: TestedRun) => Promise<SeedPredictions | undefined> {
  const scorers = new Map<string, Promise<E2EScorer>>();
  const scorerOf = (references: readonly (readonly string[])[]): Promise<E2EScorer> => {
    const key = createHash('sha256').update(JSON.stringify(references)).digest('hex');
    const made = scorers.get(key) ?? loadParaphrases(cacheFolder()).then((paraphrases) => e2eScorer(references, { paraphrases })); // prettier-ignore
    scorers.set(key, made);
    return made;
  };
  const lists = new Map<string, readonly string[]>();
  const idsOf = (rows: readonly Row[]): readonly string[] => {
    const ids = rows.map(({ id }) => id);
    const key = createHash('sha256').update(JSON.stringify(ids)).digest('hex');
    const kept = lists.get(key) ?? ids;
    lists.set(key, kept);
    return kept;
  };
  return async ({ cell: { task }, record, path }) => {
    const rows = await readRows(record, path);
    if (!rows) return undefined;
    const metrics =
      task.kind === 'label'
        ? labelMetrics(rows, task, record, idsOf)
        : textMetrics(idsOf(rows), () => readRows(record, path), scorerOf);
    const [first, ...others] = rows.filter((row) => setOf(row) === '');
    return {
      collapsed: others.length > 0 && others.every(({ prediction }) => prediction === first!.prediction),
      answers: task.kind === 'label' && task.classes ? 0 : rows.length,
      population: populationOf(record),
      async test(name) {
        const info = record.metrics.find((metric) => metric.name === name);
        const found = info && (await metrics(name));
        if (!found) return undefined;
        const { ids, metric } = found;
        const whole = metric(new Uint32Array(ids.length).fill(1));
        // Only what gives the record's own value is the record's metric.
        if (!(Math.abs((Number.isNaN(whole) ? 0 : whole) - info.value) <= 1e-6 * Math.max(1, Math.abs(info.value)))) return undefined; // prettier-ignore
        return { ids, metric: scaled(metric, info.scale) };
      },
    };
  };
}

type Metrics = (name: string) => Promise<SeedTest | undefined>;

/** The rows of a record's predictions; undefined where there are none, or they are not those that it names. */
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

/** The further test set of a row; a task written as text has it in its ids. */
function setOf({ id, set }: Row): string {
  return set ?? (id.includes('/') ? id.slice(0, id.indexOf('/')) : '');
}

function labelMetrics(
  rows: readonly Row[],
  task: LabelTask,
  record: RunRecord,
  idsOf: (rows: readonly Row[]) => readonly string[],
): Metrics {
  const { seed, protocol } = record.settings;
  const draw: Draw = { seed, family: familyOf(record), side: namedProtocol(protocol).side };
  const value = ({ prediction }: Row): number =>
    typeof prediction === 'string' ? task.read(prediction, draw) : (prediction ?? NaN);
  const sets = new Map(
    [...new Set(rows.map(setOf))].map((set) => {
      const own = rows.filter((row) => setOf(row) === set);
      const test = { labels: own.map(({ label }) => label ?? NaN), predictions: own.map(value) };
      return [set, { ids: idsOf(own), metricOf: sampledLabels(test) }];
    }),
  );
  return (name) => {
    const [, base = name, set = ''] = /^(.*) \(([^)]*)\)$/.exec(name) ?? [];
    const found = sets.get(set);
    const metric = found?.metricOf(base);
    return Promise.resolve(found && metric && { ids: found.ids, metric });
  };
}

/** The texts are read again once they are scored: kept for all runs of a table they would take gigabytes. */
function textMetrics(
  ids: readonly string[],
  read: () => Promise<Row[] | undefined>,
  scorerOf: (references: readonly (readonly string[])[]) => Promise<E2EScorer>,
): Metrics {
  const score = async (): Promise<Map<string, SampledMetric>> => {
    const rows = (await read()) ?? [];
    const metrics = new Map<string, SampledMetric>();
    for (const name of Object.keys(rows[0]?.scores ?? {})) {
      const values = rows.flatMap(({ scores }) => scores?.[name] ?? []);
      if (values.length === ids.length) metrics.set(name, sampledMean(values));
    }
    if (rows.length === ids.length && rows.every(({ references }) => references !== undefined)) {
      const scorer = await scorerOf(rows.map(({ references }) => references!));
      const corpus = scorer.score(rows.map(({ prediction }) => String(prediction)));
      for (const { metric, rows } of corpus) metrics.set(metric.name, sampledSums(metric, rows));
    }
    return metrics;
  };
  let scored: ReturnType<typeof score> | undefined;
  return async (name) => {
    const metric = (await (scored ??= score())).get(name);
    return metric && { ids, metric };
  };
}

/** Validation and test together, where the seed parts them. */
function populationOf({ published, examples }: RunRecord): number | undefined {
  if (!isDrawnBySeed(published) || !examples) return undefined;
  return examples.validation.of + examples.test.of;
}
