/** Long work in this thread, cut so that a signal to stop is heard. */
import { setImmediate as turn } from 'node:timers/promises';

/** Items after which everything else has its turn. */
const SLICE = 1000;

/** Maps items in order, a slice at a time; throws the reason of `signal` once it is aborted. */
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
 * The answer of work that only reads; throws the reason of `signal` as soon as it is aborted, and leaves the
 * rest of the work alone.
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
    // What it ends with later concerns nobody.
    work.catch(() => undefined);
  }
}
