/** Where deltabench keeps what it can make again. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where deltabench keeps what it can make again: $DELTABENCH_CACHE, else $XDG_CACHE_HOME/deltabench, else
 * ~/.cache/deltabench.
 */
export function cacheFolder(): string {
  const { DELTABENCH_CACHE, XDG_CACHE_HOME } = process.env;
  return DELTABENCH_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'deltabench');
}
