/**
 * Finds runs that ended for want of memory: by an error that says so, or because the system killed their
 * process, which mostly has the same cause.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { together } from '../../records/read-records.ts';
import { cellMemory } from '../memory/cell-memory.ts';
import { usableMemory } from '../../support/usable-memory.ts';
import { heartbeat, readLock } from '../../records/locks/file-lock.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';
import { besideRecord, workFolder } from '../../records/record-files.ts';

/**
 * The words of errors for want of memory: JavaScript's, onnxruntime's, a worker thread's and the system's.
 */
const memoryErrors = [
  /bad_alloc|allocation failed|failed to allocate|cannot allocate/i,
  /heap out of memory|heap limit|out of memory|invalid typed array length: \d/i,
  /ERR_WORKER_OUT_OF_MEMORY|ENOMEM/i,
];

/** Whether an error says that memory could not be had. */
export function lacksMemory({ name, message }: Pick<Error, 'name' | 'message'>): boolean {
  return memoryErrors.some((words) => words.test(`${name}: ${message}`));
}

/**
 * How the last process at a cell was lost before it had saved anything: its lock is there, the process is not, and
 * no checkpoint is newer than the lock. Undefined where none was.
 */
export async function lostProcess(path: string): Promise<string | undefined> {
  const lock = await readLock(besideRecord(path, 'lock')).catch(() => undefined);
  if (!lock?.owner || lock.isAlive) return undefined;
  const saved = await stat(join(workFolder(path), 'checkpoint.safetensors')).catch(() => undefined);
  if (saved !== undefined && saved.mtimeMs >= Date.parse(lock.owner.since)) return undefined;
  const minutes = heartbeat.dead / 60;
  return lock.hasEnded
    ? 'its process was ended by force before it had saved anything, most likely for want of memory'
    : `its process on ${lock.owner.host} has given no sign of life for ${minutes} minutes and saved nothing`;
}

/** How the last process at an evaluation was lost: its lock is there, the process is not. Undefined where none was. */
export async function lostEvaluation(path: string): Promise<string | undefined> {
  const lock = await readLock(besideRecord(path, 'lock')).catch(() => undefined);
  return lock?.hasEnded
    ? 'its last process was ended by force, as the system does for want of memory'
    : undefined;
}

/** Whether the words about a process's end say that the system took it, or that memory could not be had. */
export const endedForMemory = (reason: string): boolean =>
  // Exit code 137 is a shell's word for SIGKILL, which the system sends a process when memory runs out.
  /by SIGKILL|exit code 137/.test(reason) || lacksMemory({ name: '', message: reason });

/**
 * Why a cell's process may be lost as well, for want of memory: the last one was, or the run is estimated to need
 * more even with its smallest micro-batches. Undefined where neither is so.
 */
export async function memoryRisk(run: PreparedCell, recompute?: boolean): Promise<string | undefined> {
  const lost = await lostProcess(run.place.path);
  if (lost !== undefined) return lost;
  return cellMemory(run, recompute).total > usableMemory() ? 'it is unlikely to fit the memory' : undefined;
}

/** Puts the items last whose process may be killed: the others should be done by then. */
export async function riskyLast<Item>(
  items: readonly Item[],
  isRisky: (item: Item) => Promise<boolean>,
): Promise<Item[]> {
  const risky = await together(items, isRisky);
  return [...items.filter((_, i) => !risky[i]), ...items.filter((_, i) => risky[i])];
}
