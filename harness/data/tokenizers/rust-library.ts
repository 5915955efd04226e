/**
 * Calls Hugging Face's Rust library tokenizers through the package @anush008/tokenizers for Node (its version
 * 0.6.0 contains 0.22.2). The package encodes only by promises; a worker thread encodes and this thread
 * waits, so that `encode` can be a plain function.
 */
import { createRequire } from 'node:module';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { UsageError } from '../../support/errors.ts';
import type { JsonObject } from '../../support/json/json-object.ts';

/** A tokenizer's components that work without its vocabulary. */
export interface Components {
  readonly normalizer: { normalizeString(text: string): string } | null;
  readonly preTokenizer: { preTokenizeString(text: string): [string, [number, number]][] } | null;
  readonly decoder: { decode(tokens: readonly string[]): string } | null;
}

interface Package {
  readonly Tokenizer: {
    fromString(json: string): {
      getNormalizer(): Components['normalizer'];
      getPreTokenizer(): Components['preTokenizer'];
      getDecoder(): Components['decoder'];
    };
  };
}

const require = createRequire(import.meta.url);
const name = '@anush008/tokenizers';

/** Loads the package. Throws UsageError where it has no build for this platform. */
function loadPackage(): Package {
  try {
    return require(name) as Package;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw new UsageError(
      `The package ${name}, which turns text into tokens, ` +
        `does not load on ${process.platform} ${process.arch}: ${why}. ` +
        'It is built for Linux on x64 and arm64 (glibc and musl), macOS, and Windows on x64; there, ' +
        'npm ci installs it.',
      { cause: error },
    );
  }
}

/**
 * Makes the components of a tokenizer.json. Throws UsageError where the platform has no build, else the
 * library's Error.
 */
export function readComponents(json: Readonly<JsonObject>): Components {
  // The components work without the vocabulary, which may be large.
  const bare = {
    ...json,
    added_tokens: [],
    post_processor: null,
    model: { type: 'BPE', vocab: {}, merges: [] },
  };
  const tokenizer = loadPackage().Tokenizer.fromString(JSON.stringify(bare));
  return {
    normalizer: tokenizer.getNormalizer(),
    preTokenizer: tokenizer.getPreTokenizer(),
    decoder: tokenizer.getDecoder(),
  };
}

/**
 * Token ids, and for each token its type (0 for the first text, 1 for the second where a tokenizer
 * distinguishes them).
 */
export interface TypedTokens {
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** Tokens, each with the number of its text; null for a special token of the template. */
export interface FramedTokens extends TypedTokens {
  readonly texts: readonly (number | null)[];
}

/** A whole tokenizer in the worker thread; every function throws the library's Error. */
export interface LibraryTokenizer {
  /** Returns the token ids of each text. */
  encode(texts: readonly string[], specialTokens: boolean): number[][];
  /** Encodes one text or two with their special tokens. */
  frame(text: string, pair: string | null): FramedTokens;
  /** Returns the ids of tokens; null for a token that the vocabulary lacks. */
  ids(tokens: readonly string[]): (number | null)[];
}

/**
 * Opens the tokenizer of a tokenizer.json. Throws UsageError where the platform has no build, else the
 * library's Error.
 */
export function openTokenizer(json: Readonly<JsonObject>): LibraryTokenizer {
  thread ??= startThread();
  const { ask, forget } = thread;
  const id = ++opened;
  ask({ kind: 'open', id, json: JSON.stringify(json) });
  const tokenizer: LibraryTokenizer = {
    encode: (texts, addSpecialTokens) => ask({ kind: 'encode', id, texts, addSpecialTokens }) as number[][],
    frame: (text, pair) => ask({ kind: 'frame', id, text, pair }) as FramedTokens,
    ids: (tokens) => ask({ kind: 'ids', id, tokens }) as (number | null)[],
  };
  forget.register(tokenizer, id);
  return tokenizer;
}

let thread: ReturnType<typeof startThread> | undefined;
let opened = 0;

type Answer = { readonly result: unknown } | { readonly error: string };

function startThread(): {
  ask: (request: object) => unknown;
  /** Closes a tokenizer in the worker once its object here has been garbage-collected. */
  forget: FinalizationRegistry<number>;
} {
  loadPackage();
  const { port1: port, port2 } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { library: require.resolve(name), port: port2, answered };
  new Worker(serve, { eval: true, execArgv: [], workerData, transferList: [port2] }).unref();
  return {
    ask: (request) => waitFor(port, answered, request),
    forget: new FinalizationRegistry((id) => {
      port.postMessage({ kind: 'close', id });
    }),
  };
}

function waitFor(port: MessagePort, answered: Int32Array, request: object): unknown {
  Atomics.store(answered, 0, 0);
  port.postMessage(request);
  // A late wake-up for the previous answer may end this wait too early, hence the loop.
  while (Atomics.load(answered, 0) === 0) Atomics.wait(answered, 0, 0);
  const { message } = receiveMessageOnPort(port) as { message: Answer };
  if ('error' in message) throw new Error(message.error);
  return message.result;
}

/** The worker's program; it is a string so that the worker needs no TypeScript loader. */
const serve = `
const { library, port, answered } = require('node:worker_threads').workerData;
const { Tokenizer } = require(library);
const open = new Map();
const kinds = {
  open: ({ id, json }) => void open.set(id, Tokenizer.fromString(json)),
  ids: ({ id, tokens }) => tokens.map((token) => open.get(id).tokenToId(token)),
  async encode({ id, texts, addSpecialTokens }) {
    const tokenizer = open.get(id);
    const options = { addSpecialTokens };
    const [only, ...others] = texts;
    const made =
      others.length === 0
        ? [await tokenizer.encode(only, null, options)]
        : await tokenizer.encodeBatch(texts, options);
    return made.map((encoding) => encoding.getIds());
  },
  async frame({ id, text, pair }) {
    const made = await open.get(id).encode(text, pair, { addSpecialTokens: true });
    return { ids: made.getIds(), types: made.getTypeIds(), texts: made.getSequenceIds() };
  },
};
port.on('message', async ({ kind, ...request }) => {
  if (kind === 'close') return open.delete(request.id);
  let answer;
  try {
    answer = { result: await kinds[kind](request) };
  } catch (error) {
    answer = { error: String(error?.message ?? error) };
  }
  port.postMessage(answer);
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
});
`;
