/** The short Python files (in python/) that load an exported adapter or checkpoint without deltabench. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../support/atomic-files.ts';
import { writeSafetensors, type StoredTensor } from '../data/formats/safetensors.ts';
import { meanHeadFile } from '../models/bases/stored-head.ts';
import { isPeftMethod } from './peft/find-format.ts';

/** The name of the Python file beside an export; its function `load()` returns the model. */
export const loaderFile = 'load.py';

const read = (name: string): Promise<string> => readFile(new URL(`python/${name}`, import.meta.url), 'utf8');

/**
 * Gives the text of the Python file that loads an adapter of a method; undefined where neither peft nor a few
 * hooks can compute the method.
 */
export async function loaderOf(method: string): Promise<string | undefined> {
  if (isPeftMethod(method)) return read('load_peft.py');
  if (method === 'red') return read('load_red.py');
  return method.endsWith('reft') ? read('load_reft.py') : undefined;
}

/** Writes the head `mean`, which transformers does not have, and the Python class that computes it. */
export async function writeMeanHead(
  folder: string,
  head: Readonly<Record<string, StoredTensor>>,
): Promise<void> {
  await writeSafetensors(join(folder, meanHeadFile), head, { format: 'pt' });
  await writeFileAtomic(join(folder, 'mean_head.py'), await read('mean_head.py'));
}

/** Writes the Python file that loads a checkpoint whose head is `mean`. */
export async function writeMeanLoader(folder: string): Promise<void> {
  await writeFileAtomic(join(folder, loaderFile), await read('load_mean.py'));
}
