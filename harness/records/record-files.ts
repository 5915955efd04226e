/**
 * Where a cell's record and its working folder lie, and how they are written. Every write is atomic; a file
 * that is not this cell's is never touched.
 */
import { open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  makeFolder,
  removeTemporaries,
  temporaryName,
  writeError,
  writeFileAtomic,
  type BeforeRename,
} from '../support/atomic-files.ts';
import { UsageError, errorCode, messageOf } from '../support/errors.ts';
import { kindOf, readBytes } from '../support/read-files.ts';
import { parseRecord, type RunRecord } from './record.ts';
import { writeSealed } from './sealed-record.ts';

/** The parts of a record's path. */
export interface CellAddress {
  readonly task: string;
  readonly model: string;
  /** The name of the variant (Variant.name). */
  readonly variant: string;
  /** The name that earlier versions gave the variant, if another. */
  readonly formerly?: string;
  readonly seed: number;
}

/** The place of a cell's record, whether it is there or not. */
export interface Place {
  /** The path of the cell's record. */
  readonly path: string;
  readonly record: RunRecord | undefined;
  /** Files at the possible paths that cannot be trusted, with the reasons. */
  readonly broken: readonly { readonly path: string; readonly reason: string }[];
}

/** The usual path of a cell's record: results/<task>/<model>/<method>[~variant]/seed-<n>.json. */
export function recordPath(results: string, { task, model, variant, seed }: CellAddress): string {
  return join(results, task, model.replaceAll('/', '--'), variant.replaceAll('/', '--'), `seed-${seed}.json`);
}

/** The common start of the names of a cell's files: the record's path without its ending. */
export function cellName(path: string): string {
  return path.replace(/\.json$/, '');
}

/** The path of a file beside a record: `seed-42.steps.jsonl`. */
export function besideRecord(path: string, ending: string): string {
  return `${cellName(path)}.${ending}`;
}

/** The folder that holds a cell's checkpoint while it runs. */
export function workFolder(path: string): string {
  return besideRecord(path, 'work');
}

/**
 * Finds a cell's record, or a free path for it. A file with another identity, or one that cannot be trusted,
 * stays as it is: the new record is called `seed-<n>~<short hash>.json`.
 */
export async function findPlace(results: string, address: CellAddress, identity: string): Promise<Place> {
  const former = await findFormer(results, address, identity);
  if (former) return former;
  const plain = recordPath(results, address);
  const paths = pathsOf(plain, identity);
  const broken: { path: string; reason: string }[] = [];
  let free: string | undefined;
  for (const path of paths) {
    const read = await readRecord(path);
    if (read === undefined) {
      if ((await workIdentity(path)) === identity) return { path, record: undefined, broken };
      // The unfinished work of another cell keeps its place, too.
      if ((await workIdentity(path)) === undefined) free ??= path;
    } else if ('reason' in read) broken.push({ path, reason: read.reason });
    else if (read.record.identity === identity) return { path, record: read.record, broken };
  }
  if (free === undefined) {
    throw new UsageError(
      `${dirname(plain)} has no place for another record of seed ${address.seed}; use another --results.`,
    );
  }
  return { path: free, record: undefined, broken };
}

/** The possible paths of a cell's record; a longer name is used only if the shorter one is taken. */
function pathsOf(plain: string, identity: string): string[] {
  return [plain, ...[8, 16, 64].map((n) => plain.replace(/\.json$/, `~${identity.slice(0, n)}.json`))];
}

/** Finds the record, or the unfinished work, under the name that an earlier version gave it. */
async function findFormer(
  results: string,
  address: CellAddress,
  identity: string,
): Promise<Place | undefined> {
  const { variant, formerly = variant } = address;
  if (formerly === variant) return undefined;
  for (const path of pathsOf(recordPath(results, { ...address, variant: formerly }), identity)) {
    const read = await readRecord(path);
    if (read && 'record' in read && read.record.identity === identity)
      return { path, record: read.record, broken: [] };
    if (!read && (await workIdentity(path)) === identity) return { path, record: undefined, broken: [] };
  }
  return undefined;
}

/**
 * Reads the record at a path, or says why it cannot be trusted; undefined if no file is there. Throws
 * UsageError if a file lies where the folder should be.
 */
export async function readRecord(path: string): Promise<ReturnType<typeof parseRecord> | undefined> {
  try {
    return parseRecord(String(await readBytes(path)));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') throw await obstacle(dirname(path));
    const message = messageOf(error);
    // Messages print the path before the reason, so the reason does not repeat it.
    return { reason: message.replace(`${path} `, 'it ').replace(/\.$/, '') };
  }
}

/** Makes the error that names the part of a path which is no folder. */
export async function obstacle(folder: string): Promise<UsageError> {
  const above = await stat(dirname(folder)).catch(() => undefined);
  const isFolder = above?.isDirectory() ?? false;
  if (!isFolder && dirname(folder) !== folder) return obstacle(dirname(folder));
  const found = await stat(folder).catch(() => undefined);
  return new UsageError(
    `${folder} is ${found ? kindOf(found) : 'no folder'}, and records need a folder there; ` +
      'move it away or use another --results.',
  );
}

/**
 * Opens the working folder of a cell and writes the cell's identity into it; throws UsageError if it cannot
 * be written.
 */
export async function openWork(path: string, identity: string): Promise<string> {
  const folder = workFolder(path);
  // Work without an identity, or of another cell, cannot be resumed.
  if ((await workIdentity(path)) !== identity) await removeWork(path);
  await makeFolder(folder);
  await removeTemporaries(join(folder, 'checkpoint.safetensors'));
  await writeFileAtomic(join(folder, 'identity'), `${identity}\n`);
  return folder;
}

/** Removes the working folder of a cell; a plain file at its path is not ours and stays. */
export async function removeWork(path: string): Promise<void> {
  const folder = workFolder(path);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) await rm(folder, { recursive: true, force: true });
}

/**
 * Writes the record of a run whose process died. The working folder stays, so that the next try resumes from
 * its checkpoint.
 */
export async function writeCrashRecord(
  path: string,
  record: RunRecord,
  beforeRename?: BeforeRename,
): Promise<void> {
  await writeSealed(path, record, beforeRename);
}

/** Writes a record and removes the working folder; throws UsageError if writing is refused. */
export async function writeRecord(
  path: string,
  record: RunRecord,
  beforeRename?: BeforeRename,
): Promise<void> {
  await writeCrashRecord(path, record, beforeRename);
  await removeWork(path);
}

/** Checks that records can be written to a folder; throws UsageError if not. */
export async function checkWritable(folder: string): Promise<void> {
  await makeFolder(folder);
  const probe = temporaryName(join(folder, 'writable'));
  try {
    await (await open(probe, 'wx')).close();
    await rm(probe);
  } catch (error) {
    throw writeError(folder, error);
  }
}

/** The identity of the cell whose unfinished work lies beside a record's path; undefined if there is none. */
export async function workIdentity(path: string): Promise<string | undefined> {
  const text = await readBytes(join(workFolder(path), 'identity')).then(String, () => '');
  return /^[0-9a-f]{64}$/.exec(text.trim())?.[0];
}
