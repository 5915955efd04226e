/**
 * Where a run's data and tokenizer come from: what was asked for, else the folder that DELTABENCH_DATA names.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DataSource } from '../../data/examples/task.ts';
import { UsageError } from '../../support/errors.ts';
import type { Plan } from './cell.ts';

/**
 * Reads `built-in`, `hub` or a folder; DELTABENCH_DATA where `asked` is undefined, undefined where neither is
 * set. Throws UsageError where the folder is none.
 */
export async function findDataSource(asked: string | undefined): Promise<DataSource | undefined> {
  const place = asked ?? dataFolder();
  if (place === undefined) return undefined;
  if (place === 'hub' || place === 'built-in') return { kind: place };
  const path = resolve(place);
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return { kind: 'folder', path };
  const origin = asked === undefined ? 'DELTABENCH_DATA' : '--data';
  throw new UsageError(
    `${origin} names ${place}, which is no folder. ` +
      `Give a folder, "hub" to fetch the data, or "built-in" for deltabench's own.`,
  );
}

/** Where loadBase looks for a tokenizer: in the folder that was asked for, else in that of the data. */
export function baseOptions(tokenizer: string | undefined, source: DataSource | undefined): Plan['base'] {
  return {
    tokenizer,
    data: source?.kind === 'folder' ? source.path : dataFolder(),
  };
}

/** DELTABENCH_DATA; an empty one names no folder. */
function dataFolder(): string | undefined {
  const folder = process.env.DELTABENCH_DATA;
  return folder === '' ? undefined : folder;
}
