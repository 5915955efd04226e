/**
 * A queue of work in one process, some of which another process may be doing. Used for cells and groups of
 * cells.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Interrupted } from '../../training/loop/job.ts';

/** Seconds until work that another process was doing is tried again. */
const PATIENCE = 1;

/**
 * Does every piece of work, `count` at a time and in order. A piece that answers `busy` is being done by
 * another process: its turn comes again after all others. The first error stops the other pieces and is
 * thrown when they have ended; throws Interrupted when `signal` is aborted.
 */
export async function runQueue<Work, Answer>(
  pieces: readonly Work[],
  count: number,
  work: (piece: Work, signal: AbortSignal) => Promise<Answer | 'busy'>,
  { signal, onWait }: { signal: AbortSignal; onWait(busy: number): void },
): Promise<void> {
  const waiting = [...pieces];
  const busy: Work[] = [];
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  let isTold = false;
  const takeTurns = async (): Promise<void> => {
    while (waiting.length > 0 || busy.length > 0) {
      if (stop.aborted) throw new Interrupted('stopped between two runs');
      const piece = waiting.shift();
      if (piece === undefined) {
        if (!isTold) onWait(busy.length);
        isTold = true;
        await sleep(PATIENCE * 1000, undefined, { signal: stop }).catch(() => undefined);
        waiting.push(...busy.splice(0));
        continue;
      }
      if ((await work(piece, stop)) === 'busy') busy.push(piece);
    }
  };
  const workers = Array.from({ length: Math.min(count, pieces.length) }, () =>
    takeTurns().catch((error: unknown) => {
      failure.abort(new Interrupted('stopped because another run was'));
      throw error;
    }),
  );
  const ends = await Promise.allSettled(workers);
  const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
  // Workers that were only told to stop are interrupted; the error that stopped them is the one to throw.
  const first = errors.find((error) => !(error instanceof Interrupted)) ?? errors[0];
  if (first) throw first;
}
