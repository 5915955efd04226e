/** The messages between session-thread.ts and its worker, session-worker.js. They hold types alone. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';

/** A tensor as it travels to another thread and back. */
export type SentTensor = Pick<Tensor, 'type' | 'dims' | 'data'>;
export type SentTensors = Readonly<Record<string, SentTensor>>;

/** Asks for a session; the reply is empty. */
export interface OpenRequest {
  readonly kind: 'open';
  readonly session: number;
  readonly model: Uint8Array;
  readonly options: InferenceSession.SessionOptions;
  /** The number of the frozen arrays' owner; its sessions share them. */
  readonly owner: number;
  /** Those of the owner's frozen arrays that the worker does not have yet. */
  readonly added: SentTensors;
  /** The names of all frozen arrays that this session is fed. */
  readonly frozen: readonly string[];
  /** Outputs that never leave the worker; it keeps their buffers between runs. */
  readonly kept: readonly string[];
}

/** Asks for one run; the reply holds the data of the results. */
export interface RunRequest {
  readonly kind: 'run';
  readonly session: number;
  readonly feeds: SentTensors;
  readonly results: Readonly<Record<string, Pick<Tensor, 'type' | 'dims'>>>;
}

/** Asks to release a session, and the frozen arrays of an owner with its last one; the reply is empty. */
export interface ReleaseRequest {
  readonly kind: 'release';
  readonly session: number;
  readonly owner?: number | undefined;
}

export type Request = OpenRequest | RunRequest | ReleaseRequest;

/** The data of results by their names. */
export type Results = Readonly<Record<string, Tensor['data']>>;

/** A request with the number that its reply repeats. */
export interface Message {
  readonly number: number;
  readonly request: Request;
}

/** What the worker answers: results, or the message of the error that it caught. */
export interface Reply {
  readonly number: number;
  readonly results: Results;
  readonly error?: string | undefined;
}
