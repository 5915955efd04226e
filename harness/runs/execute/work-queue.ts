import { setTimeout as sleep } from 'node:timers/promises';
import { Interrupted } from '../../training/loop/job.ts';

/** Seconds until a cell that somebody else was doing is looked at again. */
const patience = 1;

/**
 * Does every piece of work, `count` at a time and in order. One that answers `busy` is somebody else's now: its turn comes
 * again after all others. What is thrown ends the rest; throws Interrupted when `signal` is aborted.
 */
export async function runQueue<Work, Done>(
  pieces: readonly Work[],
  count: number,
  attempt: (piece: Work, signal: AbortSignal) => Promise<Done | 'busy'>,
  { signal, onWait }: { signal: AbortSignal; onWait(busy: number): void },
): Promise<Map<Work, Done>> {
  const waiting = [...pieces];
  const busy: Work[] = [];
  const done = new Map<Work, Done>();
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  let told = false;
  const work = async (): Promise<void> => {
    while (waiting.length > 0 || busy.length > 0) {
      if (either.aborted) throw new Interrupted('stopped between two runs');
      const piece = waiting.shift();
      if (piece === undefined) {
        if (!told) onWait(busy.length);
        told = true;
        await sleep(patience * 1000, undefined, { signal: either }).catch(() => undefined);
        waiting.push(...busy.splice(0));
        continue;
      }
      const result = await attempt(piece, either);
      if (result === 'busy') busy.push(piece);
      else done.set(piece, result);
    }
  };
  const ends = await Promise.allSettled(
    Array.from({ length: Math.min(count, pieces.length) }, () =>
      work().catch((error: unknown) => {
        failure.abort(new Interrupted('stopped because another run was'));
        throw error;
      }),
    ),
  );
  const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
  // The others were only told to stop.
  const first = errors.find((error) => !(error instanceof Interrupted)) ?? errors[0];
  if (first) throw first;
  return done;
}
