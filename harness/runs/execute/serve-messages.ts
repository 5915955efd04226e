/**
 * What the programs of child processes share: they read messages, one JSON document a line of standard input, and
 * tell on standard output how their work goes. job-process.ts and evaluate/evaluation-process.ts say what it is.
 */
import { createInterface } from 'node:readline';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import type { FromJob } from './job-messages.ts';

/** Writes a message to the sweep. */
export function tell(message: FromJob): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Writes a note for the user. */
export function tellNote(text: string): void {
  tell({ kind: 'note', text });
}

/**
 * Works off messages one after the other until standard input ends, and then ends the process: the sweep is gone,
 * and when it is started again, its work goes on from what is saved. The message `stop` aborts the signal.
 */
export async function serveMessages<Message extends { readonly kind: string }>(
  handle: (message: Exclude<Message, { kind: 'stop' }>, signal: AbortSignal) => Promise<void>,
): Promise<never> {
  // Ctrl-C reaches every process of a terminal; this one waits for the sweep's word to stop.
  process.on('SIGINT', () => undefined);
  const controller = new AbortController();
  let work = Promise.resolve();
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line) as Message;
    if (message.kind === 'stop') {
      controller.abort(new Interrupted('stopped by the sweep'));
      continue;
    }
    // Not awaited, so that a later message to stop is read.
    work = work.then(() =>
      answer(() => handle(message as Exclude<Message, { kind: 'stop' }>, controller.signal)),
    );
  }
  process.exit();
}

async function answer(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Interrupted) tell({ kind: 'interrupted' });
    else if (error instanceof UsageError) tell({ kind: 'refused', message: error.message });
    else throw error;
  }
}
