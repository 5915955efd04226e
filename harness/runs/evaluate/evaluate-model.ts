/**
 * Evaluates a base, an adapter or a run on the benchmarks that it has no record of, and writes their records.
 * The command `bench eval` uses it.
 */
import { join, resolve } from 'node:path';
import type { FetchOptions } from '../../data/hub/connection.ts';
import { NotFinite } from '../../decoding/candidates.ts';
import { freezeAll } from '../../decoding/programs.ts';
import { LikelihoodScorer } from '../../evaluation/likelihoods/log-likelihoods.ts';
import {
  evaluationProtocols,
  type AskedDocument,
  type Evaluation,
  type EvaluationData,
  type EvaluationProtocol,
  type LoadRequest,
} from '../../evaluation/evaluation.ts';
import { meanOfParts, pooledMean, type GroupMean } from '../../evaluation/measures.ts';
import { shotsOf, type PromptOptions } from '../../evaluation/prompts.ts';
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { readEvaluation } from '../../records/read-evaluations.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { startEngine } from '../execute/start-engine.ts';
import { findEngine, type EngineChoice } from '../plan/engine-choice.ts';
import { findDataSource } from '../plan/data-source.ts';
import { loadEvaluations } from '../plan/load-plugins.ts';
import { answerWork, doAnswers, type Answers as AnswerOutcome, type AnswerWork } from './answer-work.ts';
import { checkChatTemplate, openChat, type Chat } from './chat.ts';
import { choiceWork, doChoices, type ChoiceWork, type Likelihoods as ChoiceOutcome } from './choice-work.ts';
import { OpenEvaluation, type About, type Prepared } from './evaluation-work.ts';
import { openSubject, type Subject, type SubjectRequest } from './subject.ts';
import { doTexts, textWork, type TextWork, type Written as TextOutcome } from './text-work.ts';

/** The options of an evaluation, as `bench eval` passes them. */
export interface EvaluateRequest extends SubjectRequest {
  /** Names of evaluations or of groups. */
  readonly tasks: readonly string[];
  /** The protocol; by default the first that an evaluation has. */
  readonly protocol?: string | undefined;
  readonly shots?: number | undefined;
  readonly limit?: number | undefined;
  /** Whether prompts are conversations in the tokenizer's chat template. */
  readonly chatTemplate?: boolean | undefined;
  readonly engine: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly precision?: string | undefined;
  readonly results: string;
  readonly data?: string | undefined;
}

/** What an evaluation reports while it is under way. */
export interface EvaluateEvents extends Pick<FetchOptions, 'onNote'> {
  /** Reports how many of the documents that have no outcome yet are scored. */
  onProgress(done: number, total: number): void;
}

/** An evaluation's record, its path and access to its documents' texts. */
export interface Evaluated {
  readonly evaluation: Evaluation;
  readonly record: EvaluationRecord;
  readonly path: string;
  askedAt(document: number): AskedDocument;
}

/**
 * Evaluates what has no record, and gives all records. Throws UsageError if something in the request cannot
 * be used, and Interrupted if `signal` stops it.
 */
export async function evaluate(
  request: EvaluateRequest,
  events: EvaluateEvents,
  signal: AbortSignal,
): Promise<{ subject: Subject; evaluated: Evaluated[] }> {
  const evaluations = expand(request.tasks, await loadEvaluations());
  const asked = request.protocol === undefined ? undefined : protocolOf(request.protocol);
  const protocols = evaluations.map((evaluation) => asked ?? firstProtocol(evaluation));
  const shots = evaluations.map((evaluation, i) => shotsOf(evaluation, protocols[i]!, request.shots));
  if (request.chatTemplate)
    evaluations.forEach((evaluation, i) => {
      checkChatTemplate(evaluation, protocols[i]!);
    });
  const engine = findEngine(request);
  const source = (await findDataSource(request.data)) ?? { kind: 'hub' };
  const subject = await openSubject(request);
  const chat = request.chatTemplate ? openChat(subject) : undefined;
  const tasks: Task[] = [];
  for (const [i, evaluation] of evaluations.entries()) {
    const own = shots[i]!;
    const load: LoadRequest = { source, protocol: protocols[i]!, needsPool: own > 0, signal, ...events };
    tasks.push(
      await prepare(evaluation, subject, {
        protocol: protocols[i]!,
        shots: own,
        load,
        engine,
        chat,
        request,
      }),
    );
  }
  await doMissing(tasks, { subject, engine, events, signal });
  return {
    subject,
    evaluated: tasks.map(({ evaluation, record, prepared }) => ({
      evaluation,
      record: record!,
      path: prepared.path,
      askedAt: (document) => prepared.work.askedAt(document),
    })),
  };
}

/** Resolves names of evaluations and groups, in the order asked for, each evaluation once. */
function expand(asked: readonly string[], all: ReadonlyMap<string, Evaluation>): Evaluation[] {
  const groups = new Set([...all.values()].flatMap(({ groups = [] }) => groups));
  const found = asked.flatMap((text) => {
    // lm-eval's names have underscores, ours hyphens.
    const name = text.replaceAll('_', '-');
    const one = all.get(name);
    const members = [...all.values()].filter(({ groups = [] }) => groups.includes(name));
    if (one || members.length > 0) return one ? [one] : members;
    const names = [...groups, ...all.keys()];
    const single = [...all.values()].filter(({ groups = [] }) => groups.length < 2);
    const shown = [...groups, ...single.map((evaluation) => evaluation.name)].join(', ');
    throw new UsageError(
      `There is no evaluation "${text}".${didYouMean(name, names)} Evaluations: ${shown}.`,
    );
  });
  return [...new Set(found)];
}

/** Gives the protocol of an evaluation for which none is asked. */
function firstProtocol({ shots }: Evaluation): EvaluationProtocol {
  return evaluationProtocols.find((protocol) => shots[protocol] !== undefined)!;
}

function protocolOf(asked: string): EvaluationProtocol {
  const found = evaluationProtocols.find((name) => name === asked);
  if (found) return found;
  throw new UsageError(
    `--protocol ${asked}: it can be ${evaluationProtocols.join(', ')}.${didYouMean(asked, evaluationProtocols)}`,
  );
}

type Task = ChoiceTask | TextTask | AnswerTask;
interface TaskBase {
  readonly evaluation: Evaluation;
  record: EvaluationRecord | undefined;
}
interface ChoiceTask extends TaskBase {
  readonly kind: 'choices';
  readonly prepared: Prepared<ChoiceOutcome> & { readonly work: ChoiceWork };
}
interface TextTask extends TaskBase {
  readonly kind: 'text';
  readonly prepared: Prepared<TextOutcome> & { readonly work: TextWork };
}

interface AnswerTask extends TaskBase {
  readonly kind: 'answers';
  readonly prepared: Prepared<AnswerOutcome> & { readonly work: AnswerWork };
}

/** Loads an evaluation's data and makes its prompts, its settings and its record's path. */
async function prepare(
  evaluation: Evaluation,
  subject: Subject,
  { protocol, shots, load, engine, chat, request }: PrepareOptions,
): Promise<Task> {
  const { base, tokenizer } = subject;
  const { name, version } = evaluation;
  const { limit } = request;
  const options: PromptOptions = { protocol, shots, limit, chat: chat?.write };
  const about = async ({ form, hash, documents }: EvaluationData<unknown>) => {
    const settings: EvaluationRecord['settings'] = {
      evaluation: { name, version },
      protocol,
      shots,
      limit: limit ?? null,
      data: { form, hash },
      model: { id: base.id, hash: await base.hash(), tokenizer: tokenizer.hash },
      methods: subject.methods,
      trained: subject.trained,
      precision: engine.precision,
      ...(chat && { chatTemplate: chat.hash }),
    };
    const identity = hashJson(settings);
    const folder = [base.id, subject.variant].map((part) => part.replaceAll('/', '--'));
    const file = `${name}-${shots}-shot~${identity.slice(0, 8)}.json`;
    const path = join(resolve(request.results), 'evaluations', ...folder, file);
    return { settings, identity, path, of: documents.length };
  };
  if (evaluation.kind === 'choices') {
    const data = await evaluation.load(load);
    const prepared = { ...(await about(data)), work: choiceWork(evaluation, data, subject, options) };
    return { kind: 'choices', evaluation, prepared, record: await findRecord(prepared) };
  }
  if (evaluation.kind === 'answers') {
    const data = await evaluation.load(load);
    const prepared = { ...(await about(data)), work: answerWork(evaluation, data, subject, options) };
    return { kind: 'answers', evaluation, prepared, record: await findRecord(prepared) };
  }
  const data = await evaluation.load(load);
  const prepared = { ...(await about(data)), work: textWork(evaluation, data, subject, options) };
  return { kind: 'text', evaluation, prepared, record: await findRecord(prepared) };
}

interface PrepareOptions {
  readonly protocol: EvaluationProtocol;
  readonly shots: number;
  readonly load: LoadRequest;
  readonly engine: EngineChoice;
  readonly chat: Chat | undefined;
  readonly request: EvaluateRequest;
}

/**
 * Reads the record of an evaluation; undefined if there is none. Throws UsageError if another evaluation's
 * record, or no valid record, lies there.
 */
async function findRecord({
  path,
  identity,
}: Pick<Prepared<unknown>, 'path' | 'identity'>): Promise<EvaluationRecord | undefined> {
  const record = await readEvaluation(path);
  if (record && record.identity !== identity)
    throw new UsageError(
      `${path} is no record that can be used: it is of another evaluation. Move it away, or use another --results.`,
    );
  return record;
}

interface Surroundings {
  readonly subject: Subject;
  readonly engine: EngineChoice;
  readonly events: EvaluateEvents;
  readonly signal: AbortSignal;
}

/**
 * Does the evaluations without a finished record: all that choose answers together over one copy of the base,
 * then one by one those that generate texts.
 */
async function doMissing(
  tasks: readonly Task[],
  { subject, engine: asked, events, signal }: Surroundings,
): Promise<void> {
  const missing = tasks.filter(({ record }) => record?.status !== 'finished');
  if (missing.length === 0) return;
  const engine = await startEngine({ engine: asked });
  const about: About = {
    code: await codeVersion(),
    environment: await describeEnvironment(asked.threads),
    label: subject.label,
    engine: { name: engine.name, device: engine.device },
  };
  const opened: { close(): Promise<void> }[] = [];
  const open = async <Outcome>(prepared: Prepared<Outcome>): Promise<OpenEvaluation<Outcome>> => {
    const evaluation = await OpenEvaluation.open(prepared);
    opened.push(evaluation);
    return evaluation;
  };
  try {
    const choices = missing.filter((task) => task.kind === 'choices');
    const texts = missing.filter((task) => task.kind === 'text');
    const openChoices: OpenEvaluation<ChoiceOutcome>[] = [];
    for (const { prepared } of choices) openChoices.push(await open(prepared));
    const openTexts: OpenEvaluation<TextOutcome>[] = [];
    for (const { prepared } of texts) openTexts.push(await open(prepared));
    const answers = missing.filter((task) => task.kind === 'answers');
    const openAnswers: OpenEvaluation<AnswerOutcome>[] = [];
    for (const { prepared } of answers) openAnswers.push(await open(prepared));

    const total = [...openChoices, ...openTexts, ...openAnswers].reduce(
      (sum, one) => sum + one.missing.length,
      0,
    );
    let done = 0;
    events.onProgress(done, total);
    const { base, delta, tensors } = subject;
    const frozen = await freezeAll(engine, base, delta, tensors);
    const model = { engine, base, delta, frozen };
    const scorer = new LikelihoodScorer(model);
    const onDocument = (): void => {
      events.onProgress(++done, total);
    };
    const finishWritten = async (
      task: Task,
      one: Pick<OpenEvaluation<unknown>, 'finish'>,
      write: () => Promise<void>,
    ): Promise<void> => {
      try {
        await write();
        task.record = await one.finish(about);
      } catch (error) {
        if (!(error instanceof NotFinite)) throw error;
        task.record = await one.finish(about, error);
      }
    };
    try {
      for (const [i, task] of choices.entries()) {
        await doChoices(openChoices[i]!, task.prepared.work, model, scorer, signal, onDocument);
        task.record = await openChoices[i]!.finish(about);
      }
    } finally {
      await scorer.close();
    }
    try {
      for (const [i, task] of texts.entries()) {
        const { work } = task.prepared;
        const one = openTexts[i]!;
        await finishWritten(task, one, () => doTexts(one, work, subject, model, signal, onDocument));
      }
      for (const [i, task] of answers.entries()) {
        const { work } = task.prepared;
        const one = openAnswers[i]!;
        await finishWritten(task, one, () => doAnswers(one, work, subject, model, signal, onDocument));
      }
    } finally {
      frozen.dispose();
    }
  } catch (error) {
    if (signal.aborted) throw new Interrupted('stopped while evaluating', { cause: error });
    throw error;
  } finally {
    for (const one of opened) await one.close();
  }
}

/**
 * Gives each group's means over all documents of its finished evaluations, for groups with at least two of
 * them.
 */
export function groupMeans(evaluated: readonly Evaluated[]): GroupMean[] {
  const finished = evaluated.filter(({ record }) => record.status === 'finished');
  const groups = [...new Set(finished.flatMap(({ evaluation }) => evaluation.groups ?? []))];
  return groups.flatMap((name) => {
    const members = finished.filter(({ evaluation }) => evaluation.groups?.includes(name));
    if (members.length < 2) return [];
    const [first] = members;
    const mean = first!.evaluation.groupMean === 'parts' ? meanOfParts : pooledMean;
    return first!.evaluation.measures.map((measure) => ({
      name,
      measure,
      parts: members.length,
      mean: mean(
        members.map(({ record }) => {
          const { value, standardError } = record.metrics.find((metric) => metric.name === measure)!;
          return { value, standardError, count: record.documents.used };
        }),
      ),
    }));
  });
}
