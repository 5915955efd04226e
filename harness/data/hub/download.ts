/**
 * Downloads a repository's files into the cache. Bytes that have arrived are kept, and no file gets its name
 * before its hash was checked.
 */
import { constants } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sum } from '../../support/numbers/arithmetic.ts';
import { makeFolder, writeError } from '../../support/atomic-files.ts';
import { errorCode, UsageError } from '../../support/errors.ts';
import { digestFile } from '../../support/hash.ts';
import { Unreachable } from '../../support/network/retries.ts';
import type { HubConnection } from './connection.ts';
import type { Entry } from './listing.ts';
import { Disagreement, type Repository } from './repository.ts';

/** Which files to download, and who hears of the progress. */
export interface DownloadOptions {
  /** Selects files by path; all files by default. */
  readonly files?: (path: string) => boolean;
  /** Called as bytes arrive, with the current file, the bytes present of all files and their total. */
  readonly onProgress?: (progress: {
    readonly file: string;
    readonly done: number;
    readonly total: number;
  }) => void;
}

/** Downloads the selected files that the cache lacks. Returns the paths of all selected files, sorted. */
export async function downloadFiles(
  repository: Repository,
  commit: string,
  entries: readonly Entry[],
  { files = () => true, onProgress }: DownloadOptions,
): Promise<string[]> {
  const selected = entries.filter(({ path }) => files(path));
  const total = sum(selected.map(({ size }) => size));
  let done = 0;
  for (const entry of selected) {
    const path = join(repository.cache, commit, ...entry.path.split('/'));
    if ((await sizeOf(path)) !== entry.size) {
      const report = (bytes: number) => onProgress?.({ file: entry.path, done: done + bytes, total });
      await download(repository, commit, entry, path, report);
    }
    done += entry.size;
    onProgress?.({ file: entry.path, done, total });
  }
  return selected.map(({ path }) => path).sort();
}

/** Downloads one file to `path` by way of `<path>.incomplete`, and continues a partial file that is there. */
export async function download(
  repository: Repository,
  commit: string,
  entry: Entry,
  path: string,
  report: (bytes: number) => void,
): Promise<void> {
  const partial = `${path}.incomplete`;
  await makeFolder(dirname(path));
  try {
    if ((await sizeOf(partial)) > entry.size) await rm(partial, { force: true });
    const progress = () => sizeOf(partial);
    await repository.hub.persist(() => receive(repository, commit, entry, partial, report), { progress });
    await checkContent(repository, entry, partial);
    await rename(partial, path);
  } catch (error) {
    // Another process may have finished the same file and renamed the partial file.
    if (errorCode(error) !== 'ENOENT' || (await sizeOf(path)) !== entry.size) throw error;
  }
}

/**
 * Checks a downloaded file's sha256 (large files) or git blob sha1. Removes the file and throws Disagreement
 * where the hash differs.
 */
export async function checkContent({ hub, repo }: Repository, entry: Entry, partial: string): Promise<void> {
  const [hash, expected] = entry.lfs
    ? [await digestFile(partial, 'sha256', '', hub.signal), entry.lfs.oid]
    : [await digestFile(partial, 'sha1', `blob ${entry.size}\0`, hub.signal), entry.oid];
  if (hash === expected) return;
  await rm(partial, { force: true });
  throw new Disagreement(
    `${entry.path} of ${repo} came with the wrong content (hash ${hash}, not ${expected}) and was removed; ` +
      `try again, and distrust ${hub.url} if it stays so.`,
  );
}

/**
 * Requests a file's missing bytes once. Each byte is written at its own offset, so two processes may write
 * the same file.
 */
export async function receive(
  { hub, repo, type }: Repository,
  commit: string,
  entry: Entry,
  partial: string,
  report: (bytes: number) => void,
): Promise<void> {
  const found = await sizeOf(partial);
  if (found >= entry.size) return;
  const have = Math.max(0, found);
  const prefix = type === 'model' ? '' : `${type}s/`;
  const path = entry.path.split('/').map(encodeURIComponent).join('/');
  const address = `${hub.url}/${prefix}${repo}/resolve/${commit}/${path}`;
  const answer = await hub.open(address, {
    'accept-encoding': 'identity',
    ...(have > 0 && { range: `bytes=${have}-` }),
  });
  const listed = `the ${entry.size} bytes that it lists`;
  if (answer.status === 416) {
    answer.close();
    await rm(partial, { force: true });
    throw new Disagreement(`${hub.url} has fewer bytes of ${entry.path} than ${listed}; try again.`);
  }
  // A server may ignore the requested range and send the whole file (200).
  const range = /^bytes (\d+)-/.exec(answer.headers.get('content-range') ?? '')?.[1];
  const from = answer.status === 206 ? range : '0';
  let position = Number(from);
  if (from === undefined || position > have) {
    answer.close();
    throw new UsageError(`${hub.url} sent another part of ${entry.path} than was asked for; try again.`);
  }
  try {
    // A partial file is only opened, never created: if it was removed meanwhile, a new one would have a hole.
    const file = await open(partial, have > 0 ? 'r+' : constants.O_WRONLY | constants.O_CREAT);
    try {
      for await (const chunk of answer.bytes()) {
        if (position + chunk.length > entry.size) {
          throw new Disagreement(`${hub.url} sends more of ${entry.path} than ${listed}; try again.`);
        }
        await file.write(chunk, 0, chunk.length, position);
        position += chunk.length;
        report(position);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    answer.close();
    if (!(error instanceof Unreachable) || error.note !== undefined) throw writeError(partial, error);
    throw new Unreachable(cutOff(hub, repo, entry, position), { cause: error });
  }
  if (position === entry.size) return;
  // A hub that announced a length and sent as much has no more bytes.
  const isWhole = ['content-length', 'transfer-encoding'].some((name) => answer.headers.has(name));
  throw isWhole
    ? new Disagreement(`${hub.url} sends fewer bytes of ${entry.path} than ${listed}; try again.`)
    : new Unreachable(cutOff(hub, repo, entry, position), {});
}

/** The message for a connection that broke off after `bytes` bytes of a file. */
export function cutOff(hub: HubConnection, repo: string, entry: Entry, bytes: number): string {
  return (
    `The connection to ${new URL(hub.url).host} broke off in ${entry.path} of ${repo} (${bytes} of ` +
    `${entry.size} bytes); run the command again, it goes on from there.`
  );
}

/** Returns a file's size in bytes; -1 where it does not exist. */
export async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => -1,
  );
}
