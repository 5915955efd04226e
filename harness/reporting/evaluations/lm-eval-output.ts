/**
 * Writes evaluations in the files of lm-evaluation-harness 0.4.13, so that programs for these files can read
 * them: one file of results with every task's metrics, and one file of samples for each task. lm-eval's names
 * have underscores in place of hyphens.
 */
import { join } from 'node:path';
import type { AskedDocument, Evaluation } from '../../evaluation/evaluation.ts';
import type { GroupMean } from '../../evaluation/measures.ts';
import { readSamples, type FoundEvaluation, type Sample } from '../../records/read-evaluations.ts';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { sha256 } from '../../support/hash.ts';

/** A finished evaluation with access to its documents' texts, which records do not hold. */
export interface EvaluatedTask extends FoundEvaluation {
  readonly evaluation: Evaluation;
  askedAt(document: number): AskedDocument;
}

const underscored = (name: string): string => name.replaceAll('-', '_');

/**
 * Splits a measure's name into lm-eval's metric and filter (the rule that reads the answer from the text).
 */
function metricOf(measure: string): { metric: string; filter: string } {
  const [metric, filter = 'none'] = measure.split(',');
  // lm-eval calls TruthfulQA's mc2 `acc`.
  return { metric: metric === 'mc2' ? 'acc' : metric!, filter };
}

/** Makes a row of lm-eval's table of results; a missing standard error is `N/A`. */
function metricsOf(
  alias: string,
  metrics: readonly {
    readonly name: string;
    readonly value: number;
    readonly standardError?: number | undefined;
  }[],
): Record<string, string | number> {
  const entries = metrics.flatMap(({ name, value, standardError }) => {
    const { metric, filter } = metricOf(name);
    return [
      [`${metric},${filter}`, value],
      [`${metric}_stderr,${filter}`, standardError ?? 'N/A'],
    ] as const;
  });
  return { alias, ...Object.fromEntries(entries) };
}

/** Makes the row of a group in lm-eval's table of results. */
function groupRow(name: string, groups: readonly GroupMean[]): Record<string, string | number> {
  const own = groups.filter((group) => group.name === name);
  return metricsOf(
    underscored(name),
    own.map(({ measure, mean }) => ({ ...mean, name: measure })),
  );
}

/** What was asked of lm-eval's file: the model, and the limit of documents or its share of them. */
export interface Asked {
  readonly model: string;
  readonly limit?: number | undefined;
}

/** Makes the content of lm-eval's results file; failed evaluations are left out. */
export function lmEvalResults(
  { model, limit }: Asked,
  tasks: readonly Pick<EvaluatedTask, 'evaluation' | 'record'>[],
  groups: readonly GroupMean[],
  made: Date,
): object {
  const finished = tasks.filter(({ record }) => record.status === 'finished');
  const byTask = (value: (task: (typeof finished)[number]) => unknown): Record<string, unknown> =>
    Object.fromEntries(finished.map((task) => [underscored(task.evaluation.name), value(task)]));
  const groupNames = [...new Set(groups.map(({ name }) => name))];
  const groupRows = Object.fromEntries(groupNames.map((name) => [underscored(name), groupRow(name, groups)]));
  const membersOf = (name: string): string[] =>
    finished
      .filter(({ evaluation }) => evaluation.groups?.includes(name))
      .map(({ evaluation }) => underscored(evaluation.name));
  const [first] = finished;
  return {
    results: {
      ...groupRows,
      ...byTask(({ evaluation, record }) => metricsOf(underscored(evaluation.name), record.metrics)),
    },
    ...(groupNames.length > 0 && { groups: groupRows }),
    group_subtasks: Object.fromEntries<readonly string[]>([
      ...groupNames.map((name) => [underscored(name), membersOf(name)] as const),
      ...finished.map(({ evaluation }) => [underscored(evaluation.name), []] as const),
    ]),
    configs: byTask(({ evaluation, record }) => ({
      task: underscored(evaluation.name),
      output_type: evaluation.kind === 'choices' ? 'multiple_choice' : 'generate_until',
      num_fewshot: record.settings.shots,
      metadata: { version: evaluation.version, protocol: record.settings.protocol },
    })),
    versions: byTask(({ evaluation }) => evaluation.version),
    'n-shot': byTask(({ record }) => record.settings.shots),
    higher_is_better: byTask(({ record }) =>
      Object.fromEntries(record.metrics.map(({ name }) => [metricOf(name).metric, true])),
    ),
    'n-samples': byTask(({ record: { documents } }) => ({
      original: documents.of,
      effective: documents.used,
    })),
    config: {
      model: 'deltabench',
      model_args: `pretrained=${model}`,
      limit: limit ?? first?.record.settings.limit ?? null,
      model_dtype: first?.record.settings.precision ?? null,
    },
    git_hash: first?.record.code.commit ?? null,
    date: made.getTime() / 1000,
    chat_template_sha: first?.record.settings.chatTemplate ?? null,
    fewshot_as_multiturn: first?.record.settings.chatTemplate !== undefined,
    model_source: 'deltabench',
    model_name: model,
    model_name_sanitized: sanitized(model),
  };
}

/** Makes the lines of lm-eval's file of samples, one for each document and filter. */
export function lmEvalSamples(
  { evaluation, askedAt }: Pick<EvaluatedTask, 'evaluation' | 'askedAt'>,
  samples: readonly Sample[],
): object[] {
  const filters = new Map<string, { metric: string; measure: string }[]>();
  for (const measure of evaluation.measures) {
    const { metric, filter } = metricOf(measure);
    filters.set(filter, [...(filters.get(filter) ?? []), { metric, measure }]);
  }
  return samples.flatMap((sample, place) => {
    const asked = askedAt(place);
    return [...filters].map(([filter, metrics]) => {
      const { all, filtered } = responsesOf(sample, metrics[0]!.measure);
      return {
        doc_id: sample.document,
        target: String(asked.target),
        arguments: Object.fromEntries(
          asked.arguments.map(([first, second], i) => [`gen_args_${i}`, { arg_0: first, arg_1: second }]),
        ),
        resps: all.map((response) => [response]),
        filtered_resps: filtered,
        filter,
        metrics: metrics.map(({ metric }) => metric),
        prompt_hash: sha256(asked.arguments[0]![0]),
        target_hash: sha256(String(asked.target)),
        ...Object.fromEntries(metrics.map(({ metric, measure }) => [metric, sample[measure]])),
      };
    });
  });
}

/**
 * Gives the model's responses and the answers read from them. lm-eval writes log-likelihoods and `is greedy`
 * as text.
 */
function responsesOf(sample: Sample, measure: string): { all: unknown[]; filtered: unknown[] } {
  if (typeof sample.text === 'string') {
    const answers = sample.answers as Readonly<Record<string, string | null>>;
    return { all: [sample.text], filtered: [answers[measure] ?? '[invalid]'] };
  }
  const greedy = sample.greedy as readonly boolean[];
  const pairs = (sample.logLikelihoods as readonly number[]).map((value, i) => [
    String(value),
    greedy[i] ? 'True' : 'False',
  ]);
  return { all: pairs, filtered: pairs };
}

/**
 * Writes the files of results and samples into a folder of the model's name below `folder`; gives the path of
 * the results.
 */
export async function writeLmEval(
  folder: string,
  asked: Asked,
  tasks: readonly EvaluatedTask[],
  groups: readonly GroupMean[],
): Promise<string> {
  const made = new Date();
  const own = join(folder, sanitized(asked.model));
  await makeFolder(own);
  const stamp = made.toISOString().replace('Z', '').replaceAll(':', '-');
  for (const task of tasks.filter(({ record }) => record.status === 'finished')) {
    const lines = lmEvalSamples(task, await readSamples(task)).map((line) => JSON.stringify(line));
    const name = `samples_${underscored(task.evaluation.name)}_${stamp}.jsonl`;
    await writeFileAtomic(join(own, name), `${lines.join('\n')}\n`);
  }
  const path = join(own, `results_${stamp}.json`);
  await writeFileAtomic(path, `${JSON.stringify(lmEvalResults(asked, tasks, groups, made), undefined, 2)}\n`);
  return path;
}

/** Makes a folder's name of a model's name as lm-eval does. */
const sanitized = (model: string): string => model.replace(/["<>:/|\\?*[\]]+/g, '__');
