// Finds and reads the golden files of the parity tests.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../harness/data/formats/safetensors.ts';

/** Folder of golden numbers: DELTABENCH_PARITY, or the small copy in this repository. */
export const parity = process.env.DELTABENCH_PARITY ?? join(import.meta.dirname, '../golden/parity');

export const hasParity = (...path: string[]): boolean => existsSync(join(parity, ...path));

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows what the golden holds
export function readGolden<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(parity, ...path), 'utf8')) as T;
}

/** Reads every float tensor of a golden file. */
export async function readTensors(...path: string[]): Promise<Record<string, Float32Array>> {
  const file = await openSafetensors(join(parity, ...path));
  const out: Record<string, Float32Array> = {};
  for (const name of file.tensors.keys()) out[name] = await file.read(name);
  return out;
}
