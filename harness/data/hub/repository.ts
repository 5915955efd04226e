/** A repository of the hub and the cache's folder for it, as its three parts (hub, listing, download) share them. */
import { UsageError } from '../../support/errors.ts';
import type { HubConnection } from './connection.ts';

/** A repository, and the connection to its hub. */
export interface Repository {
  readonly library: typeof import('@huggingface/hub');
  readonly hub: HubConnection;
  readonly repo: string;
  readonly type: 'model' | 'dataset';
  /** The cache's folder of this repository. */
  readonly cache: string;
}

/** The hub sent something else than its list of files says. */
export class Disagreement extends UsageError {}

/** The address of a request that the hub's library makes. */
export function addressOf(input: Parameters<typeof fetch>[0]): string {
  return input instanceof Request ? input.url : String(input);
}

/**
 * A UsageError and the reason of a stop as they are; any other error means an answer that the library could
 * not read.
 */
export function clearError(error: unknown, { signal, url }: HubConnection): unknown {
  if (error instanceof UsageError || (signal?.aborted && error === signal.reason)) return error;
  return new UsageError(`${url} does not answer as a hub does; is HF_ENDPOINT right?`, { cause: error });
}
