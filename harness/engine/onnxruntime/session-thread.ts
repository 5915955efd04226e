/**
 * A thread for sessions of onnxruntime, whose binding blocks the thread that runs a session. The engine's
 * second replica computes in it. The thread has copies of the frozen arrays, since the binding cannot share
 * memory between threads; feeds and results are copied in every run.
 */
import { Worker } from 'node:worker_threads';
import type { Reply, Request, Results, SentTensors } from './session-messages.ts';
import { type HostTensors, onHost, type Session, type SessionParts } from './session.ts';

interface Pending {
  resolve(results: Results): void;
  reject(error: Error): void;
}

/** The frozen arrays of one owner, as the thread keeps them. */
interface Owner {
  readonly number: number;
  readonly names: Set<string>;
  /** How many open sessions use the arrays. */
  sessions: number;
}

export class SessionThread {
  /** Starts before the first request, since it takes a while to load onnxruntime. */
  #worker: Worker | undefined = this.#start();
  #requests = 0;
  #sessions = 0;
  readonly #pending = new Map<number, Pending>();
  readonly #owners = new Map<object, Owner>();

  /** Opens a session that runs in the thread; throws what onnxruntime throws. */
  async open({ model, options, frozen, owner: ownedBy, kept }: SessionParts): Promise<Session> {
    const session = ++this.#sessions;
    const owner = this.#owners.get(ownedBy) ?? { number: session, names: new Set<string>(), sessions: 0 };
    this.#owners.set(ownedBy, owner);
    owner.sessions++;
    const missing = Object.entries(onHost(frozen)).filter(([name]) => !owner.names.has(name));
    for (const [name] of missing) owner.names.add(name);
    const added = sent(Object.fromEntries(missing));
    const release = async (): Promise<void> => {
      const last = --owner.sessions === 0;
      if (last) this.#owners.delete(ownedBy);
      await this.#ask({ kind: 'release', session, owner: last ? owner.number : undefined });
    };
    try {
      const names = Object.keys(frozen);
      const { number } = owner;
      await this.#ask({ kind: 'open', session, model, options, owner: number, added, frozen: names, kept });
    } catch (error) {
      // Otherwise the thread would keep the frozen arrays that it was sent.
      await release();
      throw error;
    }
    return { run: (feeds, fetches) => this.#run(session, onHost(feeds), onHost(fetches)), release };
  }

  async #run(session: number, feeds: HostTensors, fetches: HostTensors): Promise<void> {
    const types = Object.entries(fetches).map(([name, { type, dims }]) => [name, { type, dims }] as const);
    const results = Object.fromEntries(types);
    const answer = await this.#ask({ kind: 'run', session, feeds: sent(feeds), results });
    for (const [name, data] of Object.entries(answer))
      (fetches[name]!.data as Float32Array).set(data as Float32Array);
  }

  #ask(request: Request): Promise<Results> {
    const worker = (this.#worker ??= this.#start());
    const number = ++this.#requests;
    // The thread keeps the process from ending only while a request is pending.
    worker.ref();
    worker.postMessage({ number, request });
    return new Promise<Results>((resolve, reject) => {
      this.#pending.set(number, { resolve, reject });
    }).finally(() => {
      if (this.#pending.size === 0) worker.unref();
    });
  }

  #start(): Worker {
    // The file is JavaScript in the sources too, so the same name serves a checkout and a build. Without
    // `execArgv` the thread would load tsx first.
    const worker = new Worker(new URL('session-worker.js', import.meta.url), { execArgv: [] });
    worker.on('message', ({ number, results, error }: Reply) => {
      const { resolve, reject } = this.#pending.get(number)!;
      this.#pending.delete(number);
      if (error === undefined) resolve(results);
      else reject(new Error(error));
    });
    worker.on('error', (error) => {
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
      this.#owners.clear();
      this.#worker = undefined;
    });
    // After the listeners are added, since a listener refs the worker.
    worker.unref();
    return worker;
  }
}

/** Tensors as they travel. */
const sent = (tensors: HostTensors): SentTensors => {
  const entries = Object.entries(tensors).map(([name, { type, dims, data }]) => [name, { type, dims, data }]);
  return Object.fromEntries(entries) as SentTensors;
};
