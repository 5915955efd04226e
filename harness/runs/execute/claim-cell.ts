/** Who owns a cell: its lock, and what may be done under it. Several sweeps may share a folder of results. */
import { dirname } from 'node:path';
import { readLock, tryLock, type Lock } from '../../records/file-lock.ts';
import {
  besideRecord,
  workIdentity,
  removeWork,
  cellName,
  type Place,
  writeRecord,
  findPlace,
} from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { makeFolder, removeTemporaries } from '../../support/atomic-files.ts';
import type { RecordedCell } from './executor.ts';
import { addressOf } from '../plan/cell.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';

/** Removes what a process that was killed at the very end left beside its record. */
export async function removeLeftovers(path: string, identity: string): Promise<void> {
  const lockPath = besideRecord(path, 'lock');
  if (!(await readLock(lockPath)) && (await workIdentity(path)) !== identity) return;
  const lock = await tryLock(lockPath);
  if (!lock) return;
  await removeWork(path);
  await removeTemporaries(cellName(path));
  await lock.release();
}

/**
 * Makes a cell's record by `work` while no other process does that cell, and writes it; `busy` where one is at it, or has taken it
 * over meanwhile, and the record where one has done it since the cell was prepared.
 */
export async function recordUnderLock(
  results: string,
  run: PreparedCell,
  retryFailed: boolean,
  onNote: (text: string) => void,
  work: (place: Place, lock: Lock) => Promise<RunRecord>,
  write = writeRecord,
): Promise<RecordedCell | 'busy'> {
  const find = (): Promise<Place> => findPlace(results, addressOf(run.cell), run.identity);
  const isDone = ({ record }: Place): boolean =>
    record !== undefined &&
    (!retryFailed || record.status === 'finished' || record.attempt > (run.place.record?.attempt ?? 0));
  const before = await find();
  if (isDone(before)) {
    await removeLeftovers(before.path, run.identity);
    return { record: before.record!, path: before.path };
  }
  await makeFolder(dirname(before.path));
  const lock = await tryLock(besideRecord(before.path, 'lock'));
  if (!lock) return 'busy';
  try {
    const place = await find();
    if (isDone(place)) return { record: place.record!, path: place.path };
    // A cell of other settings has taken the place.
    if (place.path !== before.path) return 'busy';
    await removeTemporaries(cellName(place.path));
    const record = await work(place, lock);
    await write(place.path, record, lock.check);
    return { record, path: place.path };
  } catch (error) {
    // Whatever else went wrong: what another process does at the same place may be why.
    if (await lock.isHeld()) throw error;
    onNote(
      `${before.path} is another sweep's now, which took this one for dead: it stood still for too long. Nothing more of this try is written.`,
    );
    return 'busy';
  } finally {
    await lock.release();
  }
}
