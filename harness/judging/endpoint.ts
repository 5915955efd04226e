/**
 * A judge behind an OpenAI-compatible chat completions endpoint. The key comes from OPENAI_API_KEY alone, goes to
 * that endpoint alone, and no message shows it.
 */
import { z } from 'zod';
import type { ChatMessage } from '../data/tokenizers/chat-template.ts';
import { holdsSecrets, shownAddress, withoutSecrets } from '../support/network/addresses.ts';
import { UsageError, errorCode, messageOf } from '../support/errors.ts';
import { persist, Unreachable, waitAsked } from '../support/network/retries.ts';

/** What the judge wrote, and the tokens that the endpoint counted. */
export interface EndpointReply {
  readonly text: string;
  readonly promptTokens: number | undefined;
  readonly replyTokens: number | undefined;
}

/** One call failed for good; others may succeed. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed';
}

/** Where and how a judge is asked. */
export interface EndpointOptions {
  readonly url: string;
  readonly model: string;
  readonly signal?: AbortSignal | undefined;
  readonly onNote?: ((text: string) => void) | undefined;
  /** Milliseconds without a byte after which a call counts as broken off; 10 minutes by default. */
  readonly silence?: number | undefined;
  /** Milliseconds before the second attempt of a call, doubled after each failure; 500 by default. */
  readonly firstPause?: number | undefined;
}

/** Attempts of a call, which together wait about as long as FastChat's 16 that are 10 s apart. */
const attempts = 9;
const longestPause = 60_000;
/** Longest wait in seconds that the endpoint may ask for. */
const longestWait = 600;
/** Largest answer in bytes; a reply of 2,048 tokens has 20 kB. */
const largestAnswer = 4e6;

const completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullish() }) })).min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish().catch(undefined),
});
/** A refusal in OpenAI's form, or in that of servers made with FastAPI. */
const refusalSchema = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
]);

/** An endpoint; a judge is asked at temperature 0. */
export class JudgeEndpoint {
  /** The address of the endpoint, which holds no secret. */
  readonly url: string;
  readonly #options: EndpointOptions;
  readonly #key: string | undefined;

  /** Throws UsageError where the address or OPENAI_API_KEY cannot be used. */
  constructor(options: EndpointOptions) {
    this.url = completionsAddress(options.url);
    this.#options = options;
    this.#key = process.env.OPENAI_API_KEY?.trim();
    // Checked here, because the error of fetch would print the key.
    if (this.#key && /[^!-~]/.test(this.#key))
      throw new UsageError('OPENAI_API_KEY holds characters that no key has; copy it again.');
  }

  /**
   * Asks until the endpoint answers. Throws CallFailed where it does not in all attempts or refuses this call,
   * UsageError where it would refuse every call, and the signal's reason on an abort.
   */
  async reply(messages: readonly ChatMessage[], maxTokens: number): Promise<EndpointReply> {
    const { firstPause = 500, signal, onNote } = this.#options;
    const pause = (failures: number): number => Math.min(longestPause, firstPause * 2 ** (failures - 1));
    try {
      return await persist(() => this.#once(messages, maxTokens), {
        most: attempts,
        longestWait,
        pause,
        signal,
        onNote,
      });
    } catch (error) {
      if (error instanceof Unreachable) throw new CallFailed(error.message, { cause: error });
      throw error;
    }
  }

  async #once(messages: readonly ChatMessage[], maxTokens: number): Promise<EndpointReply> {
    const { status, headers, body } = await this.#post({
      model: this.#options.model,
      messages,
      temperature: 0,
      max_tokens: maxTokens,
    });
    if (status < 200 || status >= 300) throw this.#refusal(status, headers, body);
    const parsed = completion.safeParse(parseJson(body));
    if (!parsed.success) throw this.#broken('sends what is no chat completion');
    const { choices, usage } = parsed.data;
    const text = choices[0]!.message.content;
    if (text === undefined || text === null) throw new CallFailed(`${this.url} gives a reply without text`);
    return { text, promptTokens: usage?.prompt_tokens, replyTokens: usage?.completion_tokens };
  }

  async #post(content: object): Promise<{ status: number; headers: Headers; body: string }> {
    const { signal, silence = 600_000 } = this.#options;
    const stop = new AbortController();
    const either = signal ? AbortSignal.any([stop.signal, signal]) : stop.signal;
    let timer: NodeJS.Timeout | undefined;
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        stop.abort();
      }, silence);
    };
    const headers = {
      'content-type': 'application/json',
      ...(this.#key && { authorization: `Bearer ${this.#key}` }),
    };
    heard();
    try {
      // A redirect would take the key elsewhere.
      const options = { method: 'POST', headers, redirect: 'manual', signal: either } as const;
      const response = await fetch(this.url, { ...options, body: JSON.stringify(content) });
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        heard();
        size += chunk.length;
        if (size > largestAnswer)
          throw new CallFailed(`${this.url} answers with more than ${largestAnswer / 1e6} MB`);
        chunks.push(chunk);
      }
      return { status: response.status, headers: response.headers, body: Buffer.concat(chunks).toString() };
    } catch (error) {
      if (error instanceof CallFailed) throw error;
      signal?.throwIfAborted();
      if (stop.signal.aborted) throw this.#broken(`sends nothing for ${silence / 1000} s`);
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      throw this.#broken(`cannot be reached (${this.#hide(errorCode(cause) ?? messageOf(cause))})`);
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }

  #broken(what: string): Unreachable {
    return new Unreachable(`${this.url} ${what}`, {});
  }

  /** The error for a status that is no success. */
  #refusal(status: number, headers: Headers, body: string): Error {
    const reason = refusalSchema.safeParse(parseJson(body)).data;
    const why = reason === undefined ? '' : `: ${this.#hide(reason)}`;
    const answers = `${this.url} answers ${status}${why}`;
    if (status === 401 || status === 403) {
      const remedy = this.#key ? 'check the key in OPENAI_API_KEY' : 'set OPENAI_API_KEY';
      return new UsageError(`${answers}; ${remedy} and the model ${this.#options.model}.`);
    }
    if (status === 404 || status === 405)
      return new UsageError(`${answers}; check the address and the model ${this.#options.model}.`);
    if (status >= 300 && status < 400)
      return new UsageError(`${this.url} redirects (${status}); give the address that it leads to.`);
    if (![408, 409, 425, 429].includes(status) && status < 500) return new CallFailed(answers);
    const seconds = waitAsked(headers);
    const asks = seconds > 0 ? ` and asks to wait ${seconds} s` : '';
    const note = asks ? `${this.url} answers ${status}${asks}; asking again then.` : undefined;
    return new Unreachable(`${answers}${asks}`, { retryAfter: seconds, note });
  }

  /** Gives a foreign text for a message: short, in one line, without the key or an address's secrets. */
  #hide(text: string): string {
    const hidden = this.#key ? text.replaceAll(this.#key, '…') : text;
    const line = withoutSecrets(hidden)
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim();
    return line.length > 200 ? `${line.slice(0, 200)}…` : line;
  }
}

/** The address of the chat completions below a base address, such as https://api.openai.com/v1. */
function completionsAddress(given: string): string {
  const url = given.trim().replace(/\/+$/, '');
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new UsageError(
      `--judge ${shownAddress(url)}: it can be the http(s) address of a chat completions endpoint, or local:BASE.`,
    );
  if (holdsSecrets(new URL(url)))
    throw new UsageError(
      `--judge ${shownAddress(url)} holds a user, a password, a query or a fragment; ` +
        'a key goes into OPENAI_API_KEY.',
    );
  return url.endsWith('/chat/completions') ? url : `${url}/chat/completions`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
