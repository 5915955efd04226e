/**
 * The program of a child process: it does the evaluations that `bench eval --jobs` names over its standard
 * input, until that ends. Evaluations are functions and cannot be sent: the process plans the request again,
 * and refuses a piece whose identity differs, since code, data or base have changed then.
 */
import { UsageError } from '../../support/errors.ts';
import { serveMessages, tell, tellNote } from '../execute/serve-messages.ts';
import { InProcess } from './evaluation-executor.ts';
import type { PieceProgress } from './evaluation-progress.ts';
import { planEvaluations, type EvaluateRequest, type EvaluationPlan } from './plan-evaluations.ts';

/** What a child process is told: first the request, then one piece of its plan after the other. */
export type ToEvaluationJob =
  | { readonly kind: 'begin'; readonly request: EvaluateRequest; readonly retryFailed: boolean }
  | { readonly kind: 'evaluation'; readonly index: number; readonly identity: string }
  | { readonly kind: 'stop' };

let begun: { plan: EvaluationPlan; executor: InProcess } | undefined;

async function begin(
  { request, retryFailed }: Extract<ToEvaluationJob, { kind: 'begin' }>,
  signal: AbortSignal,
): Promise<void> {
  const plan = await planEvaluations(request, { signal });
  begun = { plan, executor: new InProcess(plan.engine, retryFailed) };
}

async function evaluate(
  { index, identity }: Extract<ToEvaluationJob, { kind: 'evaluation' }>,
  signal: AbortSignal,
): Promise<void> {
  const { plan, executor } = begun!;
  const piece = plan.pieces[index];
  if (piece?.identity !== identity)
    throw new UsageError(
      'The code, the data or the base changed while the evaluations ran; start them again.',
    );
  const onProgress = ({ documents: done, ...numbers }: PieceProgress): void => {
    tell({
      kind: 'progress',
      at: 0,
      phase: 'evaluate',
      done,
      total: piece.documents,
      detail: '',
      numbers: { ...numbers },
    });
  };
  const record = await executor.execute(piece, { onProgress, onNote: tellNote }, signal);
  if (record !== 'busy') tell({ kind: 'record', at: 0, path: piece.path });
  tell({ kind: 'done' });
}

await serveMessages<ToEvaluationJob>((message, signal) =>
  message.kind === 'begin' ? begin(message, signal) : evaluate(message, signal),
);
