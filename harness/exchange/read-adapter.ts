/**
 * Chooses the reader of an adapter by what lies at its path, for runs and evaluations that start from one.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../support/errors.ts';
import { isFile } from '../support/read-files.ts';
import type { BaseModel } from '../models/base-model.ts';
import type { Adapter } from './adapter.ts';
import { configFile, readPeftFolder } from './peft/folder.ts';
import { readPyreftFolder } from './pyreft-folder.ts';
import { readRedVectors } from './red-vectors.ts';

/**
 * Reads an adapter for a base: a folder that peft, pyreft or `bench export` has written, or a file of vectors
 * as RED's authors release them. Throws UsageError if it is neither, or computes something that deltabench
 * does not.
 */
export async function readAdapter(path: string, base: BaseModel): Promise<Adapter> {
  if (await isFile(path)) return readRedVectors(path, base);
  const isFolder = await stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new UsageError(`There is no adapter ${path}.`);
  if (await isFile(join(path, configFile))) return readPeftFolder(path, base);
  if (await isFile(join(path, 'config.json'))) return readPyreftFolder(path, base);
  throw new UsageError(
    `${path} holds no adapter: looked for ${configFile}, and for pyreft's config.json. ` +
      `A record's adapter is written by "export".`,
  );
}
