/** Reads what lies below a results folder, and writes nothing there. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { errorCode, UsageError } from '../support/errors.ts';
import { forgetting } from './beside/forgetting.ts';
import { tokenTimes, type TokenTimes } from './beside/token-times.ts';
import { kindOf, readBytes } from '../support/read-files.ts';
import type { RunRecord } from './record.ts';
import { readRecord } from './record-files.ts';

/** A record with its path below the results folder, in forward slashes. */
export interface FoundRecord {
  readonly path: string;
  readonly record: RunRecord;
}

/** A file of the results folder that is not used, with the reason. */
export interface Untrusted {
  readonly path: string;
  readonly reason: string;
}

/** The size of the largest file read: records take kilobytes, logs and predictions some megabytes. */
const largest = { record: 16e6, lines: 256e6 };

/**
 * What a results folder holds beside records of runs: the baseline of `check`, records of evaluations and of
 * judgements, and the recipes of `tune`.
 */
const notRuns = ['baseline', 'evaluations', 'judgements', 'tuned.json'];

/**
 * Reads every record below a results folder, ordered by path. A file that is broken, of another schema or
 * changed by hand is listed with its reason and stays as it is. Of two records of the same cell the newer one
 * counts, the other is listed. Throws UsageError if the folder is missing.
 */
export async function collectRecords(
  results: string,
): Promise<{ records: FoundRecord[]; untrusted: Untrusted[] }> {
  const found = await resultsFiles(results);
  const untrusted: Untrusted[] = [...found.unread];
  const byIdentity = new Map<string, FoundRecord>();
  let others = 0;
  const paths = found.files.filter(
    (path) => path.endsWith('.json') && !notRuns.includes(path.split('/')[0]!),
  );
  const files = await together(paths, async (path) => ({
    path,
    read: await readSmall(join(results, path)),
  }));
  for (const { path, read } of files) {
    if (read === undefined) continue;
    if ('reason' in read) {
      // A folder may hold thousands of other JSON files.
      if (/^seed-\d/.test(basename(path))) untrusted.push({ path, reason: read.reason });
      else others++;
      continue;
    }
    const found = { path, record: read.record };
    const other = byIdentity.get(read.record.identity);
    const [kept, left] = other && other.record.ended >= found.record.ended ? [other, found] : [found, other];
    byIdentity.set(read.record.identity, kept);
    if (left) untrusted.push({ path: left.path, reason: `it is of the same cell as ${kept.path}` });
  }
  if (others > 0)
    untrusted.push({
      path: `*.json (${others} file${others > 1 ? 's' : ''})`,
      reason: 'no run wrote what lies there',
    });
  return { records: [...byIdentity.values()], untrusted };
}

async function readSmall(file: string): ReturnType<typeof readRecord> {
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  return size > largest.record ? { reason: `it has ${size} bytes, no record has` } : readRecord(file);
}

/**
 * Applies `read` to several items at once, because disks serve parallel reads faster; answers keep the items'
 * order.
 */
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

/**
 * Lists the files and folders below a results folder, but not the content of working folders, and what cannot
 * be read. Throws UsageError if the folder is missing.
 */
export async function resultsFiles(
  results: string,
): Promise<{ readonly files: string[]; readonly work: string[]; readonly unread: Untrusted[] }> {
  const [files, work, unread] = [[] as string[], [] as string[], [] as Untrusted[]];
  const walk = async (below: string): Promise<void> => {
    let entries;
    try {
      entries = await readdir(join(results, below), { withFileTypes: true });
    } catch (error) {
      if (below === '') throw error;
      unread.push({ path: below, reason: `it cannot be read (${errorCode(error) ?? 'unknown error'})` });
      return;
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = posix.join(below, entry.name);
      if (entry.name.startsWith('.')) continue;
      if (/^seed-\d.*\.(json|lock)$/.test(entry.name) && !entry.isFile() && !entry.isSymbolicLink()) {
        unread.push({ path, reason: `it is ${kindOf(entry)}, not a file` });
      } else if (entry.name.endsWith('.work')) work.push(path);
      else if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) files.push(path);
    }
  };
  try {
    await walk('');
  } catch (error) {
    const found = await stat(results).catch(() => undefined);
    const wrong = found?.isDirectory() === false ? `is ${kindOf(found)}, not a folder` : 'cannot be read';
    const reason = errorCode(error) === 'ENOENT' ? 'is not there' : wrong;
    throw new UsageError(`The results folder ${results} ${reason}; --results names another.`, {
      cause: error,
    });
  }
  return { files, work, unread };
}

/** What the files beside a record say of its costs; what was not measured is undefined. */
export interface CostsBeside {
  /** The size of the file of trained tensors. */
  readonly adapterBytes?: number | undefined;
  /** The loss a token on fixed texts after training, less that before. */
  readonly forgetting?: number | undefined;
  readonly tokenTimes?: TokenTimes | undefined;
}

/** Reads what the files beside a record say of its costs. */
export async function costsBeside(results: string, found: FoundRecord): Promise<CostsBeside> {
  const losses = await forgetting.read(results, found);
  return {
    adapterBytes: await adapterBytes(results, found),
    forgetting: losses && losses.after - losses.before,
    tokenTimes: await tokenTimes.read(results, found),
  };
}

/** The size of the file of trained tensors beside a record; undefined if there is none. */
async function adapterBytes(results: string, { path, record }: FoundRecord): Promise<number | undefined> {
  const name = record.files.tensors?.name;
  if (name === undefined || /[/\\]/.test(name)) return undefined;
  return (await stat(join(results, dirname(path), name)).catch(() => undefined))?.size;
}

/** The rows of a file beside a record as `parse` reads them; undefined where they are missing or not to be trusted. */
export async function readParsed<Rows>(
  results: string,
  found: FoundRecord,
  kind: 'steps' | 'predictions',
  parse: (rows: unknown[]) => Rows,
): Promise<Rows | undefined> {
  const read = await readRows(results, found, kind);
  if (!read || 'reason' in read) return undefined;
  try {
    return parse(read.rows);
  } catch {
    return undefined;
  }
}

/**
 * Reads the rows of a JSON-lines file beside a record. Only their sha256 is checked, against the record.
 * Undefined if the run has no such file; a reason if the file cannot be trusted.
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
    const text = String(await readBytes(file));
    if (createHash('sha256').update(text).digest('hex') !== described.sha256) {
      return { path: beside, reason: 'its content does not fit the hash in its record' };
    }
    return { rows: text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown])) };
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? 'it is missing' : 'it cannot be read as lines of JSON';
    return { path: beside, reason };
  }
}
