/**
 * The program of a child process: it does the evaluations that `bench eval --jobs` names over its standard
 * input, until that ends. Evaluations are functions and cannot be sent: the process plans the request again,
 * and refuses a piece whose identity differs, since code, data or base have changed then.
 */
import { createInterface } from 'node:readline';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import type { FromJob } from '../execute/job-messages.ts';
import { InProcess } from './evaluation-executor.ts';
import { planEvaluations, type EvaluateRequest, type EvaluationPlan } from './plan-evaluations.ts';

/** What a child process is told: first the request, then one piece of its plan after the other. */
export type ToEvaluationJob =
  | { readonly kind: 'begin'; readonly request: EvaluateRequest; readonly retryFailed: boolean }
  | { readonly kind: 'evaluation'; readonly index: number; readonly identity: string }
  | { readonly kind: 'stop' };

const tell = (message: FromJob): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};
const onNote = (text: string): void => {
  tell({ kind: 'note', text });
};

// Ctrl-C reaches every process of a terminal; this one waits for the sweep's word to stop.
process.on('SIGINT', () => undefined);
const controller = new AbortController();
let begun: { plan: EvaluationPlan; executor: InProcess } | undefined;

async function begin({ request, retryFailed }: Extract<ToEvaluationJob, { kind: 'begin' }>): Promise<void> {
  const plan = await planEvaluations(request, { signal: controller.signal });
  begun = { plan, executor: new InProcess(plan.engine, retryFailed) };
}

async function evaluate({
  index,
  identity,
}: Extract<ToEvaluationJob, { kind: 'evaluation' }>): Promise<void> {
  const { plan, executor } = begun!;
  const piece = plan.pieces[index];
  if (piece?.identity !== identity)
    throw new UsageError(
      'The code, the data or the base changed while the evaluations ran; start them again.',
    );
  const onProgress = (done: number): void => {
    tell({ kind: 'progress', phase: 'evaluate', done, total: piece.documents, detail: '' });
  };
  const record = await executor.execute(piece, { onProgress, onNote }, controller.signal);
  tell(record === 'busy' ? { kind: 'busy' } : { kind: 'done', path: piece.path });
}

async function answer(message: Exclude<ToEvaluationJob, { kind: 'stop' }>): Promise<void> {
  try {
    await (message.kind === 'begin' ? begin(message) : evaluate(message));
  } catch (error) {
    if (error instanceof Interrupted) tell({ kind: 'interrupted' });
    else if (error instanceof UsageError) tell({ kind: 'refused', message: error.message });
    else throw error;
  }
}

let work = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as ToEvaluationJob;
  if (message.kind === 'stop') {
    controller.abort(new Interrupted('stopped by the sweep'));
    continue;
  }
  // Not awaited, so that a later message to stop is read.
  work = work.then(() => answer(message));
}
// The sweep is gone; when it is started again, the evaluation goes on with its next document.
process.exit();
