/**
 * Judges answers: says first what that costs, asks what has no reply yet, keeps every reply as it comes, and writes
 * the record. The command `bench judge` uses it.
 */
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { FetchOptions } from '../../data/hub/connection.ts';
import { agreementOf } from '../../judging/agreement.ts';
import { effortOf, type Effort } from '../../judging/cost.ts';
import type { AnswerSet, Judgement, Judging } from '../../judging/judging.ts';
import { length } from '../../support/python-text.ts';
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import {
  parseJudgement,
  sealJudgement,
  type JudgementRecord,
  type JudgementSettings,
} from '../../records/judgement-record.ts';
import { judgedExamplesText } from '../../records/beside/judged-examples.ts';
import { writeSealed } from '../../records/sealed-record.ts';
import { WorkLog } from '../../records/beside/work-log.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { writeFileAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { sha256 } from '../../support/hash.ts';
import { shownAddress } from '../../support/network/addresses.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import { isFile, readBytes } from '../../support/read-files.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { findEngine } from '../plan/engine-choice.ts';
import { findDataSource } from '../plan/data-source.ts';
import { findJudging } from './find-judging.ts';
import { endpointJudge, localJudge, type CallOutcome, type Judge } from './judges.ts';
import { openAnswers, type OpenAnswers } from './open-answers.ts';

/** The options of a judgement, as `bench judge` passes them. */
export interface JudgeRequest {
  /** The path of the answers' record. */
  readonly record: string;
  /** An endpoint's address or `local:BASE`; where absent, `judgements` judges. */
  readonly judge?: string | undefined;
  /** The model's name at the endpoint. */
  readonly judgeModel?: string | undefined;
  /** A file of recorded judgements, which are compared with the judge's where there is one. */
  readonly judgements?: string | undefined;
  /** The record of the answers that these are compared with. */
  readonly against?: string | undefined;
  readonly data?: string | undefined;
  readonly results: string;
  readonly parallel: number;
  readonly engine: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
}

/** What a judgement asks and tells while it is under way. */
export interface JudgeEvents extends Pick<FetchOptions, 'onNote'> {
  /** Whether to go on, where money may be spent; throws UsageError for a no. */
  agree(effort: Effort, judge: JudgementSettings['judge']): Promise<void>;
  onProgress(done: number, total: number): void;
}

/** A record and where it lies. */
export interface Judged {
  readonly path: string;
  readonly record: JudgementRecord;
}

const replySchema = z.strictObject({ text: z.string(), tokens: z.tuple([z.number(), z.number()]) });
type Reply = z.infer<typeof replySchema>;
// Calls that failed are no replies: they are asked again.
const lineSchema = z.tuple([z.string(), replySchema]);

/** A judgement that is to be done. */
interface Task {
  readonly own: OpenAnswers;
  readonly judging: Judging;
  readonly other: AnswerSet | undefined;
  readonly settings: JudgementSettings;
  readonly identity: string;
  readonly path: string;
  /** Recorded judgements, and the hash of their file. */
  readonly recorded: { readonly judgements: readonly Judgement[]; readonly hash: string } | undefined;
}

/**
 * Judges answers and gives the record; a record without failed calls is given as it is. Throws UsageError where
 * something in the request cannot be used, and Interrupted where `signal` stops it.
 */
export async function judgeAnswers(
  request: JudgeRequest,
  events: JudgeEvents,
  signal: AbortSignal,
): Promise<Judged> {
  const { onNote } = events;
  const source = (await findDataSource(request.data)) ?? { kind: 'hub' };
  const own = await openAnswers(request.record, source, { onNote, signal });
  const against =
    request.against === undefined
      ? undefined
      : await openAnswers(request.against, source, { onNote, signal });
  const found = await findJudging(own, against, source);
  const recorded = await readRecorded(request.judgements, found.judging);
  const judge = await findJudge(request, { onNote, signal });
  const judgeSettings = judge?.settings ?? {
    kind: 'recorded' as const,
    model: basename(request.judgements!),
    hash: recorded!.hash,
  };
  const settings: JudgementSettings = {
    evaluation: own.record.settings.evaluation,
    mode: found.judging.mode,
    answers: { identity: own.record.identity, hash: own.record.files.samples!.sha256 },
    against: found.other ? { model: found.other.model, hash: hashJson([...found.other.turns]) } : null,
    references: found.references,
    prompts: found.judging.prompts,
    judge: { ...judgeSettings, maxTokens: found.judging.maxTokens },
  };
  const identity = hashJson(settings);
  const path = recordPath(request, own, settings, identity);
  const task: Task = { own, ...found, settings, identity, path, recorded };
  const known = await readKnown(path, identity);
  if (!judge) return { path, record: await writeRecord(task, recorded!.judgements, new Map(), new Date()) };
  const isCompared = recorded === undefined || known?.agreement?.hash === recorded.hash;
  const isWhole = known?.judgements.failed === 0 && isCompared;
  return { path, record: isWhole ? known : await ask(task, judge, events, signal) };
}

/** Asks what has no reply yet, and writes the record. */
async function ask(
  task: Task,
  judge: Judge,
  events: JudgeEvents,
  signal: AbortSignal,
): Promise<JudgementRecord> {
  const { judging, path, identity, settings } = task;
  const started = new Date();
  const log = await WorkLog.open<string, Reply>(path, identity, (line) => lineSchema.safeParse(line).data);
  try {
    const missing = judging.calls.filter(({ key }) => log.get(key) === undefined);
    if (missing.length > 0) {
      await events.agree(effortOf(missing, judging.maxTokens, judge.count), settings.judge);
      let done = 0;
      events.onProgress(done, missing.length);
      const keep = async (key: string, outcome: CallOutcome): Promise<void> => {
        if ('text' in outcome) await log.keep(key, { text: outcome.text, tokens: [...outcome.tokens] });
        else events.onNote?.(`${key}: ${outcome.error}.`);
        events.onProgress(++done, missing.length);
      };
      await judge.ask(missing, judging.maxTokens, keep, signal);
    }
    const replies = new Map(log.pieces);
    const texts = new Map([...replies].map(([key, { text }]) => [key, text]));
    // The log stays: calls that failed are asked again, and agreements with other judgements computed, with it.
    await log.check();
    return await writeRecord(task, judging.judge(texts), replies, started);
  } catch (error) {
    if (signal.aborted) throw new Interrupted('stopped while judging', { cause: error });
    throw error;
  } finally {
    await log.close();
  }
}

async function writeRecord(
  { own, judging, other, settings, identity, path, recorded }: Task,
  judgements: readonly Judgement[],
  replies: ReadonlyMap<string, Reply>,
  started: Date,
): Promise<JudgementRecord> {
  const ended = new Date();
  const file = judging.file(judgements, settings.judge.model, ended);
  const examples = judgedExamplesText(judgements, own.questions, own.answers, other);
  const files = {
    judgements: await writeBeside(path, `judgements.${file.ending}`, file.text),
    examples: await writeBeside(path, 'examples.jsonl', examples),
  };
  const isCompared = settings.judge.kind !== 'recorded' && recorded !== undefined;
  const agreement = isCompared ? agreementOf(judging, judgements, recorded.judgements) : undefined;
  const order = judging.orderBias?.(judgements);
  const failed = judgements.filter(({ isFailed }) => isFailed).length;
  const tokens = [...replies.values()].map((reply) => reply.tokens);
  const record = sealJudgement({
    schema: 1,
    kind: 'judgement',
    identity,
    settings,
    model: own.record.settings.model.id,
    label: own.record.label,
    started: started.toISOString(),
    ended: ended.toISOString(),
    judgements: {
      of: judgements.length,
      unread: judgements.filter(({ verdict }) => verdict === null).length - failed,
      failed,
    },
    metrics: judging.metrics(judgements).map(({ name: metric, value, standardError }) => ({
      name: metric,
      value,
      ...(standardError !== undefined && { standardError }),
    })),
    lengths: { judged: meanLength(own.answers, own), other: other ? meanLength(other, own) : null },
    ...(order && { order }),
    ...(agreement && { agreement: { hash: recorded!.hash, ...agreement } }),
    tokens: { prompt: sum(tokens.map(([prompt]) => prompt)), reply: sum(tokens.map(([, reply]) => reply)) },
    files,
    code: await codeVersion(),
    environment: await describeEnvironment(availableParallelism()),
  });
  await writeSealed(path, record);
  return record;
}

/** Writes a file beside a record, whose name it has with an ending of its own. */
async function writeBeside(
  path: string,
  ending: string,
  text: string,
): Promise<{ readonly name: string; readonly sha256: string }> {
  const name = `${basename(path, '.json')}.${ending}`;
  await writeFileAtomic(join(dirname(path), name), text);
  return { name, sha256: sha256(text) };
}

/** The mean of the answers' code points, whole as AlpacaEval gives it. */
function meanLength({ turns }: AnswerSet, { questions }: OpenAnswers): number {
  const lengths = questions.flatMap(({ id }) => turns.get(id)!.map(length));
  return Math.floor(sum(lengths) / lengths.length);
}

/** results/judgements/<model>/<method>/<answers>~<mode>~<judge>~<identity>.json */
function recordPath(
  { results, record }: JudgeRequest,
  { evaluation }: OpenAnswers,
  { judge, mode }: JudgementSettings,
  identity: string,
): string {
  const method = dirname(resolve(record));
  const folders = [basename(dirname(method)), basename(method)];
  const way = mode === evaluation.name ? [] : [mode.replace(`${evaluation.name}-`, '')];
  const who = judge.model.replace(/[^\w.-]+/g, '--').slice(0, 60);
  const name = [evaluation.name, ...way, who, identity.slice(0, 8)].join('~');
  return join(resolve(results), 'judgements', ...folders, `${name}.json`);
}

async function readKnown(path: string, identity: string): Promise<JudgementRecord | undefined> {
  if (!(await isFile(path))) return undefined;
  const read = parseJudgement(String(await readBytes(path)));
  if ('record' in read && read.record.identity === identity) return read.record;
  const reason = 'reason' in read ? read.reason : 'it is of another judgement';
  throw new UsageError(
    `${path} is no record that can be used: ${reason}. Move it away, or use another --results.`,
  );
}

async function readRecorded(file: string | undefined, judging: Judging): Promise<Task['recorded']> {
  if (file === undefined) return undefined;
  const bytes = await readBytes(file);
  const judgements = judging.recorded(String(bytes), file);
  if (judgements.length > 0) return { judgements, hash: sha256(bytes) };
  throw new UsageError(`--judgements ${file} holds no judgement of these questions.`);
}

async function findJudge(request: JudgeRequest, fetching: FetchOptions): Promise<Judge | undefined> {
  const { judge, judgeModel, judgements, parallel } = request;
  if (judge === undefined) {
    if (judgements !== undefined) return undefined;
    throw new UsageError('Say who judges: --judge URL, --judge local:BASE, or --judgements FILE.');
  }
  const [, base] = /^local:(.*)/s.exec(judge) ?? [];
  if (base !== undefined) return localJudge(base, findEngine(request), fetching);
  if (judgeModel === undefined)
    throw new UsageError(
      `--judge ${shownAddress(judge)}: an endpoint's address (https://HOST/v1) needs the name of the model there, ` +
        '--judge-model NAME; a base judges as local:BASE.',
    );
  return endpointJudge({ url: judge, model: judgeModel, parallel, onNote: fetching.onNote });
}
