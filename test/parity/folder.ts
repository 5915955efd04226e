// Finds and reads the golden files of the parity tests.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../harness/data/formats/safetensors.ts';

/** The goldens of this repository. */
const own = join(import.meta.dirname, '../golden/parity');
/** Folder of golden numbers: DELTABENCH_PARITY, or the small copy in this repository. */
const parity = process.env.DELTABENCH_PARITY ?? own;

/** Whether both folders have the same model of this name, so that the goldens of methods on it are of use in both. */
const isSameModel = (model: string): boolean => {
  const files = [parity, own].map((folder) => join(folder, model, 'model.safetensors'));
  return files.every((file) => existsSync(file)) && readFileSync(files[0]!).equals(readFileSync(files[1]!));
};
const same = new Map<string, boolean>();

/**
 * A file or folder of golden numbers: in the folder of goldens, or where that lacks it in this repository; of a
 * method there only if the model is the same.
 */
export function folderOf(...path: string[]): string {
  const place = join(parity, ...path);
  const model = /^methods\/([^/]+)\//.exec(path.join('/'))?.[1];
  if (existsSync(place)) return place;
  if (model === undefined || !existsSync(join(parity, model))) return join(own, ...path);
  if (!same.has(model)) same.set(model, isSameModel(model));
  return same.get(model) ? join(own, ...path) : place;
}

export const hasParity = (...path: string[]): boolean => existsSync(folderOf(...path));

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows what the golden holds
export function readGolden<T>(...path: string[]): T {
  return JSON.parse(readFileSync(folderOf(...path), 'utf8')) as T;
}

/** Reads every float tensor of a golden file. */
export async function readTensors(...path: string[]): Promise<Record<string, Float32Array>> {
  const file = await openSafetensors(folderOf(...path));
  const out: Record<string, Float32Array> = {};
  for (const name of file.tensors.keys()) out[name] = await file.read(name);
  return out;
}
