/**
 * Does evaluations in child processes (`--jobs`), which live on from one to the next. One that dies is a failed
 * evaluation, whose documents so far stay, and another takes its place.
 */
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import { sealEvaluation, type EvaluationRecord } from '../../records/evaluation-record.ts';
import { tryLock } from '../../records/locks/file-lock.ts';
import { writeSealed } from '../../records/sealed-record.ts';
import { programArguments } from '../../support/child-programs.ts';
import { UsageError } from '../../support/errors.ts';
import type { CellProgress } from '../cell/save-results.ts';
import { Job, JobPool, shareOfMachine } from '../execute/job.ts';
import { endedForMemory } from '../execute/out-of-memory.ts';
import type { EvaluationExecutor } from './evaluation-executor.ts';
import { scoringNeed } from './evaluation-memory.ts';
import type { ToEvaluationJob } from './evaluation-process.ts';
import {
  recordOf,
  type EvaluateRequest,
  type EvaluationPiece,
  type EvaluationPlan,
} from './plan-evaluations.ts';

/** Starts a pool of `count` child processes, each when a piece needs it. */
export function startEvaluationJobs(
  plan: EvaluationPlan,
  request: EvaluateRequest,
  { count, retryFailed }: { readonly count: number; readonly retryFailed: boolean },
): EvaluationExecutor {
  const share = shareOfMachine(plan.engine.threads, count);
  const pool = new JobPool(() => {
    const job = new Job(programArguments('evaluation-process', import.meta.url), share.heapMiB);
    const own = { ...request, threads: share.threads };
    job.tell({ kind: 'begin', request: own, retryFailed } satisfies ToEvaluationJob);
    return job;
  });
  return {
    async execute(piece, { onProgress, onNote }, signal) {
      const started = new Date();
      const message: ToEvaluationJob = {
        kind: 'evaluation',
        index: plan.pieces.indexOf(piece),
        identity: piece.identity,
      };
      const recorded: string[] = [];
      const events = {
        onStart: () => undefined,
        onRecord: (path: string) => {
          recorded.push(path);
        },
        onProgress: ({ done, numbers }: CellProgress) => {
          const { tokens = 0, allTokens = 0 } = numbers ?? {};
          onProgress({ documents: done, tokens, allTokens });
        },
        onNote,
      };
      const died = await pool.run(message, events, signal);
      if (died !== undefined) return recordCrash(piece, died, { plan, started, threads: share.threads });
      if (recorded.length === 0) return 'busy';
      const record = await recordOf(piece);
      if (record) return record;
      throw new UsageError(`${piece.path} was written and cannot be read back: it is gone.`);
    },
    close: () => pool.close(),
  };
}

/** Writes the failed record of an evaluation whose process died; `busy` where another process has it now. */
async function recordCrash(
  piece: EvaluationPiece,
  reason: string,
  {
    plan,
    started,
    threads,
  }: { readonly plan: EvaluationPlan; readonly started: Date; readonly threads: number },
): Promise<EvaluationRecord | 'busy'> {
  const { path, identity, settings, subject, documents, loaded } = piece;
  const lock = await tryLock(path.replace(/\.json$/, '.lock'));
  if (!lock) return 'busy';
  const message = endedForMemory(reason)
    ? `${reason}, most likely for want of memory: ${scoringNeed(piece)}`
    : reason;
  try {
    const record = sealEvaluation({
      schema: 1,
      kind: 'evaluation',
      identity,
      settings,
      label: subject.label,
      status: 'failed',
      error: { name: 'Crashed', message },
      started: started.toISOString(),
      ended: new Date().toISOString(),
      documents: { used: documents, of: loaded.documents, cut: 0 },
      metrics: [],
      files: {},
      engine: { name: plan.engine.name, device: plan.engine.device ?? 'cpu' },
      code: await codeVersion(),
      environment: await describeEnvironment(threads),
    });
    await writeSealed(path, record, lock.check);
    return record;
  } finally {
    await lock.release();
  }
}
