// Reads and rewrites whole safetensors files, for tests of unusual and damaged checkpoints.
import { openSafetensors, writeSafetensors } from '../../harness/data/formats/safetensors.ts';
import type { Shape } from '../../harness/models/edits.ts';

export type StoredTensors = Record<string, { shape: Shape; data: Float32Array }>;

/** All tensors of a file. */
export async function readAllTensors(path: string): Promise<StoredTensors> {
  const file = await openSafetensors(path);
  const tensors: StoredTensors = {};
  for (const [name, { shape }] of file.tensors) tensors[name] = { shape, data: await file.read(name) };
  return tensors;
}

/** Writes a file anew with what `change` makes of its tensors. */
export async function changeTensors(
  path: string,
  change: (tensors: StoredTensors) => StoredTensors,
): Promise<void> {
  await writeSafetensors(path, change(await readAllTensors(path)));
}
