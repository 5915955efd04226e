import { randomUUID } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, writeError, writeFileAtomic } from '../data/atomic.ts';
import { errorCode, UsageError } from '../data/errors.ts';
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

/** The path of a cell's record where nothing else lies there: results/<task>/<model>/<method>[~variant]/seed-<n>.json. */
export function recordPath(results: string, { task, model, variant, seed }: CellAddress): string {
  return join(results, task, model.replaceAll('/', '--'), variant.replaceAll('/', '--'), `seed-${seed}.json`);
}

/** The working folder of a cell while it runs. */
export function workFolder(path: string): string {
  return path.replace(/\.json$/, '.work');
}

/** A file beside a record: `seed-42.steps.jsonl`. */
export function besideRecord(path: string, ending: string): string {
  return path.replace(/\.json$/, `.${ending}`);
}

/**
 * Finds a cell's record, or the path where it is to be written. What lies there with another identity, or cannot be
 * trusted, stays as it is: the new record is called `seed-<n>~<short hash>.json`.
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

/** The record at a path, why it cannot be trusted, or undefined where there is no file. */
export async function readRecord(path: string): Promise<ReturnType<typeof parseRecord> | undefined> {
  try {
    return parseRecord(await readFile(path, 'utf8'));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    return { reason: `it cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Opens the working folder of a cell, and marks it as this cell's; throws UsageError where it cannot be written. */
export async function openWork(path: string, identity: string): Promise<string> {
  const folder = workFolder(path);
  await makeFolder(folder);
  await writeFileAtomic(join(folder, 'identity'), `${identity}\n`);
  return folder;
}

/** Writes the record of a run whose process died; the working folder stays, so that another try goes on from its checkpoint. */
export async function writeCrashRecord(path: string, record: RunRecord): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Writes a record, after which the working folder has served; throws UsageError where writing is refused. */
export async function writeRecord(path: string, record: RunRecord): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(record, undefined, 2)}\n`);
  await rm(workFolder(path), { recursive: true, force: true });
}

/** Makes sure that records can be written in a folder; throws UsageError where they cannot. */
export async function checkWritable(folder: string): Promise<void> {
  await makeFolder(folder);
  const probe = join(folder, `.${randomUUID()}.tmp`);
  try {
    await (await open(probe, 'wx')).close();
    await rm(probe);
  } catch (error) {
    throw writeError(folder, error);
  }
}

/** Whose unfinished work lies beside a record's place. */
export async function workIdentity(path: string): Promise<string | undefined> {
  const text = await readFile(join(workFolder(path), 'identity'), 'utf8').catch(() => undefined);
  return text?.trim();
}
