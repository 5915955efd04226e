/**
 * Says what evaluations would compute and how long it would take, for `bench eval --dry-run`: counts tokens
 * after shared beginnings, and times a few real parts of the work. It writes nothing among the results.
 */
import { KEPT_PROGRAMS } from '../../evaluation/likelihoods/log-likelihoods.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { InProcess } from './evaluation-executor.ts';
import type { EvaluationPiece, EvaluationPlan } from './plan-evaluations.ts';
import type { EvaluatedModel, PartTime, Work, WorkPart } from './work/evaluation-work.ts';
import { timeFiles } from './work/measure-time.ts';
import { fitSpeed, secondsFor, spreadByKeys, type Load, type Speed } from './work/time-model.ts';

/** What is known of a piece before it is done. */
export interface PieceEstimate {
  readonly piece: EvaluationPiece;
  /** `missing`, or the status of the record that is there. */
  readonly state: 'missing' | 'finished' | 'failed';
  readonly requests: number;
  /** Tokens to compute, shared beginnings once; of texts with as many new tokens as there may be. */
  readonly tokens: number;
  /** Programs that are compiled on the way. */
  readonly programs: number;
  /** Estimated seconds, the first one's with loading the model; 0 where a finished record is there. */
  readonly seconds: number;
}

/**
 * The parts that are timed, by their keys, as shares of all tokens. The first two tell what tokens and keys cost;
 * the others follow while timing is short.
 */
const TIMED = [0.15, 0.85, 0.5, 0.3, 0.7];
/** Seconds after which no third part is timed. */
const ENOUGH = 30;

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

/** A piece with its work, and the seconds that encoding its prompts took. */
interface Prepared {
  readonly piece: EvaluationPiece;
  readonly work: Work<unknown>;
  readonly parts: readonly WorkPart[];
  readonly encoding: number;
}

async function estimateSubject(
  pieces: readonly EvaluationPiece[],
  executor: InProcess,
  signal: AbortSignal,
): Promise<PieceEstimate[]> {
  const subject = await pieces[0]!.subject.open();
  const prepared: Prepared[] = [];
  for (const piece of pieces) {
    signal.throwIfAborted();
    const start = performance.now();
    const work = piece.loaded.work(subject, piece.prompts);
    const { parts } = work;
    prepared.push({ piece, work, parts, encoding: (performance.now() - start) / 1000 });
  }
  const missing = prepared.filter(({ piece }) => piece.record?.status !== 'finished');
  const files = missing.length > 0 ? await timeFiles() : 0;
  let loading = 0;
  const costs = new Map<string, Costs>();
  for (const kind of new Set(missing.map(({ piece }) => piece.chosen.evaluation.kind))) {
    const own = missing.filter(({ piece }) => piece.chosen.evaluation.kind === kind);
    const start = performance.now();
    const { model } = await executor.load(pieces[0]!.subject);
    loading += (performance.now() - start) / 1000;
    costs.set(
      kind,
      await timeParts(
        own.flatMap(({ parts }) => parts),
        model,
        signal,
      ),
    );
  }
  const compiled = new ProgramCount();
  return prepared.map((one) => {
    const { piece, work, parts, encoding } = one;
    const state: PieceEstimate['state'] = piece.record?.status ?? 'missing';
    const counts = { piece, state, requests: work.requests, tokens: sum(work.tokens) };
    const cost = costs.get(piece.chosen.evaluation.kind);
    if (state === 'finished' || !cost) return { ...counts, programs: 0, seconds: 0 };
    const programs = compiled.add(parts);
    const around = (one === missing[0] ? loading : 0) + encoding + files;
    return { ...counts, programs, seconds: around + secondsOfParts(parts, programs, cost) };
  });
}

/** Counts the programs that parts compile, of which a scorer keeps the last few for the parts that follow. */
export class ProgramCount {
  readonly #kept = new Set<string>();

  /** Returns how many programs some parts compile after those that were added before. */
  add(parts: readonly Pick<WorkPart, 'before' | 'program'>[]): number {
    let count = 0;
    for (const { before, program } of parts) {
      if (before) count++;
      if (program === undefined || this.#kept.has(program)) continue;
      count++;
      const [oldest] = this.#kept;
      if (this.#kept.size === KEPT_PROGRAMS) this.#kept.delete(oldest!);
      this.#kept.add(program);
    }
    return count;
  }
}

/** What parts of one kind of work cost. */
export interface Costs {
  readonly speed: Speed;
  readonly secondsPerProgram: number;
}

/** The seconds of some parts that compile so many programs, by what they cost. */
export function secondsOfParts(
  parts: readonly Pick<WorkPart, 'load' | 'before'>[],
  programs: number,
  { speed, secondsPerProgram }: Costs,
): number {
  const loads = parts.flatMap(({ load, before }) => (before ? [before, load] : [load]));
  return secondsFor(loads, speed) + secondsPerProgram * programs;
}

/** A part that was timed. */
export interface TimedPart extends PartTime {
  readonly load: Load;
}

/** What parts cost, by the times of a few of them. */
export function costsOf(timed: readonly TimedPart[]): Costs {
  const speed = fitSpeed(timed.map(({ load, seconds }) => ({ ...load, seconds })));
  const compiling = timed.map(({ start }) => Math.max(0, start.seconds - secondsFor(start.loads, speed)));
  const programs = sum(timed.map(({ start }) => start.programs));
  return { speed, secondsPerProgram: programs === 0 ? 0 : sum(compiling) / programs };
}

async function timeParts(
  parts: readonly WorkPart[],
  model: EvaluatedModel,
  signal: AbortSignal,
): Promise<Costs> {
  const places = spreadByKeys(
    parts.map(({ load }) => load),
    TIMED,
  );
  const timed: TimedPart[] = [];
  let spent = 0;
  for (const place of places) {
    if (timed.length >= 2 && spent > ENOUGH) break;
    signal.throwIfAborted();
    const part = parts[place]!;
    const start = performance.now();
    timed.push({ load: part.load, ...(await part.time(model)) });
    spent += (performance.now() - start) / 1000;
  }
  return costsOf(timed);
}
