/**
 * `bench score`: scores the output of any systems with a task's official metrics, and compares them by
 * bootstrap.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { cacheFolder } from '../../support/cache-folder.ts';
import { UsageError, errorCode, messageOf } from '../../support/errors.ts';
import type { Difference } from '../../metrics/resampling/bootstrap.ts';
import type { E2EValues, ScoredMetric } from '../../metrics/e2e-scorer.ts';
import { positive } from '../arguments/parse-values.ts';
import { columns, note, print, printJson } from '../terminal/output.ts';

interface ScoreOptions {
  readonly task: string;
  readonly predictions: string[];
  readonly references: string;
  readonly paraphrases: boolean;
  readonly resamples: number;
  readonly segments?: true;
  readonly json?: true;
}

interface System {
  readonly file: string;
  /** The file's name, or its path where two files have the same name. */
  readonly label: string;
  readonly scored: readonly ScoredMetric[];
  readonly values: E2EValues;
}

/** Intervals and differences of one metric by the bootstrap. */
interface Bootstrapped {
  readonly metric: string;
  /** 95 % percentile intervals by system. */
  readonly intervals: readonly (readonly [number, number])[];
  readonly differences: readonly (Difference & { readonly systems: readonly [string, string] })[];
}

/** The command `score`. */
export function scoreCommand(): Command {
  return new Command('score')
    .summary("score a system's output with a task's official metrics")
    .addOption(new Option('--task <name>', 'whose metrics').choices(['e2e', 'text']).makeOptionMandatory())
    .requiredOption('--predictions <files...>', 'one prediction a line; several files are compared')
    .requiredOption('--references <file>', 'one reference a line, a blank line between instances')
    .option('--segments', 'list the scores of every instance too')
    .option('--no-paraphrases', "leave METEOR's paraphrase table out, also where it has been fetched")
    .option('--resamples <n>', 'bootstrap samples for comparing systems', positive, 1000)
    .option('--json', 'print one JSON document')
    .action(score);
}

async function score(options: ScoreOptions): Promise<void> {
  const { corpusValues, e2eScorer, segmentValues } = await import('../../metrics/e2e-scorer.ts');
  const { loadParaphrases } = await import('../../metrics/meteor/paraphrases.ts');
  const paraphrases = options.paraphrases ? await loadParaphrases(cacheFolder()) : undefined;
  if (options.paraphrases && !paraphrases) {
    note('METEOR has no paraphrase table here; `fetch meteor` brings it.');
  }
  const inputs = await readInputs(options);
  const scorer = e2eScorer(inputs.references, { paraphrases });
  const names = options.predictions.map((file) => basename(file));
  const distinct = new Set(names).size === names.length;
  const labels = new Map(options.predictions.map((file, i) => [file, distinct ? names[i]! : file]));
  const systems = inputs.predictions.map(({ file, predictions }) => {
    const scored = scorer.score(predictions);
    return { file, label: labels.get(file)!, scored, values: corpusValues(scored) };
  });
  const bootstrapped = systems.length > 1 ? await bootstrap(systems, options.resamples) : [];

  if (options.json) {
    printJson({
      task: options.task,
      references: options.references,
      instances: inputs.references.length,
      systems: systems.map(({ file, scored, values }, i) => ({
        file,
        metrics: values,
        ...(bootstrapped.length > 0 && {
          intervals: Object.fromEntries(bootstrapped.map(({ metric, intervals }) => [metric, intervals[i]])),
        }),
        ...(options.segments && { segments: segmentValues(scored) }),
      })),
      ...(bootstrapped.length > 0 && {
        bootstrap: { resamples: options.resamples, seed: 0 },
        comparisons: bootstrapped.flatMap(({ metric, differences }) =>
          differences.map((difference) => ({ metric, ...difference })),
        ),
      }),
    });
    return;
  }
  print(scoreTable(systems, bootstrapped));
  if (bootstrapped.length > 0) print(`\n${comparisonTable(bootstrapped, options.resamples)}`);
  if (!options.segments) return;
  for (const { label, scored } of systems) {
    const metrics = scored.map(({ metric }) => metric.name);
    const rows = segmentValues(scored).map((values, i) => [
      String(i + 1),
      ...Object.values(values).map(decimals),
    ]);
    print(`\n${columns([[label, ...metrics], ...rows])}`);
  }
}

async function readInputs({ predictions, references }: ScoreOptions): Promise<{
  references: (readonly string[])[];
  predictions: { file: string; predictions: string[] }[];
}> {
  const { pairSegments, parsePredictions, parseReferences } =
    await import('../../metrics/text/score-files.ts');
  const sets = parseReferences(await read(references));
  const systems = await Promise.all(
    predictions.map(async (file) => {
      try {
        return { file, segments: pairSegments(parsePredictions(await read(file)), sets) };
      } catch (error) {
        if (error instanceof UsageError) throw error;
        throw new UsageError(`${file} and ${references}: ${messageOf(error)}`);
      }
    }),
  );
  if (systems[0]?.segments.length === 0) throw new UsageError(`${references} holds no references.`);
  return {
    references: systems[0]!.segments.map((segment) => segment.references),
    predictions: systems.map(({ file, segments }) => ({
      file,
      predictions: segments.map(({ prediction }) => prediction),
    })),
  };
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    const reasons: Readonly<Record<string, string>> = {
      EISDIR: 'is a folder; give a file',
      ENOENT: 'is not there',
      ENOTDIR: 'is not there',
      EACCES: 'may not be read',
    };
    const reason = reasons[errorCode(error) ?? ''] ?? `cannot be read: ${String(error)}`;
    throw new UsageError(
      `${file} ${reason}: a line for each prediction, references with a blank line between instances.`,
    );
  });
}

async function bootstrap(systems: readonly System[], resamples: number): Promise<Bootstrapped[]> {
  const { bootstrapScores, compareSystems, percentileInterval } =
    await import('../../metrics/resampling/bootstrap.ts');
  return systems[0]!.scored.map(({ metric }, m) => {
    const resampled = bootstrapScores(
      metric,
      systems.map(({ scored }) => scored[m]!.rows),
      { resamples },
    );
    const value = ({ values }: System): number => (values as Record<string, number>)[metric.name]!;
    return {
      metric: metric.name,
      intervals: resampled.map(percentileInterval),
      differences: systems.flatMap((first, i) =>
        systems.slice(i + 1).map((second, k) => ({
          systems: [first.label, second.label] as const,
          ...compareSystems([value(first), value(second)], [resampled[i]!, resampled[i + 1 + k]!]),
        })),
      ),
    };
  });
}

function decimals(value: number): string {
  return value.toFixed(4);
}

function interval([low, high]: readonly [number, number]): string {
  return `[${decimals(low)}, ${decimals(high)}]`;
}

/** Systems by metrics, with their 95 % intervals where there are several. */
function scoreTable(systems: readonly System[], bootstrapped: readonly Bootstrapped[]): string {
  const names = systems[0]!.scored.map(({ metric }) => metric.name);
  const rows = systems.map(({ label, values }, i) => [
    label,
    ...Object.values(values).map((value, m) => {
      const range = bootstrapped[m]?.intervals[i];
      return range ? `${decimals(value)} ${interval(range)}` : decimals(value);
    }),
  ]);
  return columns([['', ...names], ...rows]);
}

function comparisonTable(bootstrapped: readonly Bootstrapped[], resamples: number): string {
  const rows = bootstrapped.flatMap(({ metric, differences }) =>
    differences.map(({ systems, difference, interval: range, p }) => [
      metric,
      `${systems[0]} − ${systems[1]}`,
      decimals(difference),
      interval(range),
      p < 0.0001 ? '< 0.0001' : decimals(p),
    ]),
  );
  const foot = `Paired bootstrap of ${resamples} resamples of the instances; p two-sided, each comparison by itself.`;
  return `${columns([['metric', 'systems', 'difference', '95 % interval', 'p'], ...rows])}\n${foot}`;
}
