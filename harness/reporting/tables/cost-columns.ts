/** The columns of costs that tables may have beside the metrics: each is defined here, for every kind of output. */
import { median } from 'simple-statistics';
import type { CostsBeside } from '../../records/read-records.ts';
import type { RunRecord } from '../../records/record.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';

/** A run with what is measured from the files beside its record. */
export interface MeasuredRun extends CostsBeside {
  readonly record: RunRecord;
  /** Median milliseconds of a step; undefined if the log is missing or too short. */
  readonly stepTime?: number | undefined;
}

/** A column of costs. */
export interface CostColumn {
  /** The name that `--columns` takes. */
  readonly name: string;
  readonly header: string;
  /** What the column holds, for `--help`. */
  readonly help: string;
  readonly decimals: number;
  /** A count, which is known without a finished run and stands before the metrics. */
  readonly isCount?: true;
  /** Whether more is better, as of a speed. */
  readonly higherIsBetter?: true;
  /** The number of a run, in the units of the header. */
  of(run: MeasuredRun): number | undefined;
}

/** Costs by the columns' names. */
export type Costs = Readonly<Record<string, number | undefined>>;

/** The trained parameters of a run, with the task's head if the protocol counts it. */
export function trainedParameters({ parameters, published }: RunRecord): number {
  const isHeadCounted = published?.sides['head-trained'] === 'corrected';
  return parameters.trained + (isHeadCounted ? parameters.head : 0);
}

const gigabytes = (bytes: number | undefined): number | undefined =>
  bytes === undefined ? undefined : bytes / 1e9;

export const costColumns: readonly CostColumn[] = [
  {
    name: 'trainable',
    header: 'Trainable',
    help: 'trained parameters, with the head where the protocol counts it',
    decimals: 0,
    isCount: true,
    of: ({ record }) => trainedParameters(record),
  },
  {
    name: 'without-head',
    header: 'Without head',
    help: 'trained parameters of the method alone',
    decimals: 0,
    isCount: true,
    of: ({ record }) => record.parameters.trained,
  },
  {
    name: 'with-head',
    header: 'With head',
    help: "trained parameters of the method and the task's head",
    decimals: 0,
    isCount: true,
    of: ({ record }) => record.parameters.trained + record.parameters.head,
  },
  {
    name: 'step-time',
    header: 'ms/step',
    help: 'median time of a training step, after the first ones',
    decimals: 1,
    of: ({ stepTime }) => stepTime,
  },
  {
    name: 'train-seconds',
    header: 'Training, s',
    help: 'seconds of training, compiling and validation apart',
    decimals: 1,
    of: ({ record }) => record.seconds.train,
  },
  {
    name: 'train-speed',
    header: 'Trained tokens/s',
    help: 'tokens a second of training, padding not counted',
    decimals: 0,
    higherIsBetter: true,
    of: ({ record }) => record.tokensPerSecond.train,
  },
  {
    name: 'decode-seconds',
    header: 'Decoding, s',
    help: 'seconds to answer the test split: texts are decoded, classes predicted',
    decimals: 1,
    of: ({ record: { seconds } }) => seconds.generate ?? seconds.predict,
  },
  {
    name: 'decode-speed',
    header: 'Decoded tokens/s',
    help: 'tokens a second of decoding, or that classes were predicted of',
    decimals: 0,
    higherIsBetter: true,
    of: ({ record: { tokensPerSecond } }) => tokensPerSecond.generate ?? tokensPerSecond.predict,
  },
  {
    name: 'memory',
    header: 'Memory, GB',
    help: 'peak memory of the process',
    decimals: 2,
    of: ({ record }) => gigabytes(record.peakMemoryBytes),
  },
  {
    name: 'device-memory',
    header: 'GPU memory, GB',
    help: 'peak memory on GPUs',
    decimals: 2,
    of: ({ record }) => gigabytes(record.peakDeviceBytes),
  },
  {
    name: 'adapter-size',
    header: 'Adapter, MB',
    help: 'the file of trained tensors',
    decimals: 3,
    of: ({ adapterBytes }) => (adapterBytes === undefined ? undefined : adapterBytes / 1e6),
  },
  {
    name: 'forgetting',
    header: 'Forgetting',
    help: 'loss a token on 100 built-in texts after training, less that before; run measures it of decoders',
    decimals: 4,
    of: ({ forgetting }) => forgetting,
  },
  {
    name: 'base-token-time',
    header: 'Base, ms/token',
    help: 'time of a token that the base alone writes; run measures it and the next two of models that write',
    decimals: 2,
    of: ({ tokenTimes }) => tokenTimes?.base,
  },
  {
    name: 'token-time',
    header: 'ms/token',
    help: 'time of a token that the base writes with the method beside its weights',
    decimals: 2,
    of: ({ tokenTimes }) => tokenTimes?.adapter,
  },
  {
    name: 'merged-token-time',
    header: 'Merged, ms/token',
    help: 'time of a token that the base writes with the method merged into its weights',
    decimals: 2,
    of: ({ tokenTimes }) => tokenTimes?.merged,
  },
];

/** The costs of a row: the median over its finished runs, counts over all. */
export function costsOf(runs: readonly MeasuredRun[]): Costs {
  const finished = runs.filter(({ record }) => record.status === 'finished');
  return Object.fromEntries(
    costColumns.map((column) => {
      const values = (column.isCount ? runs : finished).flatMap((run) => column.of(run) ?? []);
      return [column.name, values.length > 0 ? median(values) : undefined];
    }),
  );
}

/** A cost as tables print it. */
export function costText({ decimals }: CostColumn, value: number | undefined): string {
  if (value === undefined) return '–';
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** The columns of these names; throws UsageError where there is no such column. */
export function findColumns(names: readonly string[]): CostColumn[] {
  const known = costColumns.map(({ name }) => name);
  return [...new Set(names.flatMap((name) => name.split(',')))].map((name) => {
    const column = costColumns.find((one) => one.name === name);
    if (column) return column;
    throw new UsageError(
      `--columns ${name}: there is no such column.${didYouMean(name, known)} Columns: ${known.join(', ')}.`,
    );
  });
}

/** The columns that a report has where none are named: those of GPUs only where a run has one. */
export function usualColumns(rows: readonly Costs[]): CostColumn[] {
  const hasDevice = rows.some((costs) => costs['device-memory'] !== undefined);
  return findColumns(['trainable', 'step-time', 'memory', ...(hasDevice ? ['device-memory'] : [])]);
}
