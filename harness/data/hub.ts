import { constants } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { makeFolder, writeError, writeFileAtomic } from './atomic.ts';
import { errorCode, UsageError } from './errors.ts';
import { digestFile } from './hash.ts';

/** How a fetch is stopped, and how it tells of itself. */
export interface FetchOptions {
  /** Its abort ends the fetch within moments, by throwing the signal's reason; what has arrived is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a line for the user, such as that the hub asks to wait. */
  readonly onNote?: ((text: string) => void) | undefined;
}

export interface HubRequest extends FetchOptions {
  /** As the hub writes it: `gpt2` or `tuetschek/e2e_nlg`. */
  readonly repo: string;
  readonly type: 'model' | 'dataset';
  /** A branch, tag or commit; `main` unless given. */
  readonly revision?: string;
  /** Which files; all unless given. */
  readonly files?: (path: string) => boolean;
  /** Called as bytes arrive: of which file, how many of all files are there, how many there will be. */
  readonly onProgress?: (progress: {
    readonly file: string;
    readonly done: number;
    readonly total: number;
  }) => void;
}

/** Where a request's files lie: `files` are paths within `folder`, sorted. */
export interface HubFolder {
  readonly folder: string;
  readonly commit: string;
  readonly files: readonly string[];
}

/** What the hub says of a file: its size in bytes, git's blob sha1, and for large files the content's sha256. */
const entrySchema = z.object({
  path: z.string(),
  size: z.int().nonnegative(),
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
});
type Entry = z.infer<typeof entrySchema>;

/** Attempts that bring nothing new before a download gives up. */
const patience = 4;

/**
 * Brings files of a hub repository into the cache and returns their folder; what is there is not fetched again, and
 * where the network is down a repository that is complete serves as it is. A download cut off goes on where it ended,
 * and every file's hash is checked before it gets its name. Throws UsageError for what the hub or the network refuses.
 *
 * The cache is `<HF_HOME>/deltabench/<type>s--<org>--<name>/`, HF_HOME being ~/.cache/huggingface unless set:
 * `refs/<revision>` holds the commit, `listings/<commit>.json` the hub's list of files, `<commit>/` the files.
 * HF_ENDPOINT names another hub, HF_TOKEN opens private and gated repositories.
 */
export async function fetchFromHub(request: HubRequest): Promise<HubFolder> {
  const { repo, type, revision = 'main', files = () => true, onProgress, signal } = request;
  checkNames(repo, revision);
  const home =
    process.env.HF_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const cache = join(home, 'deltabench', [`${type}s`, ...repo.split('/')].join('--'));
  const hub = await connect(repo, type, revision, signal);
  const commit = await resolveCommit(hub, cache, revision);
  const wanted = (await listRepository(hub, cache, commit)).filter(({ path }) => files(path));
  const folder = join(cache, commit);
  const total = wanted.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const entry of wanted) {
    const path = join(folder, ...entry.path.split('/'));
    if ((await sizeOf(path)) !== entry.size) {
      const report = (bytes: number) => onProgress?.({ file: entry.path, done: done + bytes, total });
      await download(hub, commit, entry, path, report);
    }
    done += entry.size;
    onProgress?.({ file: entry.path, done, total });
  }
  return { folder, commit, files: wanted.map(({ path }) => path).sort() };
}

function checkNames(repo: string, revision: string): void {
  const name = /^(?!.*\.\.)[\w][\w.-]*(\/[\w][\w.-]*)?$/;
  if (!name.test(repo)) {
    throw new UsageError(`"${repo}" is no name of a hub repository; it has the form NAME or OWNER/NAME.`);
  }
  if (!/^(?!.*\.\.)[\w][\w./-]*$/.test(revision)) {
    throw new UsageError(`"${revision}" is no revision; give a branch, a tag or a commit.`);
  }
}

/** The network could not be reached, as opposed to a hub that answered no. */
class Unreachable extends UsageError {}

interface Hub {
  readonly url: string;
  readonly library: typeof import('@huggingface/hub');
  readonly repo: string;
  readonly type: 'model' | 'dataset';
  /** Fetches with the token where it belongs; throws UsageError unless the answer is a success. */
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal | undefined;
}

async function connect(
  repo: string,
  type: 'model' | 'dataset',
  revision: string,
  signal?: AbortSignal,
): Promise<Hub> {
  const library = await import('@huggingface/hub');
  const url = (process.env.HF_ENDPOINT ?? library.HUB_URL).replace(/\/+$/, '');
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(`HF_ENDPOINT is "${url}"; it must be the http(s) address of a hub.`);
  }
  const token = process.env.HF_TOKEN?.trim();
  if (token && /[^!-~]/.test(token)) {
    // Said here, because the error of fetch would print the token.
    throw new UsageError('HF_TOKEN holds characters that no token has; copy it again.');
  }
  const name = `${type} ${repo}`;
  const fetchFrom = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    let target = new URL(input instanceof Request ? input.url : input);
    for (let hops = 0; hops < 6; hops++) {
      const headers = new Headers(init?.headers);
      // The token goes to the hub alone: not to the stores that it redirects to, nor where a list's next page points.
      if (token && target.origin === new URL(url).origin) headers.set('authorization', `Bearer ${token}`);
      let response: Response;
      try {
        response = await fetch(target, {
          ...init,
          headers,
          redirect: 'manual',
          ...(signal && { signal }),
        });
      } catch (error) {
        signal?.throwIfAborted();
        throw new Unreachable(unreachable(name, target, error), { cause: error });
      }
      const next = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && next) {
        await response.body?.cancel();
        target = new URL(next, target);
        if (!/^https?:$/.test(target.protocol)) break;
        continue;
      }
      if (response.ok) return response;
      await response.body?.cancel();
      throw refusal(response, name, revision, url, Boolean(token));
    }
    throw new UsageError(`${url} redirects the ${name} nowhere; is HF_ENDPOINT right?`);
  };
  return { url, library, repo, type, fetch: fetchFrom, signal };
}

function unreachable(name: string, target: URL, error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = errorCode(cause) ?? (cause instanceof Error ? cause.message : String(cause));
  return `Cannot reach ${target.host} for the ${name} (${why}), and the cache does not have all of it; connect, or set HF_ENDPOINT to a hub that can be reached.`;
}

function refusal(
  response: Response,
  name: string,
  revision: string,
  url: string,
  hasToken: boolean,
): UsageError {
  const { status } = response;
  if (status === 401 || status === 403) {
    return new UsageError(
      hasToken
        ? `${url} refuses the ${name} to the token in HF_TOKEN (${status}): check that the name is right and ask for access on its page.`
        : `${url} has no public ${name} (${status}): check the name, or set HF_TOKEN if it is private or gated.`,
    );
  }
  if (status === 404) {
    const what =
      response.headers.get('x-error-code') === 'RevisionNotFound'
        ? `revision "${revision}" of the ${name}`
        : name;
    return new UsageError(`${url} has no ${what} (404); check the name.`);
  }
  const message = `${url} answers ${status} for the ${name}; try again later.`;
  // An overloaded hub is like none: worth another attempt, and the cache may serve.
  return status === 429 || status >= 500 ? new Unreachable(message) : new UsageError(message);
}

/** The commit that a revision stands for: the hub's word, else what it said last. */
async function resolveCommit(hub: Hub, cache: string, revision: string): Promise<string> {
  const commitPattern = /^[0-9a-f]{40}$/;
  if (commitPattern.test(revision)) return revision;
  const ref = join(cache, 'refs', encodeURIComponent(revision));
  const { library, repo, url, type } = hub;
  const asked = { name: repo, revision, hubUrl: url, fetch: hub.fetch, additionalFields: ['sha'] as ['sha'] };
  try {
    const { sha } = await (type === 'model' ? library.modelInfo(asked) : library.datasetInfo(asked));
    if (!commitPattern.test(sha))
      throw new UsageError(`${url} names no commit for ${repo}; is HF_ENDPOINT right?`);
    await writeCached(ref, sha);
    return sha;
  } catch (error) {
    const known = error instanceof Unreachable ? await readFile(ref, 'utf8').catch(() => '') : '';
    if (commitPattern.test(known)) return known;
    hub.signal?.throwIfAborted();
    throw clear(error, url);
  }
}

/** The files of a commit; a commit never changes, so its list is fetched once. */
async function listRepository(hub: Hub, cache: string, commit: string): Promise<Entry[]> {
  const path = join(cache, 'listings', `${commit}.json`);
  const schema = z.array(entrySchema);
  const stored = await readFile(path, 'utf8').then(
    (text) => schema.safeParse(JSON.parse(text)).data,
    () => undefined,
  );
  const { library, repo, type, url } = hub;
  const entries: Entry[] = stored ?? [];
  if (!stored) {
    try {
      const listing = library.listFiles({
        repo: { type, name: repo },
        revision: commit,
        recursive: true,
        hubUrl: url,
        fetch: hub.fetch,
      });
      for await (const entry of listing) if (entry.type === 'file') entries.push(entrySchema.parse(entry));
    } catch (error) {
      hub.signal?.throwIfAborted();
      throw clear(error, url);
    }
    await writeCached(path, JSON.stringify(entries));
  }
  for (const entry of entries) {
    const parts = entry.path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..' || /[\\:\0]/.test(part))) {
      throw new UsageError(
        `${url} lists ${JSON.stringify(entry.path)} in ${repo}: a path that could leave the cache; nothing was fetched.`,
      );
    }
  }
  return entries;
}

/** A UsageError as it is; anything else is an answer that the library could not read. */
function clear(error: unknown, url: string): UsageError {
  return error instanceof UsageError
    ? error
    : new UsageError(`${url} does not answer as a hub does; is HF_ENDPOINT right?`, { cause: error });
}

async function writeCached(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  await writeFileAtomic(path, text);
}

async function download(
  hub: Hub,
  commit: string,
  entry: Entry,
  path: string,
  report: (bytes: number) => void,
): Promise<void> {
  const partial = `${path}.incomplete`;
  await makeFolder(dirname(path));
  try {
    await receiveAll(hub, commit, entry, partial, report);
    await checkContent(hub, entry, partial);
    await rename(partial, path);
  } catch (error) {
    // Another process at the same file may have finished it and taken the partial file away.
    if (errorCode(error) !== 'ENOENT' || (await sizeOf(path)) !== entry.size) throw error;
  }
}

async function receiveAll(
  hub: Hub,
  commit: string,
  entry: Entry,
  partial: string,
  report: (bytes: number) => void,
): Promise<void> {
  if ((await sizeOf(partial)) > entry.size) await rm(partial, { force: true });
  let failures = 0;
  for (let have = await sizeOf(partial); have < entry.size || have < 0;) {
    try {
      await receive(hub, commit, entry, partial, report);
      return;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      const before = have;
      have = await sizeOf(partial);
      failures = have > before ? 0 : failures + 1;
      if (failures === patience) throw error;
      await sleep(100 * 3 ** failures, undefined, { signal: hub.signal }).catch(() => undefined);
      hub.signal?.throwIfAborted();
    }
  }
}

async function checkContent(hub: Hub, entry: Entry, partial: string): Promise<void> {
  const [hash, expected] = entry.lfs
    ? [await digestFile(partial, 'sha256'), entry.lfs.oid]
    : [await digestFile(partial, 'sha1', `blob ${entry.size}\0`), entry.oid];
  if (hash === expected) return;
  await rm(partial, { force: true });
  throw new UsageError(
    `${entry.path} of ${hub.repo} came with the wrong content (hash ${hash}, not ${expected}) and was removed; try again, and distrust ${hub.url} if it stays so.`,
  );
}

/** One attempt at the rest of a file. Bytes are written at their own place, so two processes at the same file do no harm. */
async function receive(
  hub: Hub,
  commit: string,
  entry: Entry,
  partial: string,
  report: (bytes: number) => void,
): Promise<void> {
  const have = Math.max(0, await sizeOf(partial));
  const prefix = hub.type === 'dataset' ? 'datasets/' : '';
  const address = `${hub.url}/${prefix}${hub.repo}/resolve/${commit}/${entry.path.split('/').map(encodeURIComponent).join('/')}`;
  const response = await hub.fetch(address, {
    headers: { 'accept-encoding': 'identity', ...(have > 0 && { range: `bytes=${have}-` }) },
  });
  // A server may ignore the range and send everything (200).
  const from =
    response.status === 206 ? /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] : '0';
  let position = Number(from);
  if (from === undefined || position > have) {
    await response.body?.cancel();
    throw new UsageError(`${hub.url} sent another part of ${entry.path} than was asked for; try again.`);
  }
  // Made only where nothing is there: were it taken away in between, a new file would have a hole.
  const file = await open(partial, have > 0 ? 'r+' : constants.O_WRONLY | constants.O_CREAT);
  try {
    for await (const chunk of chunks(response, hub, entry)) {
      if (position + chunk.length > entry.size) {
        throw new UsageError(
          `${hub.url} sends more of ${entry.path} than the ${entry.size} bytes that it lists; try again.`,
        );
      }
      await file.write(chunk, 0, chunk.length, position);
      position += chunk.length;
      report(position);
    }
    await file.sync();
  } catch (error) {
    throw writeError(partial, error);
  } finally {
    await file.close();
  }
  if (position < entry.size) throw new Unreachable(cutOff(hub, entry, position));
}

/** The response's bytes; a connection that breaks is Unreachable. */
async function* chunks(response: Response, hub: Hub, entry: Entry): AsyncGenerator<Uint8Array> {
  let position = 0;
  try {
    for await (const chunk of response.body ?? []) {
      yield chunk as Uint8Array;
      position += (chunk as Uint8Array).length;
    }
  } catch (error) {
    hub.signal?.throwIfAborted();
    throw new Unreachable(cutOff(hub, entry, position), { cause: error });
  }
}

function cutOff(hub: Hub, entry: Entry, bytes: number): string {
  return `The connection to ${new URL(hub.url).host} broke off in ${entry.path} of ${hub.repo} (${bytes} of ${entry.size} bytes); run the command again, it goes on from there.`;
}

/** A file's size in bytes, -1 where there is none. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => -1,
  );
}
