/** Speaks HTTP with a hub: token, redirects, what is asked again and when, and how much and how long it may answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { holdsSecrets, shownAddress } from '../../support/addresses.ts';
import { UsageError, errorCode, messageOf } from '../../support/errors.ts';

/** How a fetch is stopped, and how it tells of itself. */
export interface FetchOptions {
  /** Its abort ends the fetch within moments, by throwing the signal's reason; what has arrived is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a line for the user, such as that the hub asks to wait. */
  readonly onNote?: ((text: string) => void) | undefined;
}

export interface ConnectionOptions extends FetchOptions {
  /** What is asked for, as messages call it, such as `model gpt2`. */
  readonly name: string;
  readonly revision: string;
  /** Milliseconds without a byte after which a connection counts as broken off; 30,000 unless given. */
  readonly silence?: number | undefined;
}

/** Attempts that bring nothing new before a request is given up. */
const patience = 4;
/** Seconds that a hub may ask to wait; where it wants more, the request is given up. */
const longestWait = 60;
/** Bytes, unpacked, of an answer that is read as a whole; a page of the hub's lists has less than one million. */
const largestAnswer = 8e6;
/** Redirects that are followed. */
const mostRedirects = 5;

/** No whole answer came, as opposed to a hub that answered no: worth another attempt, and the cache may serve. */
export class Unreachable extends UsageError {
  /** Seconds that the hub asks to wait before the next attempt; 0 where it does not. */
  readonly retryAfter: number;
  /** What the user is told where another attempt follows; nothing where it follows at once. */
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

/** An answer whose body is read piece by piece. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The body's bytes; throws Unreachable where the connection breaks off. */
  bytes(): AsyncGenerator<Uint8Array>;
  /** Closes the connection, read or not. */
  close(): void;
}

/**
 * A hub, as HF_ENDPOINT and HF_TOKEN say. Every method throws UsageError for what is refused, and the
 * signal's reason.
 */
export class HubConnection {
  /** The hub's address, without a slash at its end. */
  readonly url: string;
  readonly signal: AbortSignal | undefined;
  readonly #options: ConnectionOptions;
  readonly #token: string | undefined;
  readonly #silence: number;

  /** Throws UsageError where the environment's address or token cannot be used. */
  constructor(hubUrl: string, options: ConnectionOptions) {
    this.url = hubAddress(hubUrl);
    this.signal = options.signal;
    this.#options = options;
    this.#silence = options.silence ?? 30_000;
    this.#token = process.env.HF_TOKEN?.trim();
    if (this.#token && /[^!-~]/.test(this.#token)) {
      // Said here, because the error of fetch would print the token.
      throw new UsageError('HF_TOKEN holds characters that no token has; copy it again.');
    }
  }

  /**
   * Whether a text of the hub's holds the token, in capitals or not; what is shorter than any token is not
   * looked for.
   */
  holdsToken(text: string): boolean {
    const token = this.#token?.toLowerCase() ?? '';
    return token.length >= 8 && text.toLowerCase().includes(token);
  }

  /**
   * Attempts again what is Unreachable, when the hub says, else after a moment that grows, until `most`
   * attempts in a row
   * have not raised `progress`.
   */
  async persist<T>(
    attempt: () => Promise<T>,
    { most = patience, progress = () => Promise.resolve(0) } = {},
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
        if (note !== undefined) this.#options.onNote?.(note);
        const wait = Math.max(1000 * retryAfter, 100 * 3 ** failures);
        await sleep(wait, undefined, { signal: this.signal }).catch(() => this.signal?.throwIfAborted());
      }
    }
  }

  /** A whole answer, which is small; asked for as `persist` does. */
  answer(address: string, most?: number): Promise<Response> {
    return this.persist(() => this.#answerOnce(address), { most });
  }

  async #answerOnce(address: string): Promise<Response> {
    const answer = await this.open(address);
    const begun = performance.now();
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.bytes()) {
      size += chunk.length;
      chunks.push(chunk);
      if (size > largestAnswer) {
        throw new UsageError(
          `${this.url} answers for the ${this.#options.name} with more than ${largestAnswer / 1e6} MB where ` +
            'a hub sends less; is HF_ENDPOINT right?',
        );
      }
      // Bytes that come one by one are no silence, but no answer either.
      if (performance.now() - begun > 4 * this.#silence) throw this.#silent(new URL(address), 4);
    }
    const { status, headers } = answer;
    return new Response(Buffer.concat(chunks), { status, headers });
  }

  /** The answer to one request: a success, or 416 where a part was asked for that is not there. */
  async open(address: string, headers: Readonly<Record<string, string>> = {}): Promise<OpenAnswer> {
    let target = new URL(address);
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const answer = await this.#request(target, headers);
      const next = answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : null;
      if (next === null) {
        if ((answer.status >= 200 && answer.status < 300) || answer.status === 416) return answer;
        answer.close();
        throw this.#refusal(answer, target);
      }
      answer.close();
      if (!URL.canParse(next, target.href)) break;
      target = new URL(next, target);
    }
    throw new UsageError(
      `${this.url} redirects the ${this.#options.name} nowhere, or without end; is HF_ENDPOINT right?`,
    );
  }

  async #request(target: URL, given: Readonly<Record<string, string>>): Promise<OpenAnswer> {
    if (!/^https?:$/.test(target.protocol) || target.username !== '' || target.password !== '') {
      throw new UsageError(
        `${this.url} sends the ${this.#options.name} to an address that is not fetched: ` +
          'one that is not http(s), or has a user or a password.',
      );
    }
    const headers = new Headers(given);
    // The token goes to the hub alone: not to the stores that it redirects to, nor where a list's next page points.
    if (this.#token && target.origin === new URL(this.url).origin) {
      headers.set('authorization', `Bearer ${this.#token}`);
    }
    const stop = new AbortController();
    const signal = this.signal ? AbortSignal.any([stop.signal, this.signal]) : stop.signal;
    const broken = (error: unknown): Unreachable => {
      this.signal?.throwIfAborted();
      return stop.signal.aborted ? this.#silent(target) : this.#unreachable(target, error);
    };
    /** What comes in time; the connection is closed where it does not. */
    const inTime = async <T>(promise: Promise<T>): Promise<T> => {
      const timer = setTimeout(() => {
        stop.abort();
      }, this.#silence);
      try {
        return await promise;
      } catch (error) {
        throw broken(error);
      } finally {
        clearTimeout(timer);
      }
    };
    const response = await inTime(fetch(target, { headers, redirect: 'manual', signal }));
    const close = (): void => {
      stop.abort();
    };
    return {
      status: response.status,
      headers: response.headers,
      close,
      async *bytes() {
        const reader = response.body?.getReader();
        try {
          for (;;) {
            // Only the hub's time counts, not that of whoever takes the bytes.
            const read = reader && (await inTime(reader.read()));
            if (!read || read.done) return;
            yield read.value as Uint8Array;
          }
        } finally {
          close();
        }
      },
    };
  }

  #silent(target: URL, times = 1): Unreachable {
    const silence =
      `${this.#hostOf(target)} sent ${times === 1 ? 'nothing' : 'no whole answer'} for ` +
      `${(times * this.#silence) / 1000} s`;
    return new Unreachable(`${silence} for the ${this.#options.name}; ${goesOn}`, {
      note: `${silence}; asking again.`,
    });
  }

  #unreachable(target: URL, error: unknown): Unreachable {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = errorCode(cause) ?? messageOf(cause);
    return new Unreachable(
      `Cannot reach ${this.#hostOf(target)} for the ${this.#options.name} (${this.#hide(why)}), ` +
        'and the cache does not have all of it; connect, or set HF_ENDPOINT to a hub that can be reached.',
      { cause: error },
    );
  }

  #hostOf(target: URL): string {
    return this.#hide(target.host);
  }

  /** A text, unless the hub has put the token into it. */
  #hide(text: string): string {
    return this.holdsToken(text) ? '…' : text;
  }

  #refusal({ status, headers }: OpenAnswer, target: URL): UsageError {
    const { name, revision } = this.#options;
    const isHub = target.origin === new URL(this.url).origin;
    if (isHub && (status === 401 || status === 403)) {
      return new UsageError(
        this.#token
          ? `${this.url} refuses the ${name} to the token in HF_TOKEN (${status}): ` +
              'check that the name is right and ask for access on its page.'
          : `${this.url} has no public ${name} (${status}): check the name, or set HF_TOKEN if it is private or gated.`,
      );
    }
    if (status === 404) {
      const isRevision = headers.get('x-error-code') === 'RevisionNotFound';
      const what = isRevision ? `revision "${revision}" of the ${name}` : name;
      return new UsageError(`${this.url} has no ${what} (404); check the name.`);
    }
    const who = isHub ? this.url : `${this.#hostOf(target)}, to which ${this.url} redirects,`;
    const seconds = waitAsked(headers);
    const answers = `${who} answers ${status} for the ${name}`;
    const asks = seconds > 0 ? ` and asks to wait ${seconds} s` : '';
    const message = `${answers}${asks}; try again ${asks ? 'then' : 'later'}.`;
    // A store's 403 says that the hub's signature for it has run out; the next attempt gets another.
    const isPassing = [408, 429].includes(status) || status >= 500 || (!isHub && status === 403);
    if (!isPassing) return new UsageError(message);
    const note = asks ? `${answers}${asks}; asking again then.` : undefined;
    return new Unreachable(message, { retryAfter: seconds, note });
  }
}

const goesOn = 'run the command again, it goes on from there.';

/**
 * The hub's address: HF_ENDPOINT's, else the given one, without a slash at its end. Throws UsageError where
 * it cannot be used.
 */
export function hubAddress(hubUrl: string): string {
  const url = (process.env.HF_ENDPOINT ?? hubUrl).trim().replace(/\/+$/, '');
  const isAddress = /^https?:\/\//i.test(url) && URL.canParse(url);
  if (isAddress && !holdsSecrets(new URL(url))) return url;
  throw new UsageError(
    isAddress
      ? `HF_ENDPOINT (${shownAddress(url)}) holds a user, a password, a query or a fragment, ` +
          "which no hub's address has; a hub's token goes into HF_TOKEN."
      : `HF_ENDPOINT is "${shownAddress(url)}"; it must be the http(s) address of a hub.`,
  );
}

/**
 * Seconds that an answer asks to wait, by Retry-After (seconds, or a date) or by the hub's own RateLimit; 0
 * where it does not.
 */
function waitAsked(headers: Headers): number {
  const asked = headers.get('retry-after')?.trim();
  if (asked !== undefined && /^\d+$/.test(asked)) return Number(asked);
  // The answer's own date, where it has one, for the clocks may differ.
  const now = Date.parse(headers.get('date') ?? '') || Date.now();
  // Its three forms begin with the name of a day; Date.parse takes much else for a date.
  const date = Date.parse(/^[A-Z][a-z]{2}/.test(asked ?? '') ? asked! : '');
  if (!Number.isNaN(date)) return Math.max(0, Math.ceil((date - now) / 1000));
  // draft-ietf-httpapi-ratelimit-headers: nothing remains for t seconds.
  const reset = /;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return Number(reset ?? 0);
}
