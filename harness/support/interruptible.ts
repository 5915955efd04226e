/** Keeps long work in the main thread interruptible: Node hears Ctrl-C only between two pieces of it. */
import { setImmediate as turn } from 'node:timers/promises';

/** The number of items after which the event loop gets its turn. */
const SLICE = 1000;

/** Maps items in order, slice by slice; throws the reason of `signal` once it is aborted. */
export async function mapInSlices<Item, Answer>(
  items: readonly Item[],
  map: (slice: readonly Item[]) => readonly Answer[],
  signal: AbortSignal | undefined,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < items.length; at += SLICE) {
    answers.push(...map(items.slice(at, at + SLICE)));
    await turn();
    signal?.throwIfAborted();
  }
  return answers;
}

/**
 * Gives the answer of `work`, or throws the reason of `signal` as soon as it is aborted. The work itself runs
 * on unheard, so it must only read.
 */
export async function unlessAborted<Answer>(work: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason as Error);
    };
  });
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
    // After an abort nobody awaits the work; its failure must not end the process.
    work.catch(() => undefined);
  }
}
