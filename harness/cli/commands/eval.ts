/** The command `bench eval`. It reads options and prints results; runs/evaluate does the work. */
import { join } from 'node:path';
import { Command } from 'commander';
import { UsageError } from '../../support/errors.ts';
import type { GroupMean } from '../../evaluation/measures.ts';
import type { Evaluated } from '../../runs/evaluate/evaluate.ts';
import type { PieceEstimate } from '../../runs/evaluate/estimate-evaluations.ts';
import type { EvaluateRequest } from '../../runs/evaluate/plan-evaluations.ts';
import type { SubjectRequest } from '../../runs/evaluate/subject.ts';
import { counted } from '../../support/counted.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { baseWeightsText } from '../../models/bases/base-weights.ts';
import { addLauncherOptions, checkLauncher, type LauncherOptions } from '../arguments/choice-options.ts';
import { baseWeightsHelp } from '../arguments/run-options.ts';
import { count, documentsOrShare, positive } from '../arguments/parse-values.ts';
import { durationText } from '../terminal/duration.ts';
import { columns, note, print, printJson } from '../terminal/output.ts';
import { evaluationEvents } from '../terminal/evaluation-events.ts';
import { createProgress } from '../terminal/progress.ts';
import { endStopped, stopOnSignals } from '../terminal/stop-on-signals.ts';
import { nothingToSubmit, tellSubmitted } from '../terminal/submitted.ts';

interface Options extends Omit<EvaluateRequest, 'tasks' | 'subjects'>, SubjectRequest, LauncherOptions {
  readonly tasks?: readonly string[];
  readonly jobs?: number;
  readonly compare?: readonly string[];
  readonly output?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/**
 * Makes the command `bench eval`, which scores a base, an adapter or a run on benchmarks of language models.
 */
export function evalCommand(): Command {
  const command = new Command('eval')
    .summary('score a base, an adapter or a run on benchmarks of language models')
    .description(
      'Scores by log-likelihoods and by generated answers, as lm-evaluation-harness 0.4.13 does, or as a paper did. ' +
        'What has a record is not done again.',
    )
    .option(
      '--tasks <names...>',
      'evaluations or groups, alone or as mmlu~shots=5,protocol=red (see: list evaluations)',
    )
    .option('--compare <records...>', 'instead: two records of evaluations, or two folders of them')
    .option('--model <base>', 'gpt2-mini, llama-mini, a hub id, a folder, or random-llama~…')
    .option('--adapter <path>', 'an adapter for the base, in the format of Hugging Face peft')
    .option('--record <file>', "instead of --model: a run's record, results/…/seed-42.json")
    .option('--shots <n>', "examples before each document (default: the protocol's)", count)
    .option(
      '--limit <n>',
      'only the first documents of each evaluation; below 1 a share of them',
      documentsOrShare,
    )
    .option(
      '--protocol <name>',
      'whose rules: lm-eval, lm-eval-2024, red, pyreft, llm-adapters (default: the first that fits)',
    )
    .option('--chat-template', "ask as a conversation, in the tokenizer's chat template")
    .option('--engine <name>', 'what computes (see: list engines)', 'onnx')
    .option('--device <name>', 'cpu, webgpu, cuda, cuda:1')
    .option('--threads <number>', 'threads of the CPU (default: all)', positive)
    .option('--precision <type>', 'of matrix products: float32 (default), tf32 (CUDA), bfloat16, float16')
    .option('--base-weights <type>', baseWeightsHelp)
    .option('--data <place>', 'hub, or a folder (default: DELTABENCH_DATA, else the hub)')
    .option('--tokenizer <folder>', "the tokenizer, where the model's own is not wanted or missing")
    .option(
      '--jobs <number>',
      'so many evaluations at once, in processes of their own that share threads and memory',
      positive,
    )
    .option('--results <folder>', 'where records lie', 'results');
  return addLauncherOptions(command)
    .option('--output <format>', "lm-eval: also write results and samples in lm-evaluation-harness's files")
    .option('--dry-run', 'say what there is to compute and about how long it takes, and stop')
    .option('--json', 'print one JSON document')
    .action(evaluateAll);
}

async function evaluateAll({ tasks, compare, output, ...options }: Options): Promise<void> {
  if (compare) {
    if (tasks) throw new UsageError('--compare reads records that are there: leave out --tasks.');
    await compareRecords(compare, options.json === true);
    return;
  }
  if (output !== undefined && output !== 'lm-eval')
    throw new UsageError(`--output ${output}: it can be lm-eval.`);
  if (!tasks)
    throw new UsageError(
      'Say what to evaluate with --tasks (see: list evaluations), or --compare two records.',
    );
  if (options.record !== undefined && options.adapter !== undefined)
    throw new UsageError('--record is a run with what it trained: leave out --adapter.');
  if (options.record !== undefined && options.baseWeights !== undefined)
    throw new UsageError('--record has the base weights that the run trained on: leave out --base-weights.');
  checkLauncher(options, options.jobs ?? 1);
  const { model, adapter, record, tokenizer, baseWeights, ...others } = options;
  const { jobs, json, dryRun, launcher, slurm, ...common } = others;
  const request = { ...common, subjects: [{ model, adapter, record, tokenizer, baseWeights }], tasks };
  if (launcher === 'slurm') {
    if (output !== undefined)
      throw new UsageError('--output writes what is there: give it when the evaluations are done.');
    await (dryRun ? previewOnSlurm : submitToSlurm)(request, slurm, json === true);
  } else if (dryRun) await estimate(request, json === true);
  else await evaluateRequest(request, { jobs, json, output });
}

/** Submits what is missing of a request to Slurm. */
async function submitToSlurm(
  request: EvaluateRequest,
  slurm: readonly string[],
  json: boolean,
): Promise<void> {
  const { planEvaluations } = await import('../../runs/evaluate/plan-evaluations.ts');
  const { submitMissingEvaluations } = await import('../../runs/cluster/submit-missing.ts');
  const plan = await planEvaluations(request, { onNote: note });
  const submitted = await submitMissingEvaluations(plan, request, slurm);
  tellSubmitted(submitted, 'evaluation', { results: plan.results, json });
}

/** Prints which evaluations would be submitted to Slurm, by task of the job array. */
async function previewOnSlurm(
  request: EvaluateRequest,
  slurm: readonly string[],
  json: boolean,
): Promise<void> {
  const { planEvaluations } = await import('../../runs/evaluate/plan-evaluations.ts');
  const { previewEvaluations } = await import('../../runs/cluster/submit-missing.ts');
  const plan = await planEvaluations(request, { onNote: note });
  const tasks = await previewEvaluations(plan, slurm);
  const rows = tasks.flatMap((pieces, task) =>
    pieces.map(({ chosen, documents, path }) => ({
      task,
      name: chosen.evaluation.name,
      documents,
      path,
    })),
  );
  if (json) {
    printJson({ evaluations: rows });
    return;
  }
  if (rows.length === 0) {
    print(nothingToSubmit('evaluation'));
    return;
  }
  const header = ['task', 'evaluation', 'documents'];
  print(columns([header, ...rows.map((row) => [String(row.task), row.name, String(row.documents)])]));
  print(
    `\n${counted(rows.length, 'evaluation')} would be submitted in ${counted(tasks.length, 'Slurm task')}.`,
  );
}

/** Prints what a request would compute, and about how long that takes. */
async function estimate(request: EvaluateRequest, json: boolean): Promise<void> {
  const found = await estimateUnlessStopped(request);
  if (!found) return;
  const seconds = sum(found.map((one) => one.seconds));
  if (json) {
    const evaluations = found.map(({ piece, ...numbers }) => {
      const { path, settings, documents } = piece;
      return { name: settings.evaluation.name, path, documents, ...numbers };
    });
    printJson({ evaluations, seconds });
    return;
  }
  const header = ['evaluation', 'record', 'documents', 'requests', 'tokens', 'time'];
  const rows = found.map(({ piece, state, requests, tokens, seconds: own }) => [
    piece.chosen.evaluation.name,
    state,
    String(piece.documents),
    String(requests),
    String(tokens),
    state === 'finished' ? '' : durationText(own),
  ]);
  print(columns([header, ...rows]));
  print(`\nAbout ${durationText(seconds)}, by a few batches that were timed here.`);
  if (found.some(({ piece }) => piece.chosen.evaluation.kind !== 'choices'))
    print('Of texts at most: how long they become is not known.');
}

/** Estimates what is missing of a request; undefined where a signal stopped it. */
async function estimateUnlessStopped(request: EvaluateRequest): Promise<PieceEstimate[] | undefined> {
  const { planEvaluations } = await import('../../runs/evaluate/plan-evaluations.ts');
  const { estimateEvaluations } = await import('../../runs/evaluate/estimate-evaluations.ts');
  const { signal } = stopOnSignals(() => undefined);
  try {
    const plan = await unlessAborted(planEvaluations(request, { signal, onNote: note }), signal);
    return await estimateEvaluations(plan, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    endStopped('Stopped.');
    return undefined;
  }
}

/** Does a request and prints its records. */
async function evaluateRequest(
  request: EvaluateRequest,
  { jobs, json, output }: { readonly [Key in 'jobs' | 'json' | 'output']: Options[Key] | undefined },
): Promise<void> {
  // Imported when needed, so that help does not wait for the engines.
  const { evaluate } = await import('../../runs/evaluate/evaluate.ts');
  const { planEvaluations } = await import('../../runs/evaluate/plan-evaluations.ts');
  const { groupMeans } = await import('../../reporting/evaluations/group-means.ts');
  const progress = createProgress();
  const controller = stopOnSignals(() => {
    progress.stop();
  });
  const { signal } = controller;
  let evaluated: Evaluated[];
  try {
    const plan = await unlessAborted(planEvaluations(request, { signal, onNote: note }), signal);
    const events = evaluationEvents(progress);
    evaluated = await evaluate(plan, request, { events, signal, retryFailed: true, jobs });
  } catch (error) {
    if (!signal.aborted) throw error;
    endStopped();
    return;
  } finally {
    progress.stop();
  }
  const groups = groupMeans(evaluated);
  const { subject } = evaluated[0]!.piece;
  if (json) {
    printJson({ groups, evaluations: evaluated.map(({ path, record }) => ({ path, ...record })) });
  } else {
    const form = request.chatTemplate ? ' · chat template' : '';
    const kept = subject.baseWeights ? ` in ${baseWeightsText(subject.baseWeights)}` : '';
    print(`${subject.model.id}${kept} · ${subject.label}${form}\n`);
    print(scoresText(evaluated, groups));
    for (const line of remarks(evaluated)) print(line);
    note(`\nRecords: ${request.results}`);
  }
  if (output !== undefined) {
    const { writeLmEval } = await import('../../reporting/evaluations/lm-eval-output.ts');
    const model = [subject.model.id, ...(subject.variant === 'none' ? [] : [subject.variant])].join('--');
    const tasks = await Promise.all(
      evaluated.map(async (one) => {
        const texts = await one.texts();
        return { ...one, askedAt: (document: number) => texts.askedAt(document) };
      }),
    );
    note(
      `lm-eval: ${await writeLmEval(join(request.results, 'lm-eval'), { model, limit: request.limit }, tasks, groups)}`,
    );
  }
  if (evaluated.some(({ record }) => record.status === 'failed')) process.exitCode = 1;
}

const numberText = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(4));

/** The row of answers, which have no score before they are judged. */
const notJudged = { name: '(answers)', value: undefined, standardError: undefined };

/** The scores of evaluations and the means of their groups as a table. */
function scoresText(evaluated: readonly Evaluated[], groups: readonly GroupMean[]): string {
  const header = ['evaluation', 'version', 'shots', 'documents', 'metric', 'value', '± error'];
  const rows = evaluated.flatMap(({ evaluation, record: { settings, documents, metrics, files } }) =>
    (files.answers ? [notJudged] : metrics).map(({ name, value, standardError }, i) => [
      i === 0 ? evaluation.name : '',
      String(evaluation.version),
      String(settings.shots),
      String(documents.used),
      name,
      numberText(value),
      numberText(standardError),
    ]),
  );
  const means = groups.map(({ name, measure, parts, mean }) => [
    `${name} (${parts})`,
    '',
    '',
    String(mean.count),
    measure,
    numberText(mean.value),
    numberText(mean.standardError),
  ]);
  return columns([header, ...rows, ...means]);
}

/** Prints how two evaluations differ, document by document. */
async function compareRecords(places: readonly string[], json: boolean): Promise<void> {
  const [first, second] = places;
  if (places.length !== 2)
    throw new UsageError(`--compare takes two records, or two folders of them; ${places.length} were given.`);
  const { compareEvaluations } = await import('../../reporting/evaluations/pair-evaluations.ts');
  const compared = await compareEvaluations(first!, second!);
  if (json) {
    printJson({ first, second, comparisons: compared });
    return;
  }
  print(`first: ${first!}\nsecond: ${second!}\n`);
  const rows = compared.map((one) => [
    one.evaluation,
    one.measure,
    String(one.documents),
    ...one.means.map(numberText),
    numberText(one.difference),
    numberText(one.standardError),
    one.interval ? one.interval.map(numberText).join(' to ') : '–',
    one.p === undefined ? '–' : one.p.toPrecision(2),
  ]);
  const header = [
    'evaluation',
    'metric',
    'documents',
    'first',
    'second',
    'difference',
    '± error',
    '95 %',
    'p',
  ];
  print(columns([header, ...rows]));
  print("Paired by document; p is of McNemar's exact test where scores are right or wrong, else normal.");
}

/**
 * Gives a line for each evaluation that waits for a judge, failed, left documents out, cut prompts or held
 * unreadable answers.
 */
function remarks(evaluated: readonly Evaluated[]): string[] {
  return evaluated.flatMap(({ evaluation: { name }, path, record: { documents, error, files } }) => [
    ...(files.answers ? [`${name}: the answers wait for a judge: bench judge ${path}`] : []),
    ...(error ? [`${name} failed: ${error.name}: ${error.message}`] : []),
    ...(documents.used < documents.of
      ? [`${name}: the first ${documents.used} of ${documents.of} documents`]
      : []),
    ...(documents.cut > 0
      ? [`${name}: ${counted(documents.cut, 'prompt')} longer than what is read of them, cut`]
      : []),
    ...(documents.unread
      ? [`${name}: ${counted(documents.unread, 'text')} without an answer that can be read`]
      : []),
  ]);
}
