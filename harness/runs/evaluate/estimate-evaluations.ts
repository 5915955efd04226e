/**
 * Says what evaluations would compute and how long it would take, for `bench eval --dry-run`: counts tokens
 * after shared beginnings, and times a few real batches. It writes nothing.
 */
import { sum } from '../../support/numbers/arithmetic.ts';
import { InProcess } from './evaluation-executor.ts';
import type { Speed, Work, Workload } from './work/evaluation-work.ts';
import type { EvaluationPiece, EvaluationPlan } from './plan-evaluations.ts';

/** What is known of a piece before it is done. */
export interface PieceEstimate extends Workload {
  readonly piece: EvaluationPiece;
  /** `missing`, or the status of the record that is there. */
  readonly state: 'missing' | 'finished' | 'failed';
  /** Estimated seconds; 0 where a finished record is there. */
  readonly seconds: number;
}

/** Evaluations of a kind that are timed; the others get the mean of these, by their tokens. */
const TIMED = 3;

/** Estimates the pieces of a plan; throws UsageError where prompts do not fit the model. */
export async function estimateEvaluations(
  plan: EvaluationPlan,
  signal: AbortSignal,
): Promise<PieceEstimate[]> {
  const executor = new InProcess(plan.engine, false);
  try {
    const estimates: PieceEstimate[] = [];
    for (const subject of plan.subjects) {
      const own = plan.pieces.filter((piece) => piece.subject === subject);
      estimates.push(...(await estimateSubject(own, executor, signal)));
    }
    return estimates;
  } finally {
    await executor.close();
  }
}

async function estimateSubject(
  pieces: readonly EvaluationPiece[],
  executor: InProcess,
  signal: AbortSignal,
): Promise<PieceEstimate[]> {
  const subject = await pieces[0]!.subject.open();
  const works = pieces.map((piece) => ({ piece, work: piece.loaded.work(subject, piece.prompts) }));
  const missing = works.filter(({ piece }) => piece.record?.status !== 'finished');
  const speeds = new Map<string, Speed>();
  for (const kind of new Set(missing.map(({ piece }) => piece.chosen.evaluation.kind))) {
    const own = missing.filter(({ piece }) => piece.chosen.evaluation.kind === kind);
    const { model } = await executor.load(pieces[0]!.subject);
    speeds.set(
      kind,
      await meanSpeed(spread(own.map(({ work }) => work)), (work) => work.measure(model, signal)),
    );
  }
  return works.map(({ piece, work }) => {
    const { requests, tokens, programs } = work.workload;
    const state = piece.record?.status ?? 'missing';
    const speed = speeds.get(piece.chosen.evaluation.kind);
    const isDone = state === 'finished' || !speed;
    const seconds = isDone ? 0 : tokens * speed.secondsPerToken + programs * speed.secondsPerProgram;
    return { piece, state, requests, tokens, programs, seconds };
  });
}

/** A few works, from the smallest to the largest. */
function spread(works: readonly Work<unknown>[]): Work<unknown>[] {
  const sorted = [...works].sort((a, b) => a.workload.tokens - b.workload.tokens);
  const places = Array.from({ length: TIMED }, (_, i) => Math.floor(((i + 0.5) * sorted.length) / TIMED));
  return [...new Set(places)].map((place) => sorted[place]!);
}

async function meanSpeed(
  works: readonly Work<unknown>[],
  measure: (work: Work<unknown>) => Promise<Speed>,
): Promise<Speed> {
  const found: { tokens: number; speed: Speed }[] = [];
  for (const work of works) found.push({ tokens: work.workload.tokens, speed: await measure(work) });
  const tokens = sum(found.map((one) => one.tokens));
  const mean = (of: (speed: Speed) => number): number =>
    sum(found.map((one) => (one.tokens / tokens) * of(one.speed)));
  return {
    secondsPerToken: mean((speed) => speed.secondsPerToken),
    secondsPerProgram: mean((speed) => speed.secondsPerProgram),
  };
}
