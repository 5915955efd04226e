/**
 * The folder of files that deltabench can make or fetch again, such as encoded data sets and METEOR's table.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Gives $DELTABENCH_CACHE, else $XDG_CACHE_HOME/deltabench, else ~/.cache/deltabench. */
export function cacheFolder(): string {
  const { DELTABENCH_CACHE, XDG_CACHE_HOME } = process.env;
  return DELTABENCH_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'deltabench');
}
