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
  name: string,
  documents: number,
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
  const own = underscored(name);
  return { alias: own, name: own, sample_len: documents, ...Object.fromEntries(entries) };
}

/** Says of measures that more is better, as it is of all that evaluations have. */
const isBetterHigh = (measures: readonly string[]): Record<string, true> =>
  Object.fromEntries(measures.map((name) => [metricOf(name).metric, true]));

/** Makes the row of a group in lm-eval's table of results. */
function groupRow(name: string, groups: readonly GroupMean[]): object {
  const own = groups.filter((group) => group.name === name);
  const metrics = own.map(({ measure, mean }) => ({ ...mean, name: measure }));
  const counts = own.map(({ measure, mean }) => {
    const { metric, filter } = metricOf(measure);
    return [`${metric},${filter}`, mean.count] as const;
  });
  return { ...metricsOf(name, own[0]!.mean.count, metrics), sample_count: Object.fromEntries(counts) };
}

/** The number of shots of groups whose members have the same one. */
function groupShots(
  names: readonly string[],
  tasks: readonly Pick<EvaluatedTask, 'evaluation' | 'record'>[],
) {
  const shots = names.map((name) => {
    const own = tasks.filter(({ evaluation }) => evaluation.groups?.includes(name));
    return [underscored(name), new Set(own.map(({ record }) => record.settings.shots))] as const;
  });
  return Object.fromEntries(
    shots.flatMap(([name, numbers]) => (numbers.size === 1 ? [[name, [...numbers][0]!] as const] : [])),
  );
}

/** What was asked of lm-eval's file: the model, and the limit of documents or its share of them. */
export interface Asked {
  readonly model: string;
  readonly limit?: number | undefined;
}

/** The fields that say what was evaluated, by the settings of the first evaluation. */
function aboutModel({ model, limit }: Asked, first: EvaluatedTask['record'] | undefined, made: Date): object {
  return {
    config: {
      model: 'deltabench',
      model_args: `pretrained=${model}`,
      limit: limit ?? first?.settings.limit ?? null,
      model_dtype: first?.settings.precision ?? null,
    },
    git_hash: first?.code.commit ?? null,
    date: made.getTime() / 1000,
    chat_template_sha: first?.settings.chatTemplate ?? null,
    fewshot_as_multiturn: first?.settings.chatTemplate !== undefined,
    model_source: 'deltabench',
    model_name: model,
    model_name_sanitized: sanitized(model),
  };
}

/** Makes the content of lm-eval's results file; failed evaluations are left out. */
export function lmEvalResults(
  asked: Asked,
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
  return {
    results: {
      ...groupRows,
      ...byTask(({ evaluation, record }) =>
        metricsOf(evaluation.name, record.documents.used, record.metrics),
      ),
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
    'n-shot': {
      ...byTask(({ record }) => record.settings.shots),
      ...groupShots(groupNames, finished),
    },
    higher_is_better: {
      ...byTask(({ record }) => isBetterHigh(record.metrics.map(({ name }) => name))),
      ...Object.fromEntries(
        groupNames.map((name) => [
          underscored(name),
          isBetterHigh(groups.filter((group) => group.name === name).map(({ measure }) => measure)),
        ]),
      ),
    },
    'n-samples': byTask(({ record: { documents } }) => ({
      original: documents.of,
      effective: documents.used,
    })),
    ...aboutModel(asked, finished[0]?.record, made),
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
