/** Fetches the parquet files of data sets on the hub, for E2E, GLUE and the benchmarks of evaluations. */
import type { FetchOptions } from './connection.ts';
import { fetchFromHub, type HubFolder } from './hub.ts';

/** Where a data set's parquet files lie; the hub keeps copies of data sets with loading scripts in the second. */
const revisions = ['main', 'refs/convert/parquet'];

/**
 * Fetches the files whose paths fit `pattern` from each revision in turn, for callers to stop at the first
 * that has what they need. Throws UsageError as fetchFromHub does.
 */
export async function* parquetFiles(
  repo: string,
  pattern: RegExp,
  options: FetchOptions,
): AsyncGenerator<HubFolder> {
  for (const revision of revisions) {
    const files = (path: string): boolean => pattern.test(path);
    yield await fetchFromHub({ ...options, repo, type: 'dataset', revision, files });
  }
}
