import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { errorCode, UsageError } from '../data/errors.ts';
import type { RunRecord } from './record.ts';
import { readRecord } from './store.ts';

/** A record and where it lies, below the results folder and with forward slashes. */
export interface FoundRecord {
  readonly path: string;
  readonly record: RunRecord;
}

/** A file below the results folder that is not used, and why. */
export interface Untrusted {
  readonly path: string;
  readonly reason: string;
}

/** Files larger than this are not ours: records take some kilobytes, logs and predictions some megabytes. */
const largest = { record: 16e6, lines: 256e6 };

/**
 * Reads every record below a results folder, in the order of their paths. What is broken, of another schema or changed by
 * hand is listed with its reason and left as it is; so is a second record of the same cell, the newer one counts. Throws
 * UsageError where there is no such folder.
 */
export async function collectRecords(
  results: string,
): Promise<{ records: FoundRecord[]; untrusted: Untrusted[] }> {
  const untrusted: Untrusted[] = [];
  const byIdentity = new Map<string, FoundRecord>();
  const files = await together(await recordFiles(results), async (path) => ({
    path,
    read: await readSmall(join(results, path)),
  }));
  for (const { path, read } of files) {
    if (read === undefined) continue;
    if ('reason' in read) {
      untrusted.push({ path, reason: read.reason });
      continue;
    }
    const found = { path, record: read.record };
    const other = byIdentity.get(read.record.identity);
    const [kept, left] = other && other.record.ended >= found.record.ended ? [other, found] : [found, other];
    byIdentity.set(read.record.identity, kept);
    if (left) untrusted.push({ path: left.path, reason: `it is of the same cell as ${kept.path}` });
  }
  return { records: [...byIdentity.values()], untrusted };
}

async function readSmall(file: string): ReturnType<typeof readRecord> {
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  return size > largest.record ? { reason: `it has ${size} bytes, no record has` } : readRecord(file);
}

/** Reads some files at a time, which the disk serves faster than one after the other; answers in the order of the items. */
export async function together<Item, Answer>(
  items: readonly Item[],
  read: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let at = 0; at < items.length; at += 16) {
    answers.push(...(await Promise.all(items.slice(at, at + 16).map(read))));
  }
  return answers;
}

/** Paths of the JSON files below a folder; working folders and the gate's baseline are left out. */
async function recordFiles(results: string): Promise<string[]> {
  const walk = async (below: string): Promise<string[]> => {
    const entries = await readdir(join(results, below), { withFileTypes: true });
    const paths: string[] = [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = posix.join(below, entry.name);
      if (entry.name.startsWith('.') || entry.name.endsWith('.work') || path === 'baseline') continue;
      if (entry.isDirectory()) paths.push(...(await walk(path)));
      else if (entry.isFile() && entry.name.endsWith('.json')) paths.push(path);
    }
    return paths;
  };
  try {
    return await walk('');
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? 'is not there' : 'cannot be read';
    throw new UsageError(`The results folder ${results} ${reason}; --results names another.`, {
      cause: error,
    });
  }
}

/**
 * The rows of a file beside a record, unchecked but for the sha256 that the record gives; undefined where the run has no such
 * file, or the reason why it cannot be trusted.
 */
export async function readRows(
  results: string,
  { path, record }: FoundRecord,
  kind: 'steps' | 'predictions',
): Promise<{ rows: unknown[] } | Untrusted | undefined> {
  const described = record.files[kind];
  if (!described) return undefined;
  const beside = posix.join(posix.dirname(path), described.name);
  if (/[/\\]/.test(described.name)) return { path, reason: `it names a file elsewhere, ${described.name}` };
  const file = join(results, dirname(path), described.name);
  try {
    const { size } = await stat(file);
    if (size > largest.lines) return { path: beside, reason: `it has ${size} bytes, no such file has` };
    const text = await readFile(file, 'utf8');
    if (createHash('sha256').update(text).digest('hex') !== described.sha256) {
      return { path: beside, reason: 'its content does not fit the hash in its record' };
    }
    return { rows: text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown])) };
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? 'it is missing' : 'it cannot be read as lines of JSON';
    return { path: beside, reason };
  }
}
