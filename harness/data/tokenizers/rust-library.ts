import { createRequire } from 'node:module';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { UsageError } from '../../support/errors.ts';
import type { JsonObject } from '../../support/json-object.ts';

// The Rust library of Hugging Face, as the package @anush008/tokenizers builds it for Node (its version 0.6.0
// holds 0.22.2).
// It encodes by promises alone; so that encoding stays a plain function, a thread of its own does it and is waited for.

/** What a tokenizer's components do by themselves. */
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

/** Throws UsageError where the platform has no build. */
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

/** The components of a tokenizer.json; throws UsageError where the platform has no build, else the library's Error. */
export function readComponents(json: Readonly<JsonObject>): Components {
  // They need no vocabulary, which may be large.
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

/** Token ids, and for each which part of the input it belongs to. */
export interface TypedTokens {
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** Tokens with the number of the text that each comes from; null for special tokens. */
export interface FramedTokens extends TypedTokens {
  readonly texts: readonly (number | null)[];
}

/** A whole tokenizer; all but `close` throw the library's Error. */
export interface LibraryTokenizer {
  encode(texts: readonly string[], specialTokens: boolean): number[][];
  /** A text, or a pair, with its special tokens. */
  frame(text: string, pair: string | null): FramedTokens;
  /** Ids of tokens; null for those that it lacks. */
  ids(tokens: readonly string[]): (number | null)[];
}

/** The tokenizer of a tokenizer.json; throws UsageError where the platform has no build, else the library's Error. */
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
  /** Has the thread let go of tokenizers that nobody holds any more. */
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
  // An answer that was seen before this thread slept wakes it in its next wait.
  while (Atomics.load(answered, 0) === 0) Atomics.wait(answered, 0, 0);
  const { message } = receiveMessageOnPort(port) as { message: Answer };
  if ('error' in message) throw new Error(message.error);
  return message.result;
}

/** The thread's program, as a text so that it needs no loader for TypeScript. */
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
