/** The memory of a device, and the writing of sizes. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { usableMemory } from '../../support/usable-memory.ts';

/** Writes a size: `1.5 GiB`, `12 MiB`. */
export const sizeText = (bytes: number): string =>
  bytes < 2 ** 30 / 10 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** Bytes of memory of a device: a CUDA card's own, else what this process may use. */
export async function deviceMemory(device: string | undefined): Promise<number> {
  const card = /^cuda(?::(\d+))?$/.exec(device ?? '');
  if (!card) return usableMemory();
  try {
    const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits', `--id=${card[1] ?? 0}`];
    const { stdout } = await promisify(execFile)('nvidia-smi', query);
    return Number.parseInt(stdout, 10) * 2 ** 20 || Infinity;
  } catch {
    // Where the memory is not known, nothing is refused.
    return Infinity;
  }
}
