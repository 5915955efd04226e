import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { NO_TENSOR } from './run-into.ts';

export type Tensors = Readonly<Record<string, Tensor>>;

/** What a session is made of. */
export interface SessionParts {
  readonly model: Uint8Array;
  readonly options: InferenceSession.SessionOptions;
  /** Feeds that are the same in every run, and whose they are: sessions of one owner share them. */
  readonly held: Tensors;
  readonly owner: object;
}

/** A model that onnxruntime has taken. */
export interface Session {
  /** Runs the model on what is held and fed; every result is written into its tensor of `fetches`. */
  run(feeds: Tensors, fetches: Tensors): Promise<void>;
  release(): Promise<void>;
}

/** Names of results that stay where they were computed: only their memory is of use again. */
export const LASTING = 'lasting/';

/** As a tensor travels to another thread and back. */
type Sent = Pick<Tensor, 'type' | 'dims' | 'data'>;
type Answer = Readonly<Record<string, Tensor['data']>>;

/**
 * A thread of its own for sessions of onnxruntime, whose binding holds the thread that runs one. It has copies of what is
 * held, since its memory cannot be shared with the binding's; what is fed and fetched is copied in every run.
 */
export class SessionThread {
  /** Begins before it is asked for anything, since it has onnxruntime to load. */
  #worker: Worker | undefined = this.#start();
  #messages = 0;
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  /** Of each owner, the names that the thread has, and how many sessions use them. */
  readonly #owners = new Map<object, { id: number; names: Set<string>; sessions: number }>();

  async open({ model, options, held, owner }: SessionParts): Promise<Session> {
    const id = ++this.#messages;
    const known = this.#owners.get(owner) ?? { id, names: new Set<string>(), sessions: 0 };
    this.#owners.set(owner, known);
    known.sessions++;
    const missing = Object.entries(held).filter(([name]) => !known.names.has(name));
    for (const [name] of missing) known.names.add(name);
    const given = sent(Object.fromEntries(missing));
    const release = async (): Promise<void> => {
      const last = --known.sessions === 0;
      if (last) this.#owners.delete(owner);
      await this.#ask('release', { id, ...(last && { owner: known.id }) });
    };
    try {
      await this.#ask('open', { id, model, options, owner: known.id, given, names: Object.keys(held) });
    } catch (error) {
      // Else the thread would keep what was held for it.
      await release();
      throw error;
    }
    return {
      run: async (feeds, fetches) => {
        const wanted = Object.fromEntries(Object.entries(fetches).map(([name, { type, dims }]) => [name, { type, dims }])); // prettier-ignore
        const answer = await this.#ask('run', { id, feeds: sent(feeds), wanted });
        for (const [name, data] of Object.entries(answer)) (fetches[name]!.data as Float32Array).set(data as Float32Array); // prettier-ignore
      },
      release,
    };
  }

  #ask(kind: string, request: object): Promise<Answer> {
    const worker = (this.#worker ??= this.#start());
    const message = ++this.#messages;
    // Only while it works does the thread keep the process from ending.
    worker.ref();
    worker.postMessage({ message, kind, ...request });
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(message, { resolve, reject });
    }).finally(() => {
      if (this.#waiting.size === 0) worker.unref();
    });
  }

  #start(): Worker {
    const onnxruntime = createRequire(import.meta.url).resolve('onnxruntime-node');
    const worker = new Worker(serve, { eval: true, execArgv: [], workerData: { onnxruntime, NO_TENSOR, LASTING } }); // prettier-ignore
    worker.on(
      'message',
      ({ message, answer, error }: { message: number; answer: Answer; error?: string }) => {
        const { resolve, reject } = this.#waiting.get(message)!;
        this.#waiting.delete(message);
        if (error === undefined) resolve(answer);
        else reject(new Error(error));
      },
    );
    worker.on('error', (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      this.#owners.clear();
      this.#worker = undefined;
    });
    // After the listeners, which would keep the process from ending.
    worker.unref();
    return worker;
  }
}

const sent = (tensors: Tensors): Readonly<Record<string, Sent>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, { type, dims, data }]) => [name, { type, dims, data }])); // prettier-ignore

/** The thread's own program, which runs sessions as `runInto` does. Plain JavaScript, for a worker. */
const serve = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { onnxruntime, NO_TENSOR, LASTING } = workerData;
  const { InferenceSession, Tensor } = require(onnxruntime);
  const sessions = new Map();
  const owners = new Map();
  const lasting = new Map();
  const tensor = ({ type, dims, data }) => new Tensor(type, data, dims);
  const mapped = (entries, f) => Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, f(value, name)]));
  const blank = ({ type, dims }, name) => {
    const size = dims.reduce((product, n) => product * n, 1);
    const Numbers = type === 'int32' ? Int32Array : Float32Array;
    if (!name.startsWith(LASTING)) return new Tensor(type, new Numbers(size), dims);
    const known = lasting.get(name);
    const numbers = known && known.length >= size ? known : new Float32Array(size);
    lasting.set(name, numbers);
    return new Tensor(type, numbers.subarray(0, size), dims);
  };
  const work = {
    async open({ id, model, options, owner, given, names }) {
      const arrays = owners.get(owner) ?? new Map();
      owners.set(owner, arrays);
      for (const [name, array] of Object.entries(given)) arrays.set(name, tensor(array));
      const session = await InferenceSession.create(model, options);
      const held = Object.fromEntries(names.map((name) => [name, arrays.get(name)]));
      sessions.set(id, { session, held, stop: session.outputNames[0] === NO_TENSOR });
    },
    async run({ id, feeds, wanted }) {
      const { session, held, stop } = sessions.get(id);
      const fetches = mapped(wanted, blank);
      await session
        .run({ ...held, ...mapped(feeds, tensor) }, { ...(stop && { [NO_TENSOR]: null }), ...fetches })
        .catch((error) => {
          if (!(stop && error.message.startsWith('Non tensor type'))) throw error;
        });
      const results = Object.entries(fetches).filter(([name]) => !name.startsWith(LASTING));
      return Object.fromEntries(results.map(([name, { data }]) => [name, data]));
    },
    async release({ id, owner }) {
      await sessions.get(id)?.session.release();
      sessions.delete(id);
      owners.delete(owner);
    },
  };
  parentPort.on('message', ({ message, kind, ...request }) => {
    work[kind](request).then(
      (answer) => parentPort.postMessage({ message, answer }),
      (error) => parentPort.postMessage({ message, error: error.message }),
    );
  });
`;
