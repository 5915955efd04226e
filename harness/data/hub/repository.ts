/** A repository of the hub with its folder in the cache; hub.ts, listing.ts and download.ts share it. */
import { UsageError } from '../../support/errors.ts';
import type { HubConnection } from './connection.ts';

/** What a repository holds; a Space is an app with its files. */
export type RepositoryType = 'model' | 'dataset' | 'space';

/** A repository, and the connection to its hub. */
export interface Repository {
  readonly library: typeof import('@huggingface/hub');
  readonly hub: HubConnection;
  readonly repo: string;
  readonly type: RepositoryType;
  /** The repository's folder in the cache. */
  readonly cache: string;
}

/** The hub sent content that contradicts its list of files. */
export class Disagreement extends UsageError {}

/** Returns the address of a request that the hub's library makes. */
export function addressOf(input: Parameters<typeof fetch>[0]): string {
  return input instanceof Request ? input.url : String(input);
}

/**
 * Returns a UsageError or an abort's reason unchanged; any other error becomes a UsageError, because it means
 * an answer that the library could not read.
 */
export function clearError(error: unknown, { signal, url }: HubConnection): unknown {
  if (error instanceof UsageError || (signal?.aborted && error === signal.reason)) return error;
  return new UsageError(`${url} does not answer as a hub does; is HF_ENDPOINT right?`, { cause: error });
}
