/**
 * Who owns a cell: the process that holds its lock file. Several sweeps may share a results folder, on
 * several machines too, so that a cell is looked for again under the lock, and every write asks whether the
 * lock is still held.
 */
import { dirname } from 'node:path';
import { readLock, tryLock, type Lock } from '../../records/locks/file-lock.ts';
import {
  besideRecord,
  cellName,
  findPlace,
  removeWork,
  workIdentity,
  writeRecord,
  type Place,
} from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { makeFolder, removeTemporaries } from '../../support/atomic-files.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';
import { addressOf } from '../plan/cell.ts';
import type { RecordedCell } from './executor.ts';

/**
 * Removes lock, work and temporary files of a process that was killed just after it had written its record.
 */
export async function removeLeftovers(path: string, identity: string): Promise<void> {
  const lockPath = besideRecord(path, 'lock');
  if (!(await readLock(lockPath)) && (await workIdentity(path)) !== identity) return;
  const lock = await tryLock(lockPath);
  if (!lock) return;
  await removeWork(path);
  await removeTemporaries(cellName(path));
  await lock.release();
}

/** Which records are no reason to leave a cell alone: failed ones, or all that were there at the start. */
export interface Retry {
  readonly retryFailed: boolean;
  readonly again?: boolean;
}

/**
 * Makes the record of a cell by `work` while no other process does that cell, and writes it. Returns the
 * record that is there where another process was faster, and `busy` where one is doing the cell, or has taken
 * it over meanwhile.
 */
export async function recordUnderLock(
  results: string,
  run: PreparedCell,
  { retryFailed, again = false }: Retry,
  onNote: (text: string) => void,
  work: (place: Place, lock: Lock) => Promise<RunRecord>,
  write = writeRecord,
): Promise<RecordedCell | 'busy'> {
  const find = (): Promise<Place> => findPlace(results, addressOf(run.cell), run.identity);
  const isDone = ({ record }: Place): boolean =>
    record !== undefined &&
    (!(again || (retryFailed && record.status === 'failed')) ||
      record.attempt > (run.place.record?.attempt ?? 0));
  const found = await find();
  if (isDone(found)) {
    await removeLeftovers(found.path, run.identity);
    return { record: found.record!, path: found.path };
  }
  await makeFolder(dirname(found.path));
  const lock = await tryLock(besideRecord(found.path, 'lock'));
  if (!lock) return 'busy';
  try {
    const place = await find();
    if (isDone(place)) return { record: place.record!, path: place.path };
    // Between the two looks, a cell of other settings has written its record at this path.
    if (place.path !== found.path) return 'busy';
    await removeTemporaries(cellName(place.path));
    const record = await work(place, lock);
    await write(place.path, record, lock.check);
    return { record, path: place.path };
  } catch (error) {
    // Where the lock is lost, the other process at the same place may be why this one failed.
    if (await lock.isHeld()) throw error;
    onNote(
      `${found.path} is another sweep's now, which took this one for dead: it stood still for too long. ` +
        `Nothing more of this try is written.`,
    );
    return 'busy';
  } finally {
    await lock.release();
  }
}
