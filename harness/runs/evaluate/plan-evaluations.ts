/**
 * Plans evaluations: for each subject and each evaluation the settings, their identity, the place of the
 * record, and the record where there is one. Weights of runs are not opened; evaluate.ts does what is missing.
 */
import { join, resolve } from 'node:path';
import type { FetchOptions } from '../../data/hub/connection.ts';
import type { DataSource } from '../../data/examples/task.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { readEvaluation } from '../../records/read-evaluations.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import { UsageError } from '../../support/errors.ts';
import { once } from '../../support/once.ts';
import { findDataSource } from '../plan/data-source.ts';
import { writingRules } from '../../models/bases/generation-config.ts';
import { checkPacked, findEngine, type EngineChoice } from '../plan/engine-choice.ts';
import { loadEvaluations } from '../plan/load-plugins.ts';
import {
  chooseEvaluations,
  evaluationsOf,
  type ChosenEvaluation,
  type Choice,
} from './choose-evaluations.ts';
import { checkChatTemplate, openChat, type Chat } from './chat.ts';
import { documentLimit } from './document-limit.ts';
import type { WorkOptions } from './work/evaluation-work.ts';
import { loadEvaluation, type LoadedEvaluation } from './work/kinds.ts';
import { followsFiles } from './work/text-work.ts';
import { findSubject, type KnownSubject, type SubjectRequest } from './subject.ts';

/** What a person asked for. It is JSON, so that it can be sent to another process, which plans the same. */
export interface EvaluateRequest {
  readonly subjects: readonly SubjectRequest[];
  /** Evaluations or groups, as chooseEvaluations reads them. */
  readonly tasks: readonly string[];
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
  /** `built-in`, `hub` or a folder; DELTABENCH_DATA, else the hub, where absent. */
  readonly data?: string | undefined;
}

/** One evaluation of one subject. */
export interface EvaluationPiece {
  readonly subject: KnownSubject;
  readonly chosen: ChosenEvaluation;
  readonly loaded: LoadedEvaluation;
  readonly prompts: WorkOptions;
  readonly settings: EvaluationRecord['settings'];
  /** The sha256 of the settings. */
  readonly identity: string;
  /** Where the record lies or will lie. */
  readonly path: string;
  /** How many documents it has, within the limit. */
  readonly documents: number;
  readonly record: EvaluationRecord | undefined;
}

/** All evaluations of a request. */
export interface EvaluationPlan {
  readonly choices: readonly Choice[];
  readonly subjects: readonly KnownSubject[];
  readonly pieces: readonly EvaluationPiece[];
  readonly engine: EngineChoice;
  readonly results: string;
}

/**
 * Plans a request; throws UsageError where something in it cannot be used, data or examples are missing, texts
 * do not fit the base, or another file lies at a record's place. `loader` has read data of evaluations already.
 */
export async function planEvaluations(
  request: EvaluateRequest,
  fetching: FetchOptions = {},
  loader?: EvaluationLoader,
): Promise<EvaluationPlan> {
  const choices = chooseEvaluations(request.tasks, await loadEvaluations(), request);
  const all = evaluationsOf(choices);
  if (request.chatTemplate)
    for (const { evaluation, protocol } of all) checkChatTemplate(evaluation, protocol);
  const engine = findEngine(request);
  const asked = await findDataSource(request.data);
  const subjects: KnownSubject[] = [];
  for (const subject of request.subjects) {
    const found = await findSubject(subject, asked, fetching);
    if (found.baseWeights) checkPacked(found.baseWeights, engine);
    subjects.push(found);
  }
  const load = loader ?? evaluationLoader(asked, fetching);
  const pieces: EvaluationPiece[] = [];
  for (const subject of subjects) {
    const chat = request.chatTemplate ? openChat(subject.model.id, await subject.tokenizer()) : undefined;
    const rules = all.some(writesByFiles) ? await writingRules(subject.described) : undefined;
    for (const chosen of all) {
      const { protocol, shots } = chosen;
      const loaded = await load(chosen);
      const limit = documentLimit(chosen.limit, loaded.documents);
      const own = writesByFiles(chosen) ? rules : undefined;
      const prompts = { protocol, shots, limit, chat: chat?.write, rules: own };
      loaded.check(subject.described, prompts);
      const piece = { subject, chosen, loaded, prompts };
      pieces.push({ ...piece, ...(await placeOf(piece, chat, engine, request.results)) });
    }
  }
  return { choices, subjects, pieces, engine, results: request.results };
}

/** Whether the texts of an evaluation are written as the base's files say. */
const writesByFiles = ({ evaluation, protocol }: ChosenEvaluation): boolean =>
  evaluation.kind === 'text' && followsFiles(protocol);

/** Gives the data of an evaluation; throws UsageError where they are missing or malformed. */
export type EvaluationLoader = (chosen: ChosenEvaluation) => Promise<LoadedEvaluation>;

/** Makes a loader that reads the data of each evaluation once. */
export function evaluationLoader(asked: DataSource | undefined, fetching: FetchOptions): EvaluationLoader {
  const load = once((_: string, { evaluation, protocol, shots }: ChosenEvaluation) => {
    const source = asked ?? ownSource(evaluation.sources);
    return loadEvaluation(evaluation, { source, protocol, needsPool: shots > 0, ...fetching });
  });
  return (chosen) => load(`${chosen.evaluation.name} ${chosen.protocol} ${chosen.shots > 0}`, chosen);
}

/** Where an evaluation's data are if nobody says: built in where it has those of its own, else on the hub. */
const ownSource = ([first]: readonly DataSource['kind'][]): DataSource =>
  first === 'built-in' ? { kind: 'built-in' } : { kind: 'hub' };

/** The settings of a piece, the place of its record, and the record; throws UsageError for another file there. */
async function placeOf(
  { subject, chosen, loaded, prompts }: Pick<EvaluationPiece, 'subject' | 'chosen' | 'loaded' | 'prompts'>,
  chat: Chat | undefined,
  { precision }: EngineChoice,
  results: string,
): Promise<Pick<EvaluationPiece, 'settings' | 'identity' | 'path' | 'documents' | 'record'>> {
  const { evaluation, protocol, shots } = chosen;
  const { limit, rules = {} } = prompts;
  const { name, version } = evaluation;
  const { model, methods, trained, baseWeights } = subject;
  const settings: EvaluationRecord['settings'] = {
    evaluation: { name, version },
    protocol,
    shots,
    limit: limit ?? null,
    data: { form: loaded.form, hash: loaded.hash },
    model,
    methods,
    trained,
    precision,
    ...(baseWeights && { baseWeights }),
    ...(chat && { chatTemplate: chat.hash }),
    ...(Object.keys(rules).length > 0 && { rules }),
  };
  const identity = hashJson(settings);
  const folder = [model.id, subject.variant].map((part) => part.replaceAll('/', '--'));
  const file = `${name}-${shots}-shot~${identity.slice(0, 8)}.json`;
  const path = join(resolve(results), 'evaluations', ...folder, file);
  const documents = Math.min(loaded.documents, limit ?? Infinity);
  return { settings, identity, path, documents, record: await recordOf({ path, identity }) };
}

/**
 * Reads the record of a piece; undefined if there is none. Throws UsageError if another evaluation's record,
 * or no valid record, lies there.
 */
export async function recordOf({
  path,
  identity,
}: Pick<EvaluationPiece, 'path' | 'identity'>): Promise<EvaluationRecord | undefined> {
  const record = await readEvaluation(path);
  if (record && record.identity !== identity)
    throw new UsageError(
      `${path} is no record that can be used: it is of another evaluation. Move it away, or use another --results.`,
    );
  return record;
}

/** Whether a piece is still to be done. */
export function isMissing({ record }: Pick<EvaluationPiece, 'record'>, retryFailed: boolean): boolean {
  return record === undefined || (retryFailed && record.status === 'failed');
}
