/** Starts what does evaluations: this process, child processes (`--jobs`), or both. */
import { InProcess, type EvaluationExecutor } from './evaluation-executor.ts';
import { startEvaluationJobs } from './evaluation-jobs.ts';
import { evaluationRisk, scoringNeed } from './evaluation-memory.ts';
import type { EvaluateRequest, EvaluationPlan } from './plan-evaluations.ts';

/**
 * Starts an executor. Evaluations whose process may be killed for want of memory get a process of their own, so
 * that this one survives and records it.
 */
export function startEvaluations(
  plan: EvaluationPlan,
  request: EvaluateRequest,
  { count, retryFailed }: { readonly count: number; readonly retryFailed: boolean },
): EvaluationExecutor {
  const children = startEvaluationJobs(plan, request, { count, retryFailed });
  const usual = count > 1 ? children : new InProcess(plan.engine, retryFailed);
  return {
    async execute(piece, events, signal) {
      const risk = await evaluationRisk(piece, plan);
      if (risk === undefined) return usual.execute(piece, events, signal);
      events.onNote(
        `${piece.path}: ${risk}: ${scoringNeed(piece)}. It is done after all others and in a process of its own.`,
      );
      return children.execute(piece, events, signal);
    },
    async close() {
      await usual.close();
      if (usual !== children) await children.close();
    },
  };
}
