/** Starts what does evaluations: this process, child processes (`--jobs`), or both. */
import { InProcess, type EvaluationExecutor } from './evaluation-executor.ts';
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
  let begun: Promise<EvaluationExecutor> | undefined;
  // Loaded when it is needed: most commands start no process.
  const children = (): Promise<EvaluationExecutor> =>
    (begun ??= import('./evaluation-jobs.ts').then(({ startEvaluationJobs }) =>
      startEvaluationJobs(plan, request, { count, retryFailed }),
    ));
  const here = count > 1 ? undefined : new InProcess(plan.engine, retryFailed);
  return {
    async execute(piece, events, signal) {
      const risk = await evaluationRisk(piece, plan);
      const usual = here ?? (await children());
      if (risk === undefined) return usual.execute(piece, events, signal);
      events.onNote(
        `${piece.path}: ${risk}: ${scoringNeed(piece)}. It is done after all others and in a process of its own.`,
      );
      return (await children()).execute(piece, events, signal);
    },
    async close() {
      await here?.close();
      await (await begun)?.close();
    },
  };
}
