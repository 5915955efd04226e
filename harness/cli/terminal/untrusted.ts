/** Tells which files of results folders `report` and `table` do not use. */
import { join } from 'node:path';
import type { Untrusted } from '../../records/read-records.ts';
import type { ShownOptions } from '../arguments/shown-records.ts';
import { note } from './output.ts';

/** A line for each file that is not used; where rows have the names of folders, paths have these already. */
export function tellUntrusted(
  untrusted: readonly Untrusted[],
  { results, names }: Pick<ShownOptions, 'results' | 'names'>,
): void {
  const isNamed = names !== undefined || results.length > 1;
  for (const { path, reason } of untrusted) {
    const place = isNamed ? path : join(results[0]!, path);
    // Names of files from outside may hold control characters, which a terminal would obey.
    note(`${place} is not used: ${reason}.`.replace(/\p{Cc}/gu, '�'));
  }
}
