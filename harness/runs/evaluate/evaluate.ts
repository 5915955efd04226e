/**
 * Does what is missing of planned evaluations, here or in child processes (`--jobs`), and gives all records.
 * `bench eval` uses it, and `bench run` for the evaluations of what its runs trained.
 */
import { counted } from '../../support/counted.ts';
import type { AskedDocument, Evaluation } from '../../evaluation/evaluation.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { riskyLast } from '../execute/out-of-memory.ts';
import { runQueue } from '../execute/work-queue.ts';
import { checkBaseMemory } from '../memory/cell-memory.ts';
import { evaluationRisk } from './evaluation-memory.ts';
import { shareDone, type PieceProgress } from './evaluation-progress.ts';
import {
  isMissing,
  type EvaluateRequest,
  type EvaluationPiece,
  type EvaluationPlan,
} from './plan-evaluations.ts';
import { startEvaluations } from './start-evaluations.ts';

/** How far all missing evaluations are. */
export interface EvaluateProgress {
  /** Documents that are done, and all. */
  readonly done: number;
  readonly total: number;
  /** The share of the tokens that were computed, by which the time that is left is told. */
  readonly share: number;
  /** The evaluations that are under way. */
  readonly names: readonly string[];
}

/** What evaluations report while they are under way. */
export interface EvaluateEvents {
  /** Reports how far all missing evaluations are together. */
  onProgress(progress: EvaluateProgress): void;
  onEnd(record: EvaluationRecord, path: string): void;
  onNote(text: string): void;
}

export interface EvaluateOptions {
  readonly events: EvaluateEvents;
  readonly signal: AbortSignal;
  /** Does failed evaluations again. */
  readonly retryFailed: boolean;
  /** How many evaluations are done at once, each in a process of its own; one is done in this process. */
  readonly jobs?: number | undefined;
}

/** An evaluation's record, its path and access to its documents' texts. */
export interface Evaluated {
  readonly evaluation: Evaluation;
  readonly piece: EvaluationPiece;
  readonly record: EvaluationRecord;
  readonly path: string;
  /** Makes the prompts of the evaluation, for its documents' texts. */
  texts(): Promise<{ askedAt(document: number): AskedDocument }>;
}

/**
 * Evaluates what has no record, and gives all records in the plan's order. Throws UsageError if something
 * cannot be used, and Interrupted if the signal stops it.
 */
export async function evaluate(
  plan: EvaluationPlan,
  request: EvaluateRequest,
  options: EvaluateOptions,
): Promise<Evaluated[]> {
  const { retryFailed } = options;
  const records = new Map(plan.pieces.map((piece) => [piece, piece.record]));
  const missing = plan.pieces.filter((piece) => isMissing(piece, retryFailed));
  if (missing.length > 0)
    for (const [piece, record] of await doPieces(missing, plan, request, options)) records.set(piece, record);
  return plan.pieces.map((piece) => ({
    evaluation: piece.chosen.evaluation,
    piece,
    record: records.get(piece)!,
    path: piece.path,
    texts: async () => piece.loaded.work(await piece.subject.open(), piece.prompts),
  }));
}

async function doPieces(
  missing: readonly EvaluationPiece[],
  plan: EvaluationPlan,
  request: EvaluateRequest,
  { events, signal, retryFailed, jobs = 1 }: EvaluateOptions,
): Promise<Map<EvaluationPiece, EvaluationRecord>> {
  for (const { described } of new Set(missing.map(({ subject }) => subject)))
    await checkBaseMemory(described, plan.engine.device);
  const count = Math.min(jobs, missing.length);
  const executor = startEvaluations(plan, request, { count, retryFailed });
  const order = await riskyLast(missing, async (piece) => (await evaluationRisk(piece, plan)) !== undefined);
  const records = new Map<EvaluationPiece, EvaluationRecord>();
  const total = sum(missing.map(({ documents }) => documents));
  const progress = new Map<EvaluationPiece, PieceProgress>();
  const underWay = new Set<EvaluationPiece>();
  const report = (): void => {
    const counted = missing.map((piece) => ({ documents: piece.documents, progress: progress.get(piece) }));
    events.onProgress({
      done: sum([...progress.values()].map(({ documents }) => documents)),
      total,
      share: shareDone(counted),
      names: [...underWay].map(({ chosen }) => chosen.evaluation.name),
    });
  };
  const work = async (piece: EvaluationPiece, stop: AbortSignal): Promise<'busy' | EvaluationPiece> => {
    underWay.add(piece);
    const onProgress = (own: PieceProgress): void => {
      progress.set(piece, own);
      report();
    };
    const record = await executor
      .execute(piece, { onProgress, onNote: events.onNote }, stop)
      .finally(() => underWay.delete(piece));
    if (record === 'busy') return 'busy';
    const own = progress.get(piece);
    if (own) progress.set(piece, { ...own, documents: piece.documents, tokens: own.allTokens });
    records.set(piece, record);
    events.onEnd(record, piece.path);
    return piece;
  };
  const onWait = (busy: number): void => {
    events.onNote(`Waiting for ${counted(busy, 'evaluation')} that another process is doing.`);
  };
  try {
    await runQueue(order, count, work, { signal, onWait });
  } finally {
    await executor.close();
  }
  return records;
}
