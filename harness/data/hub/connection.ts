/**
 * Talks HTTP with a hub: sends the token, follows redirects, repeats failed requests, and limits the size and
 * duration of answers. The token must reach no server but the hub, and no message may show it.
 */
import { holdsSecrets, shownAddress } from '../../support/network/addresses.ts';
import { UsageError, errorCode, messageOf } from '../../support/errors.ts';
import { persist, Unreachable, waitAsked } from '../../support/network/retries.ts';

/** How a caller stops a fetch and hears from it. */
export interface FetchOptions {
  /** Aborting it ends the fetch within moments by throwing the signal's reason; what has arrived is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Receives lines for the user, such as that the hub asks to wait. */
  readonly onNote?: ((text: string) => void) | undefined;
}

/** Options of a connection, besides the hub's address. */
export interface ConnectionOptions extends FetchOptions {
  /** Name of the fetched repository in messages, such as `model gpt2`. */
  readonly name: string;
  readonly revision: string;
  /** Milliseconds without a byte after which a connection counts as broken off; 30,000 by default. */
  readonly silence?: number | undefined;
}

/** A request fails for good after this many attempts in a row that brought nothing new. */
const patience = 4;
/** Longest wait in seconds that a hub may ask for; if it asks for more, the request fails. */
const longestWait = 60;
/**
 * Largest unpacked size in bytes of an answer that is read as a whole; a page of the hub's lists has less
 * than 1 MB.
 */
const largestAnswer = 8e6;
/** Largest number of redirects that one request follows. */
const mostRedirects = 5;

/** An HTTP answer whose body is read piece by piece. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Yields the body's bytes. Throws Unreachable where the connection breaks off. */
  bytes(): AsyncGenerator<Uint8Array>;
  /** Closes the connection, whether or not the body was read. */
  close(): void;
}

/**
 * A connection to the hub at HF_ENDPOINT, with the token in HF_TOKEN. Every method throws UsageError where
 * the hub refuses, and the signal's reason on an abort.
 */
export class HubConnection {
  /** The hub's address without a final slash. */
  readonly url: string;
  readonly signal: AbortSignal | undefined;
  readonly #options: ConnectionOptions;
  readonly #token: string | undefined;
  readonly #silence: number;

  /** Throws UsageError where HF_ENDPOINT or HF_TOKEN has an unusable value. */
  constructor(hubUrl: string, options: ConnectionOptions) {
    this.url = hubAddress(hubUrl);
    this.signal = options.signal;
    this.#options = options;
    this.#silence = options.silence ?? 30_000;
    this.#token = process.env.HF_TOKEN?.trim();
    if (this.#token && /[^!-~]/.test(this.#token)) {
      // Checked here, because the error of fetch would print the token.
      throw new UsageError('HF_TOKEN holds characters that no token has; copy it again.');
    }
  }

  /**
   * Whether a text from the hub contains the token, in any case. A token of fewer than 8 characters is not
   * looked for, because ordinary text could contain it.
   */
  holdsToken(text: string): boolean {
    const token = this.#token?.toLowerCase() ?? '';
    return token.length >= 8 && text.toLowerCase().includes(token);
  }

  /**
   * Repeats an attempt that throws Unreachable, after the wait that the hub asks for or a growing pause.
   * Gives up once `most` attempts in a row have not raised `progress`.
   */
  persist<T>(
    attempt: () => Promise<T>,
    { most = patience, progress }: { most?: number | undefined; progress?: () => Promise<number> } = {},
  ): Promise<T> {
    const { signal, onNote } = this.#options;
    const pause = (failures: number): number => 100 * 3 ** failures;
    return persist(attempt, { most, longestWait, pause, progress, signal, onNote });
  }

  /** Returns a small answer as a whole; repeats the request as `persist` does. */
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
      // Bytes that trickle in reset the silence timer, so the whole answer has a time limit too.
      if (performance.now() - begun > 4 * this.#silence) throw this.#silent(new URL(address), 4);
    }
    const { status, headers } = answer;
    return new Response(Buffer.concat(chunks), { status, headers });
  }

  /**
   * Sends one request and returns a success, or a 416 where the requested range does not exist. Follows
   * redirects; throws UsageError for any other answer.
   */
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
    // The token must not reach the stores that the hub redirects to, nor the server of a list's next page.
    if (this.#token && target.origin === new URL(this.url).origin) {
      headers.set('authorization', `Bearer ${this.#token}`);
    }
    const stop = new AbortController();
    const signal = this.signal ? AbortSignal.any([stop.signal, this.signal]) : stop.signal;
    const broken = (error: unknown): Unreachable => {
      this.signal?.throwIfAborted();
      return stop.signal.aborted ? this.#silent(target) : this.#unreachable(target, error);
    };
    /** Waits for a promise and closes the connection where it takes longer than `silence`. */
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
            // The timer runs only while the hub is awaited, not while the caller handles the bytes.
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

  /** Returns a text for a message, or "…" where the hub put the token into it. */
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
    // A store's 403 means that the hub's signed address has expired; the next attempt gets a new one.
    const isPassing = [408, 429].includes(status) || status >= 500 || (!isHub && status === 403);
    if (!isPassing) return new UsageError(message);
    const note = asks ? `${answers}${asks}; asking again then.` : undefined;
    return new Unreachable(message, { retryAfter: seconds, note });
  }
}

const goesOn = 'run the command again, it goes on from there.';

/**
 * Returns the hub's address without a final slash: HF_ENDPOINT, else `hubUrl`. Throws UsageError where it is
 * no http(s) address or holds a user, password, query or fragment.
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
