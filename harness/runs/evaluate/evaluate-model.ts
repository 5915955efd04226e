/** Evaluates a base, an adapter or a run with benchmarks that have no record of it yet, and writes their records. */
import { open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { makeFolder, writeError, writeFileAtomic } from '../../support/atomic-files.ts';
import { didYouMean, errorCode, UsageError } from '../../support/errors.ts';
import { sha256 } from '../../support/hash.ts';
import type { FetchOptions } from '../../data/hub/connection.ts';
import {
  evaluationProtocols,
  type Evaluation,
  type EvaluationData,
  type EvaluationProtocol,
} from '../../evaluation/evaluation.ts';
import { logLikelihoods, positionsFor } from '../../evaluation/likelihoods/log-likelihoods.ts';
import {
  chosenBy,
  meanOf,
  pooledMean,
  scoreOf,
  type Likelihood,
  type Mean,
} from '../../evaluation/measures.ts';
import { promptsOf, shotsOf, type Prompt } from '../../evaluation/prompts.ts';
import type { Request } from '../../evaluation/likelihoods/token-tree.ts';
import { encodeAlternatives } from '../../evaluation/likelihoods/tokens.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { hashJson } from '../../support/canonical-json.ts';
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import { parseEvaluation, sealEvaluation, type EvaluationRecord } from '../../records/evaluation-record.ts';
import { openSubject, type Subject, type SubjectRequest } from './subject.ts';
import { startEngine } from '../execute/start-engine.ts';
import { tryLock, type Lock } from '../../records/file-lock.ts';
import { findEngine, type EngineChoice } from '../plan/engine-choice.ts';
import { askedSource } from '../plan/plan-runs.ts';
import { loadEvaluations } from '../plan/load-plugins.ts';

export interface EvaluateRequest extends SubjectRequest {
  /** Names of evaluations or of groups. */
  readonly tasks: readonly string[];
  readonly protocol: string;
  readonly shots?: number | undefined;
  readonly limit?: number | undefined;
  readonly engine: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly precision?: string | undefined;
  readonly results: string;
  readonly data?: string | undefined;
}

export interface EvaluateEvents extends Pick<FetchOptions, 'onNote'> {
  /** Documents that are scored, of all that are to be scored now. */
  onProgress(done: number, total: number): void;
}

/** An evaluation's record and where it lies. */
export interface Evaluated {
  readonly evaluation: Evaluation;
  readonly record: EvaluationRecord;
  readonly path: string;
}

/** Does what has no record; throws UsageError where something cannot be used, and Interrupted where it was stopped. */
export async function evaluate(
  request: EvaluateRequest,
  events: EvaluateEvents,
  signal: AbortSignal,
): Promise<{ subject: Subject; evaluated: Evaluated[] }> {
  const evaluations = expand(request.tasks, await loadEvaluations());
  const protocol = protocolOf(request.protocol);
  const shots = evaluations.map((evaluation) => shotsOf(evaluation, protocol, request.shots));
  const engine = findEngine(request);
  const source = (await askedSource(request.data)) ?? { kind: 'hub' };
  const subject = await openSubject(request);
  const prepared: Prepared[] = [];
  for (const [i, evaluation] of evaluations.entries()) {
    const needsPool = shots[i]! > 0;
    const data = await evaluation.load({ source, protocol, needsPool, signal, ...events });
    prepared.push(await prepare({ evaluation, data, subject, protocol, shots: shots[i]!, engine, request }));
  }
  await scoreMissing(prepared, { subject, engine, events, signal });
  return {
    subject,
    evaluated: prepared.map(({ evaluation, record, path }) => ({ evaluation, record: record!, path })),
  };
}

/** Evaluations by their names and those of groups, each once, in the order asked for. */
function expand(asked: readonly string[], all: ReadonlyMap<string, Evaluation>): Evaluation[] {
  const groups = new Set([...all.values()].flatMap(({ groups = [] }) => groups));
  const found = asked.flatMap((text) => {
    // Lm-eval's own names have underscores.
    const name = text.replaceAll('_', '-');
    const one = all.get(name);
    const members = [...all.values()].filter(({ groups = [] }) => groups.includes(name));
    if (one || members.length > 0) return one ? [one] : members;
    const names = [...groups, ...all.keys()];
    const shown = [...groups, ...[...all.values()].filter(({ groups = [] }) => groups.length < 2).map(({ name }) => name)]; // prettier-ignore
    throw new UsageError(`There is no evaluation "${text}".${didYouMean(name, names)} Evaluations: ${shown.join(', ')}.`); // prettier-ignore
  });
  return [...new Set(found)];
}

function protocolOf(asked: string): EvaluationProtocol {
  const found = evaluationProtocols.find((name) => name === asked);
  if (found) return found;
  throw new UsageError(
    `--protocol ${asked}: it can be ${evaluationProtocols.join(', ')}.${didYouMean(asked, evaluationProtocols)}`,
  );
}

interface Prepared {
  readonly evaluation: Evaluation;
  readonly settings: EvaluationRecord['settings'];
  readonly identity: string;
  readonly path: string;
  readonly prompts: readonly Prompt[];
  readonly requests: readonly (readonly Request[])[];
  /** Documents before `--limit`, and how many prompts lose their beginning. */
  readonly of: number;
  readonly cut: number;
  record: EvaluationRecord | undefined;
}

async function prepare({
  evaluation,
  data,
  subject,
  protocol,
  shots,
  engine,
  request,
}: {
  readonly evaluation: Evaluation;
  readonly data: EvaluationData;
  readonly subject: Subject;
  readonly protocol: EvaluationProtocol;
  readonly shots: number;
  readonly engine: EngineChoice;
  readonly request: EvaluateRequest;
}): Promise<Prepared> {
  const { base, tokenizer, delta } = subject;
  const { name, version } = evaluation;
  const settings: Prepared['settings'] = {
    evaluation: { name, version },
    ...{ protocol, shots, limit: request.limit ?? null, data: { form: data.form, hash: data.hash } },
    model: { id: base.id, hash: await base.hash(), tokenizer: tokenizer.hash },
    ...{ methods: subject.methods, trained: subject.trained, precision: engine.precision },
  };
  const identity = hashJson(settings);
  const folder = [base.id, subject.variant].map((part) => part.replaceAll('/', '--'));
  const file = `${name}-${shots}-shot~${identity.slice(0, 8)}.json`;
  const path = join(resolve(request.results), 'evaluations', ...folder, file);
  const prompts = promptsOf(evaluation, data, shots, request.limit);
  const encode = evaluation.encode ?? encodeAlternatives;
  const requests = prompts.map(({ alternatives }) => encode(tokenizer, alternatives, protocol));
  const positions = positionsFor(base, delta);
  const isCut = ({ context, continuation }: Request): boolean =>
    context.length + continuation.length > positions + 1;
  const long = requests.findIndex((all) => all.some(({ continuation }) => continuation.length > positions));
  if (long >= 0)
    throw new UsageError(
      `${name}: an answer of document ${long + 1} is longer than the ${positions} tokens that ${base.id} reads; choose a base with a longer window.`,
    );
  const cut = requests.filter((all) => all.some(isCut)).length;
  return {
    ...{ evaluation, settings, identity, path, prompts, requests, cut, of: data.documents.length },
    record: await readEvaluation(path, identity),
  };
}

/** The record of an evaluation; undefined where there is none. Throws UsageError where something else lies there. */
async function readEvaluation(path: string, identity: string): Promise<EvaluationRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  const read = parseEvaluation(text);
  const reason = 'reason' in read ? read.reason : read.record.identity === identity ? undefined : 'it is of another evaluation'; // prettier-ignore
  if (reason === undefined) return 'record' in read ? read.record : undefined;
  throw new UsageError(`${path} is no record that can be used: ${reason}. Move it away, or use another --results.`); // prettier-ignore
}

interface Surroundings {
  readonly subject: Subject;
  readonly engine: EngineChoice;
  readonly events: EvaluateEvents;
  readonly signal: AbortSignal;
}

/** Scores the documents of all evaluations that have no record, over one copy of the base. */
async function scoreMissing(
  prepared: readonly Prepared[],
  { subject, engine: asked, events, signal }: Surroundings,
): Promise<void> {
  const missing = prepared.filter(({ record }) => record?.status !== 'finished');
  if (missing.length === 0) return;
  const engine = await startEngine({ engine: asked });
  const code = await codeVersion();
  const environment = await describeEnvironment(asked.threads);
  const open: OpenEvaluation[] = [];
  try {
    for (const one of missing) open.push(await openEvaluation(one));
    const finish = async (one: OpenEvaluation): Promise<void> => {
      one.prepared.record = await writeEvaluation(one, {
        ...{ code, environment, label: subject.label },
        engine: { name: engine.name, device: engine.device },
      });
    };
    for (const one of open) if (isComplete(one)) await finish(one);
    const total = open.reduce((sum, { found, prepared }) => sum + prepared.requests.filter((_, i) => !found[i]).length, 0); // prettier-ignore
    let done = 0;
    events.onProgress(done, total);
    await logLikelihoods({
      ...{ engine, base: subject.base, delta: subject.delta, tensors: subject.tensors, signal },
      sets: open.map(({ prepared }) => prepared.requests),
      isDone: (set, document) => open[set]!.found[document] !== undefined,
      async onDocument(set, document, likelihoods) {
        const one = open[set]!;
        await keep(one, document, likelihoods);
        events.onProgress(++done, total);
        if (isComplete(one)) await finish(one);
      },
    });
  } catch (error) {
    if (signal.aborted) throw new Interrupted('stopped while evaluating', { cause: error });
    throw error;
  } finally {
    for (const { log, lock } of open) {
      await log.close();
      await lock.release();
    }
  }
}

/** An evaluation under way: what documents got so far, also in a file, so that a killed process loses one batch. */
interface OpenEvaluation {
  readonly prepared: Prepared;
  readonly lock: Lock;
  readonly log: FileHandle;
  readonly started: Date;
  readonly found: (readonly Likelihood[] | undefined)[];
}

const logPath = (path: string): string => path.replace(/\.json$/, '.work.jsonl');
const isComplete = ({ found, prepared }: OpenEvaluation): boolean =>
  prepared.requests.every((_, document) => found[document] !== undefined);

async function openEvaluation(prepared: Prepared): Promise<OpenEvaluation> {
  const { path, identity, requests } = prepared;
  await makeFolder(dirname(path));
  const lock = await tryLock(path.replace(/\.json$/, '.lock'));
  if (!lock)
    throw new UsageError(`${path}: another process does this evaluation now; wait for it, or use another --results.`); // prettier-ignore
  try {
    const file = logPath(path);
    const text = await readFile(file, 'utf8').catch(() => '');
    const found = readLog(text, identity, requests);
    // Written anew, for the last line of a killed process may lack its end.
    const lines = found.flatMap((likelihoods, document) => (likelihoods ? [lineOf(document, likelihoods)] : [])); // prettier-ignore
    await writeFileAtomic(file, `${[JSON.stringify({ identity }), ...lines].join('\n')}\n`);
    return { prepared, lock, log: await open(file, 'a'), started: new Date(), found };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

const lineOf = (document: number, likelihoods: readonly Likelihood[]): string =>
  JSON.stringify([document, likelihoods.map(({ logLikelihood, isGreedy }) => [logLikelihood, isGreedy])]);

/** What a log holds of an evaluation; lines that are not whole are left out, all where it is another one's. */
function readLog(
  text: string,
  identity: string,
  requests: Prepared['requests'],
): (readonly Likelihood[] | undefined)[] {
  const found: (readonly Likelihood[] | undefined)[] = [];
  const [first, ...lines] = text.split('\n');
  if (first !== JSON.stringify({ identity })) return found;
  for (const line of lines) {
    try {
      const [document, pairs] = JSON.parse(line) as [number, [number, boolean][]];
      if (pairs.length !== requests[document]?.length) continue;
      if (!pairs.every(([value, is]) => typeof value === 'number' && typeof is === 'boolean')) continue;
      found[document] = pairs.map(([logLikelihood, isGreedy]) => ({ logLikelihood, isGreedy }));
    } catch {
      // Cut by the end of its process.
    }
  }
  return found;
}

async function keep(
  { log, found, prepared }: OpenEvaluation,
  document: number,
  likelihoods: readonly Likelihood[],
): Promise<void> {
  found[document] = likelihoods;
  try {
    await log.appendFile(`${lineOf(document, likelihoods)}\n`);
  } catch (error) {
    throw writeError(logPath(prepared.path), error);
  }
}

async function writeEvaluation(
  { prepared, started, found }: OpenEvaluation,
  about: Pick<EvaluationRecord, 'code' | 'environment' | 'label' | 'engine'>,
): Promise<EvaluationRecord> {
  const { evaluation, settings, identity, path, prompts, of, cut } = prepared;
  const all = found as readonly (readonly Likelihood[])[];
  const broken = all.findIndex((own) => !own.every(({ logLikelihood }) => Number.isFinite(logLikelihood)));
  const common = {
    ...({ schema: 1, kind: 'evaluation', identity, settings, ...about } as const),
    ...{ started: started.toISOString(), ended: new Date().toISOString() },
    documents: { used: prompts.length, of, cut },
  };
  let record: EvaluationRecord;
  if (broken >= 0) {
    const message = `a log-likelihood of document ${broken + 1} is not finite; the weights or the adapter hold numbers that are not`;
    record = sealEvaluation({ ...common, status: 'failed', error: { name: 'NotFinite', message }, metrics: [], files: {} }); // prettier-ignore
  } else {
    const scores = prompts.map(({ document }, i) =>
      evaluation.measures.map((measure) => scoreOf(measure, document, all[i]!)),
    );
    const samples = prompts
      .map((prompt, i) => JSON.stringify(sampleOf(prompt, evaluation, all[i]!, scores[i]!)))
      .join('\n');
    const file = path.replace(/\.json$/, '.samples.jsonl');
    await writeFileAtomic(file, `${samples}\n`);
    record = sealEvaluation({
      ...{ ...common, status: 'finished' },
      metrics: evaluation.measures.map((name, place) => {
        const { value, standardError } = meanOf(scores.map((own) => own[place]!));
        return { name, value, ...(standardError !== undefined && { standardError }) };
      }),
      files: { samples: { name: file.slice(dirname(file).length + 1), sha256: sha256(`${samples}\n`) } },
    });
  }
  await writeFileAtomic(path, `${JSON.stringify(record, undefined, 2)}\n`);
  await rm(logPath(path), { force: true });
  return record;
}

function sampleOf(
  { index, document, examples }: Prompt,
  { measures }: Evaluation,
  likelihoods: readonly Likelihood[],
  scores: readonly number[],
): object {
  const chosen = chosenBy(measures[0], document, likelihoods);
  return {
    ...{ document: index, examples, gold: document.gold, ...(chosen !== undefined && { chosen }) },
    logLikelihoods: likelihoods.map(({ logLikelihood }) => logLikelihood),
    greedy: likelihoods.map(({ isGreedy }) => isGreedy),
    ...Object.fromEntries(measures.map((measure, i) => [measure, scores[i]])),
  };
}

/** The means of the groups of which more than one evaluation is there, over all their documents. */
export function groupMeans(
  evaluated: readonly Evaluated[],
): { name: string; measure: string; parts: number; mean: Mean }[] {
  const finished = evaluated.filter(({ record }) => record.status === 'finished');
  const groups = [...new Set(finished.flatMap(({ evaluation }) => evaluation.groups ?? []))];
  return groups.flatMap((name) => {
    const members = finished.filter(({ evaluation }) => evaluation.groups?.includes(name));
    if (members.length < 2) return [];
    return members[0]!.evaluation.measures.map((measure) => ({
      ...{ name, measure, parts: members.length },
      mean: pooledMean(
        members.map(({ record }) => {
          const { value, standardError } = record.metrics.find((metric) => metric.name === measure)!;
          return { value, standardError, count: record.documents.used };
        }),
      ),
    }));
  });
}
