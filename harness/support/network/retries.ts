/**
 * Repeats requests that failed for a while: how often, after which pause, and what a server asks for. Connections
 * to hubs and to judges use it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../errors.ts';

/**
 * No complete answer came. Unlike a refusal by the hub, this is worth another attempt, and the cache may
 * serve instead.
 */
export class Unreachable extends UsageError {
  /** Seconds that the server asks to wait before the next attempt; 0 where it asks for no wait. */
  readonly retryAfter: number;
  /** The line for the user before another attempt; undefined where the attempt needs no line. */
  readonly note: string | undefined;

  constructor(
    message: string,
    { retryAfter = 0, note, ...options }: { cause?: unknown; retryAfter?: number; note?: string | undefined },
  ) {
    super(message, options);
    this.retryAfter = retryAfter;
    this.note = note;
  }
}

/** How a request is repeated. */
export interface Patience {
  /** Attempts in a row that may fail without progress. */
  readonly most: number;
  /** Longest wait in seconds that a server may ask for; if it asks for more, the request fails. */
  readonly longestWait: number;
  /** Milliseconds before the next attempt, by the number of failures in a row. */
  readonly pause: (failures: number) => number;
  /** What an attempt may raise before it fails, so that it does not count as one that failed. */
  readonly progress?: (() => Promise<number>) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
}

/**
 * Repeats an attempt that throws Unreachable, after the wait that the server asks for or a growing pause; throws
 * its last error, or the signal's reason.
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  { most, longestWait, pause, progress = () => Promise.resolve(0), signal, onNote }: Patience,
): Promise<T> {
  let failures = 0;
  let before = await progress();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      const now = await progress();
      failures = now > before ? 0 : failures + 1;
      before = now;
      const { retryAfter, note } = error;
      if (failures === most || retryAfter > longestWait) throw error;
      if (note !== undefined) onNote?.(note);
      const wait = Math.max(1000 * retryAfter, pause(failures));
      await sleep(wait, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/**
 * Returns the seconds that an answer asks to wait, by Retry-After (seconds or a date) or by the hub's
 * RateLimit header; 0 where it asks for no wait.
 */
export function waitAsked(headers: Headers): number {
  const asked = headers.get('retry-after')?.trim();
  if (asked !== undefined && /^\d+$/.test(asked)) return Number(asked);
  // The answer's own Date, where it has one, because the two clocks may differ.
  const now = Date.parse(headers.get('date') ?? '') || Date.now();
  // All three date formats of HTTP begin with a weekday; Date.parse would accept much else as a date.
  const date = Date.parse(/^[A-Z][a-z]{2}/.test(asked ?? '') ? asked! : '');
  if (!Number.isNaN(date)) return Math.max(0, Math.ceil((date - now) / 1000));
  // In draft-ietf-httpapi-ratelimit-headers, r=0 and t=N mean that no request remains for N seconds.
  const reset = /;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return Number(reset ?? 0);
}
