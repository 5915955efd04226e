/** What differs between two runs: settings, numbers, and the examples that they answer differently. */
import type { RunRecord } from '../../records/record.ts';
import { validationMetrics } from '../../records/validation.ts';
import { flatten } from '../../support/json/flatten.ts';
import type { PredictionRow } from '../report/predictions.ts';
import { costColumns, costText, type MeasuredRun } from '../tables/cost-columns.ts';

/** A run, with its predictions where it has some. */
export interface DiffRun extends MeasuredRun {
  readonly predictions: readonly PredictionRow[] | undefined;
}

/** A setting in which the runs differ; `–` where one has none. */
export interface SettingDiff {
  readonly name: string;
  readonly values: readonly [string, string];
}

/** A number of either run as tables print it, and the second less the first where both have it. */
export interface NumberDiff {
  readonly name: string;
  readonly values: readonly [string, string];
  readonly difference: string;
}

/** An example that the runs answer differently. */
export interface ExampleDiff {
  readonly id: string;
  readonly input: string | undefined;
  readonly references: readonly string[];
  readonly answers: readonly [string, string];
  /** Whether each answer is one of the references. */
  readonly isRight: readonly [boolean, boolean];
}

export interface RunDiff {
  readonly settings: readonly SettingDiff[];
  readonly numbers: readonly NumberDiff[];
  /** The examples that differ, those first that one run alone has right; undefined where a run has no predictions. */
  readonly examples: readonly ExampleDiff[] | undefined;
  /** The number of examples that both runs answer. */
  readonly shared: number;
}

/** Compares two runs. */
export function diffRuns(first: DiffRun, second: DiffRun): RunDiff {
  const { predictions: a } = first;
  const { predictions: b } = second;
  const pairs = a && b ? pairsOf(a, b) : [];
  return {
    settings: settingsDiff(first.record, second.record),
    numbers: numbersDiff(first, second),
    examples: a && b && pairs.map(exampleDiff).filter(isDifferent).sort(byInterest),
    shared: pairs.length,
  };
}

/** The settings that differ, with the versions, machines and commits that may explain other numbers. */
export function settingsDiff(first: RunRecord, second: RunRecord): SettingDiff[] {
  const [a, b] = [first, second].map((record) => new Map(flatten(aboutRun(record))));
  const names = [...new Set([...a!.keys(), ...b!.keys()])];
  return names.flatMap((name) => {
    const values = [a!.get(name) ?? '–', b!.get(name) ?? '–'] as const;
    return values[0] === values[1] ? [] : [{ name, values }];
  });
}

const aboutRun = ({ settings, status, engine, code, environment }: RunRecord): object => ({
  ...settings,
  status,
  engine,
  code,
  environment,
});

function numbersDiff(first: DiffRun, second: DiffRun): NumberDiff[] {
  const metrics = [first, second].map(({ record }) => metricsOf(record));
  const names = new Set(metrics.flatMap((own) => [...own.keys()]));
  const scores = [...names].map((name) => {
    const [a, b] = metrics.map((own) => own.get(name));
    const { decimals } = (a ?? b)!;
    return numberDiff(name, [a?.value, b?.value], (value) => value.toFixed(decimals));
  });
  const costs = costColumns.flatMap((column) => {
    const values = [column.of(first), column.of(second)] as const;
    const isThere = values.some((value) => value !== undefined);
    return isThere ? [numberDiff(column.header, values, (value) => costText(column, value))] : [];
  });
  return [...scores, ...costs];
}

/** Metrics of the test and of validation in printed units, by name. */
function metricsOf(record: RunRecord): Map<string, { value: number; decimals: number }> {
  const all = [...record.metrics, ...validationMetrics(record)];
  return new Map(
    all.map(({ name, split, value, scale, decimals }) => [
      split === 'test' ? name : `validation ${name}`,
      { value: value * scale, decimals },
    ]),
  );
}

function numberDiff(
  name: string,
  [a, b]: readonly [number | undefined, number | undefined],
  text: (value: number) => string,
): NumberDiff {
  const shown = (value: number | undefined): string => (value === undefined ? '–' : text(value));
  const difference = a === undefined || b === undefined ? undefined : b - a;
  const sign = difference !== undefined && difference > 0 ? '+' : '';
  return {
    name,
    values: [shown(a), shown(b)],
    difference: difference === undefined ? '–' : `${sign}${text(difference).replace('-', '−')}`,
  };
}

type Pair = readonly [PredictionRow, PredictionRow];

function pairsOf(a: readonly PredictionRow[], b: readonly PredictionRow[]): Pair[] {
  const others = new Map(b.map((row) => [row.id, row]));
  return a.flatMap((row): Pair[] => {
    const other = others.get(row.id);
    return other ? [[row, other]] : [];
  });
}

function exampleDiff([a, b]: Pair): ExampleDiff {
  return {
    id: a.id,
    input: a.input ?? b.input,
    references: a.references,
    answers: [a.text, b.text],
    isRight: [a.references.includes(a.text), b.references.includes(b.text)],
  };
}

const isDifferent = ({ answers: [a, b] }: ExampleDiff): boolean => a !== b;

/** Examples that one run alone has right stand first; the others keep their order. */
function byInterest(one: ExampleDiff, other: ExampleDiff): number {
  const isDecided = ({ isRight: [a, b] }: ExampleDiff): boolean => a !== b;
  return Number(isDecided(other)) - Number(isDecided(one));
}
