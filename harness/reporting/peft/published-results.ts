/**
 * Reads the result files of peft's method_comparison as published rows, with their Pareto fronts;
 * `report --published FOLDER` shows them beside our records.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { problemOf } from '../../support/json/validation-messages.ts';
import { messageOf, UsageError } from '../../support/errors.ts';
import { readJson } from '../../support/read-files.ts';
import type { Untrusted } from '../../records/read-records.ts';
import type { MainTable } from '../main/main-table.ts';
import type { PrintedCell } from '../report/cells.ts';
import { slugOf } from '../report/rows.ts';
import { resultSchema, type ResultFile } from './result-file.ts';

/** A cost or a score of a result, as the table shows it. */
interface Measure {
  readonly name: string;
  of(result: ResultFile): number | undefined;
  write(value: number): string;
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const decimal = (value: number): string => value.toFixed(2);
const last = ({ train_info }: ResultFile) => train_info.metrics.at(-1);

const accuracy: Measure = {
  name: 'accuracy ↑',
  of: (result) => {
    const value = last(result)?.['test accuracy'];
    return value === undefined ? undefined : 100 * value;
  },
  write: decimal,
};
const costs: readonly Measure[] = [
  { name: 'trainable', of: ({ train_info }) => train_info.num_trainable_params, write: whole },
  {
    name: 'peak memory, GB',
    of: ({ train_info }) => train_info.accelerator_memory_max / 1e9,
    write: decimal,
  },
  { name: 'training, s', of: ({ train_info }) => train_info.train_time, write: whole },
  { name: 'file, MB', of: ({ train_info }) => train_info.file_size / 1e6, write: decimal },
  { name: 'forgetting', of: (result) => last(result)?.forgetting, write: decimal },
];

/**
 * A table for each base: accuracy and costs, bold at each cost where no other result is as good in both and
 * better in one, and at the accuracy where that holds for peak memory, the app's own choice. Results that did
 * not succeed are left out, and of one experiment all but the latest, as the app does. Throws UsageError where
 * the folder has no result.
 */
export async function publishedResults(
  folder: string,
): Promise<{ readonly tables: readonly MainTable[]; readonly untrusted: readonly Untrusted[] }> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new UsageError(`--published ${folder} cannot be read: ${messageOf(error)}.`, { cause: error });
  });
  const untrusted: Untrusted[] = [];
  const results: ResultFile[] = [];
  for (const name of names.filter((one) => one.endsWith('.json')).sort()) {
    const read = await readResult(join(folder, name));
    if ('reason' in read) untrusted.push({ path: join(folder, name), reason: read.reason });
    else results.push(read.result);
  }
  if (results.length === 0)
    throw new UsageError(
      `--published ${folder} holds no result of peft's method_comparison; ` +
        'they are the files of method_comparison/MetaMathQA/results in huggingface/peft.',
    );
  const done = latest(results.filter(({ train_info }) => train_info.status === 'success'));
  const bases = [...new Set(done.map(baseOf))];
  return {
    tables: bases.map((base) =>
      tableOf(
        base,
        done.filter((one) => baseOf(one) === base),
      ),
    ),
    untrusted,
  };
}

async function readResult(
  path: string,
): Promise<{ readonly result: ResultFile } | { readonly reason: string }> {
  try {
    const parsed = resultSchema.safeParse(await readJson(path));
    return parsed.success ? { result: parsed.data } : { reason: problemOf(parsed.error) };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

const baseOf = ({ run_info }: ResultFile): string => run_info.train_config.model_id;
const timeOf = ({ run_info }: ResultFile): number => Date.parse(run_info.created_at);

/** The latest result of each experiment on each base. */
function latest(results: readonly ResultFile[]): ResultFile[] {
  const found = new Map<string, ResultFile>();
  for (const result of [...results].sort((a, b) => timeOf(a) - timeOf(b)))
    found.set(JSON.stringify([baseOf(result), result.run_info.experiment_name]), result);
  return [...found.values()];
}

function tableOf(base: string, results: readonly ResultFile[]): MainTable {
  const order = (result: ResultFile): number => accuracy.of(result) ?? -Infinity;
  const sorted = [...results].sort((a, b) => order(b) - order(a));
  const fronts = costs.map((cost) => paretoFront(sorted, cost));
  const memory = fronts[costs.findIndex(({ name }) => name.startsWith('peak memory'))]!;
  const body = sorted.map((result): PrintedCell[] => [
    { text: result.run_info.experiment_name },
    { text: result.run_info.peft_config?.peft_type ?? 'full' },
    cellOf(accuracy, result, memory.has(result)),
    ...costs.map((cost, i) => cellOf(cost, result, fronts[i]!.has(result))),
  ]);
  return {
    slug: `published-${slugOf(base)}`,
    of: base,
    title: `peft's method_comparison · ${base}`,
    header: ['experiment', 'type', accuracy.name, ...costs.map(({ name }) => name)],
    body,
    means: [
      'Bold: on the Pareto front of accuracy and that cost; at the accuracy, that of accuracy and peak memory.',
    ],
    foot: [],
  };
}

function cellOf(measure: Measure, result: ResultFile, isOnFront: boolean): PrintedCell {
  const value = measure.of(result);
  if (value === undefined) return { text: '–' };
  return { text: measure.write(value), value, ...(isOnFront && { mark: 'best' }) };
}

/** The results than which no other is as good in accuracy and cost and better in one of them. */
export function paretoFront(results: readonly ResultFile[], cost: Measure): ReadonlySet<ResultFile> {
  const points = results.flatMap((result) => {
    const [gain, price] = [accuracy.of(result), cost.of(result)];
    return gain === undefined || price === undefined ? [] : [{ result, gain, price }];
  });
  const beats = (a: (typeof points)[number], b: typeof a): boolean =>
    a.gain >= b.gain && a.price <= b.price && (a.gain > b.gain || a.price < b.price);
  return new Set(
    points.filter((point) => !points.some((other) => beats(other, point))).map(({ result }) => result),
  );
}
