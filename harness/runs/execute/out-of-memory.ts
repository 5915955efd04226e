/** Runs that ended because memory was lacking, or because the system killed their process, which mostly is the same. */
import { stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { together } from '../../records/read-records.ts';
import { estimateMemory, gibibytes } from '../reproduce/estimate.ts';
import { readLock } from '../../records/file-lock.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';
import { besideRecord, workFolder } from '../../records/record-files.ts';

/** Bytes of memory that this process may use: the machine's, or its container's limit where there is one. */
export function usableMemory(): number {
  // 0 stands for no limit.
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}

/** What a run needs beside what there is, as a sentence's end. */
export function memoryNeed({ cell, base }: Pick<PreparedCell, 'cell' | 'base'>): string {
  const { bytes } = estimateMemory(cell, base);
  return `the run needs about ${gibibytes(bytes)} of memory, of ${gibibytes(usableMemory())} here; fewer --jobs, --set micro-batch=1 and --recompute make it less`;
}

/** Whether an error says that memory could not be had: JavaScript's, onnxruntime's or a worker thread's. */
export function lacksMemory({ name, message }: Pick<Error, 'name' | 'message'>): boolean {
  return /bad_alloc|heap out of memory|heap limit|out of memory|allocation failed|failed to allocate|cannot allocate|invalid typed array length: \d|ERR_WORKER_OUT_OF_MEMORY|ENOMEM/i.test(
    `${name}: ${message}`,
  );
}

/**
 * Whether the last process at a cell was ended by force before it had saved anything: its lock is there, it is gone, and no
 * checkpoint is newer.
 */
export async function wasKilled(path: string): Promise<boolean> {
  const lock = await readLock(besideRecord(path, 'lock')).catch(() => undefined);
  if (!lock?.owner || lock.isAlive) return false;
  const saved = await stat(join(workFolder(path), 'checkpoint.safetensors')).catch(() => undefined);
  return saved === undefined || saved.mtimeMs < Date.parse(lock.owner.since);
}

/** The items, those last whose last process was killed: what killed it may do so again, and the others should be done by then. */
export async function killedLast<Item>(
  items: readonly Item[],
  pathOf: (item: Item) => string,
): Promise<Item[]> {
  const killed = await together(items, (item) => wasKilled(pathOf(item)));
  return [...items.filter((_, i) => !killed[i]), ...items.filter((_, i) => killed[i])];
}
