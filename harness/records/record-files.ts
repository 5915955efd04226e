/** Where cells have their records, and working folders until then. */
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

/** What decides where a cell's record lies. */
export interface CellAddress {
  readonly task: string;
  readonly model: string;
  /** As Variant.name. */
  readonly variant: string;
  /** Under which name earlier versions kept it, where that differs. */
  readonly formerly?: string;
  readonly seed: number;
}

/** Where a cell's record stands or will stand. */
export interface Place {
  /** The path of the record. */
  readonly path: string;
  readonly record: RunRecord | undefined;
  /** Files in the way that cannot be trusted, with the reason. */
  readonly broken: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * The path of a cell's record where nothing else lies there:
 * results/<task>/<model>/<method>[~variant]/seed-<n>.json.
 */
export function recordPath(results: string, { task, model, variant, seed }: CellAddress): string {
  return join(results, task, model.replaceAll('/', '--'), variant.replaceAll('/', '--'), `seed-${seed}.json`);
}

/** What the names of all of a cell's files begin with: a record's path without its ending. */
export function cellName(path: string): string {
  return path.replace(/\.json$/, '');
}

/** A file beside a record: `seed-42.steps.jsonl`. */
export function besideRecord(path: string, ending: string): string {
  return `${cellName(path)}.${ending}`;
}

/** The working folder of a cell while it runs. */
export function workFolder(path: string): string {
  return besideRecord(path, 'work');
}

/**
 * Finds a cell's record, or the path where it is to be written. What lies there with another identity, or
 * cannot be trusted, stays as it is: the new record is called `seed-<n>~<short hash>.json`.
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
      // Another cell's unfinished work keeps its place, too.
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

/** Where a cell's record may lie: longer names serve only where another file has taken the shorter one. */
function pathsOf(plain: string, identity: string): string[] {
  return [plain, ...[8, 16, 64].map((n) => plain.replace(/\.json$/, `~${identity.slice(0, n)}.json`))];
}

/** The record, or the unfinished work, that an earlier version left under another name. */
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
 * The record at a path, why it cannot be trusted, or undefined where nothing lies there. Throws UsageError
 * where a file is in the way of the folder.
 */
export async function readRecord(path: string): Promise<ReturnType<typeof parseRecord> | undefined> {
  try {
    return parseRecord(String(await readBytes(path)));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') throw await obstacle(dirname(path));
    const message = messageOf(error);
    // The path stands before it wherever the reason is printed.
    return { reason: message.replace(`${path} `, 'it ').replace(/\.$/, '') };
  }
}

/** What to say where a part of a folder's path is no folder. */
async function obstacle(folder: string): Promise<UsageError> {
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
 * Opens the working folder of a cell, and marks it as this cell's; throws UsageError where it cannot be
 * written.
 */
export async function openWork(path: string, identity: string): Promise<string> {
  const folder = workFolder(path);
  // What does not say whose it is cannot be gone on with.
  if ((await workIdentity(path)) !== identity) await removeWork(path);
  await makeFolder(folder);
  await removeTemporaries(join(folder, 'checkpoint.safetensors'));
  await writeFileAtomic(join(folder, 'identity'), `${identity}\n`);
  return folder;
}

/** Removes the working folder of a cell; a file that lies in its place is not ours. */
export async function removeWork(path: string): Promise<void> {
  const folder = workFolder(path);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) await rm(folder, { recursive: true, force: true });
}

/**
 * Writes the record of a run whose process died; the working folder stays, so that another try goes on from
 * its checkpoint.
 */
export async function writeCrashRecord(
  path: string,
  record: RunRecord,
  beforeRename?: BeforeRename,
): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(record, undefined, 2)}\n`, beforeRename);
}

/** Writes a record, after which the working folder has served; throws UsageError where writing is refused. */
export async function writeRecord(
  path: string,
  record: RunRecord,
  beforeRename?: BeforeRename,
): Promise<void> {
  await writeCrashRecord(path, record, beforeRename);
  await removeWork(path);
}

/** Makes sure that records can be written in a folder; throws UsageError where they cannot. */
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

/** Whose unfinished work lies beside a record's place; undefined where it does not say. */
export async function workIdentity(path: string): Promise<string | undefined> {
  const text = await readBytes(join(workFolder(path), 'identity')).then(String, () => '');
  return /^[0-9a-f]{64}$/.exec(text.trim())?.[0];
}
