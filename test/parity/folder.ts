// Finds and reads the golden files of the parity tests.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../harness/data/formats/safetensors.ts';

/** The goldens of this repository. */
const own = join(import.meta.dirname, '../golden/parity');
/** Folder of golden numbers: DELTABENCH_PARITY, or the small copy in this repository. */
export const parity = process.env.DELTABENCH_PARITY ?? own;

/** Whether both folders have the same model of this name, so that the goldens of methods on it are of use in both. */
const isSameModel = (model: string): boolean => {
  const files = [parity, own].map((folder) => join(folder, model, 'model.safetensors'));
  return files.every((file) => existsSync(file)) && readFileSync(files[0]!).equals(readFileSync(files[1]!));
};
const same = new Map<string, boolean>();

/** Where a golden file lies: in the folder of goldens, or of a method that it lacks in this repository. */
function locate(...path: string[]): string {
  const place = join(parity, ...path);
  const model = /^methods\/([^/]+)\//.exec(path.join('/'))?.[1];
  if (existsSync(place) || model === undefined) return place;
  if (!same.has(model)) same.set(model, isSameModel(model));
  return same.get(model) ? join(own, ...path) : place;
}

export const hasParity = (...path: string[]): boolean => existsSync(locate(...path));

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows what the golden holds
export function readGolden<T>(...path: string[]): T {
  return JSON.parse(readFileSync(locate(...path), 'utf8')) as T;
}

/** Reads every float tensor of a golden file. */
export async function readTensors(...path: string[]): Promise<Record<string, Float32Array>> {
  const file = await openSafetensors(locate(...path));
  const out: Record<string, Float32Array> = {};
  for (const name of file.tensors.keys()) out[name] = await file.read(name);
  return out;
}
