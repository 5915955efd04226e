/** Brings files of the hub's repositories into a cache on this machine, each checked against the hub's list of files. */
import { constants } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { makeFolder, writeError, writeFileAtomic } from '../../support/atomic-files.ts';
import { errorCode, UsageError } from '../../support/errors.ts';
import { digestFile } from '../../support/hash.ts';
import { HubConnection, Unreachable, type FetchOptions } from './connection.ts';

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
  /** Milliseconds without a byte after which a connection counts as broken off; 30,000 unless given. */
  readonly silence?: number;
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

const commitPattern = /^[0-9a-f]{40}$/;
/** Pages of a list of files, and bytes of all of them; the hub's pages have a thousand files. */
const mostPages = 1000;
const longestList = 100e6;

/** What the hub sends is not what its list of files says. */
class Disagreement extends UsageError {}

/** A repository, and who is asked for it. */
interface Source {
  readonly library: typeof import('@huggingface/hub');
  readonly hub: HubConnection;
  readonly repo: string;
  readonly type: 'model' | 'dataset';
  /** The folder of all that is kept of the repository. */
  readonly cache: string;
}

/**
 * Brings files of a hub repository into the cache and returns their folder; what is there is not fetched again, and
 * where the network is down a repository that is complete serves as it is. A download cut off goes on where it ended,
 * and every file's hash is checked before it gets its name. Throws UsageError for what the hub or the network refuses,
 * the signal's reason where it is aborted.
 *
 * The cache is `<HF_HOME>/deltabench/<type>s--<org>--<name>/`, HF_HOME being ~/.cache/huggingface unless set:
 * `refs/<revision>` holds the commit, `listings/<commit>.json` the hub's list of files, `<commit>/` the files.
 * HF_ENDPOINT names another hub, HF_TOKEN opens private and gated repositories.
 */
export async function fetchFromHub(request: HubRequest): Promise<HubFolder> {
  const { repo, type, revision = 'main' } = request;
  checkNames(repo, revision);
  const home =
    process.env.HF_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const cache = join(home, 'deltabench', [`${type}s`, ...repo.split('/')].join('--'));
  const library = await import('@huggingface/hub');
  const hub = new HubConnection(library.HUB_URL, { ...request, name: `${type} ${repo}`, revision });
  const source: Source = { library, hub, repo, type, cache };
  const commit = await resolveCommit(source, revision);
  const folder = join(cache, commit);
  const listing = join(cache, 'listings', `${commit}.json`);
  const kept = await readListing(listing);
  if (kept) {
    try {
      return { folder, commit, files: await bring(source, commit, kept, request) };
    } catch (error) {
      // It may be the list that is wrong: the hub is asked for it once more.
      if (!(error instanceof Disagreement)) throw error;
    }
  }
  const entries = await askForListing(source, commit);
  const files = await bring(source, commit, entries, request);
  // Kept only now, when the files have proved it right; an empty one tells nothing.
  if (entries.length > 0) await writeCached(listing, JSON.stringify(entries));
  return { folder, commit, files };
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

/** The commit that a revision stands for: the hub's word, else what it said last. */
async function resolveCommit(source: Source, revision: string): Promise<string> {
  if (commitPattern.test(revision)) return revision;
  const { cache, hub, library, repo, type } = source;
  const ref = join(cache, 'refs', encodeURIComponent(revision));
  const text = await readFile(ref, 'utf8').catch(() => '');
  const known = commitPattern.test(text) ? text : undefined;
  const asked = {
    name: repo,
    revision,
    hubUrl: hub.url,
    // Where the cache can serve, nobody waits for a hub that does not answer.
    fetch: (address: Parameters<typeof fetch>[0]) => hub.answer(addressOf(address), known ? 1 : undefined),
    additionalFields: ['sha'] as ['sha'],
  };
  try {
    const { sha } = await (type === 'model' ? library.modelInfo(asked) : library.datasetInfo(asked));
    if (!commitPattern.test(sha)) {
      throw new UsageError(`${hub.url} names no commit for ${repo}; is HF_ENDPOINT right?`);
    }
    if (sha !== known) await writeCached(ref, sha);
    return sha;
  } catch (error) {
    if (known && error instanceof Unreachable) return known;
    throw clear(error, hub);
  }
}

/** The list of a commit's files that is in the cache; undefined where there is none that passes. */
async function readListing(path: string): Promise<Entry[] | undefined> {
  try {
    const entries = z.array(entrySchema).parse(JSON.parse(await readFile(path, 'utf8')));
    return fault(entries) === undefined ? entries : undefined;
  } catch {
    return undefined;
  }
}

/** The hub's list of a commit's files. */
async function askForListing({ hub, library, repo, type }: Source, commit: string): Promise<Entry[]> {
  const asked = new Set<string>();
  let size = 0;
  const ask = async (input: Parameters<typeof fetch>[0]): Promise<Response> => {
    const address = addressOf(input);
    if (asked.has(address) || asked.size === mostPages || size > longestList) {
      throw new UsageError(
        `${hub.url} lists the files of ${repo} without end: page ${asked.size} says that ${asked.has(address) ? 'one that came before' : 'another'} is the next; nothing was fetched.`,
      );
    }
    asked.add(address);
    const page = await hub.answer(address);
    const text = await page.text();
    size += text.length;
    return new Response(text, { headers: nextLink(page.headers.get('link'), address) });
  };
  const entries: Entry[] = [];
  try {
    const listing = library.listFiles({
      repo: { type, name: repo },
      revision: commit,
      recursive: true,
      hubUrl: hub.url,
      fetch: ask,
    });
    for await (const entry of listing) if (entry.type === 'file') entries.push(entrySchema.parse(entry));
  } catch (error) {
    throw clear(error, hub);
  }
  const reason = entries.some(({ path }) => hub.holdsToken(path))
    ? 'a name that holds the token'
    : fault(entries);
  if (reason) throw new UsageError(`${hub.url} lists in ${repo} ${reason}; nothing was fetched.`);
  return entries;
}

/** The header that names a list's next page, in the one form that the library reads: others would end the list early. */
function nextLink(link: string | null, address: string): Record<string, string> {
  const next = /<([^>]*)>\s*;[^<]*\brel\s*=\s*"?next\b/i.exec(link ?? '')?.[1];
  return next === undefined ? {} : { link: `<${new URL(next, address).href}>; rel="next"` };
}

function addressOf(input: Parameters<typeof fetch>[0]): string {
  return input instanceof Request ? input.url : String(input);
}

/** What is wrong with a list of files; undefined for a list that the cache can follow. */
function fault(entries: readonly Entry[]): string | undefined {
  const seen = new Set<string>();
  for (const { path } of entries) {
    const shown = JSON.stringify(path);
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    const odd = /[\\:\x00-\x1f\x7f]/;
    if (path.split('/').some((part) => ['', '.', '..'].includes(part) || odd.test(part))) {
      return `${shown}: a path that could leave the cache`;
    }
    if (seen.has(path)) return `${shown} twice`;
    seen.add(path);
  }
  return undefined;
}

/** A UsageError, and the reason of a stop, as they are; anything else is an answer that the library could not read. */
function clear(error: unknown, { signal, url }: HubConnection): unknown {
  if (error instanceof UsageError || (signal?.aborted && error === signal.reason)) return error;
  return new UsageError(`${url} does not answer as a hub does; is HF_ENDPOINT right?`, { cause: error });
}

async function writeCached(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  await writeFileAtomic(path, text);
}

/** Downloads what is wanted of a list and not there; gives the paths of all that is wanted, sorted. */
async function bring(
  source: Source,
  commit: string,
  entries: readonly Entry[],
  { files = () => true, onProgress }: HubRequest,
): Promise<string[]> {
  const wanted = entries.filter(({ path }) => files(path));
  const total = wanted.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const entry of wanted) {
    const path = join(source.cache, commit, ...entry.path.split('/'));
    if ((await sizeOf(path)) !== entry.size) {
      const report = (bytes: number) => onProgress?.({ file: entry.path, done: done + bytes, total });
      await download(source, commit, entry, path, report);
    }
    done += entry.size;
    onProgress?.({ file: entry.path, done, total });
  }
  return wanted.map(({ path }) => path).sort();
}

async function download(
  source: Source,
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
    await source.hub.persist(() => receive(source, commit, entry, partial, report), { progress });
    await checkContent(source, entry, partial);
    await rename(partial, path);
  } catch (error) {
    // Another process at the same file may have finished it and taken the partial file away.
    if (errorCode(error) !== 'ENOENT' || (await sizeOf(path)) !== entry.size) throw error;
  }
}

async function checkContent({ hub, repo }: Source, entry: Entry, partial: string): Promise<void> {
  const [hash, expected] = entry.lfs
    ? [await digestFile(partial, 'sha256', '', hub.signal), entry.lfs.oid]
    : [await digestFile(partial, 'sha1', `blob ${entry.size}\0`, hub.signal), entry.oid];
  if (hash === expected) return;
  await rm(partial, { force: true });
  throw new Disagreement(
    `${entry.path} of ${repo} came with the wrong content (hash ${hash}, not ${expected}) and was removed; try again, and distrust ${hub.url} if it stays so.`,
  );
}

/** One attempt at the rest of a file. Bytes are written at their own place, so two processes at the same file do no harm. */
async function receive(
  { hub, repo, type }: Source,
  commit: string,
  entry: Entry,
  partial: string,
  report: (bytes: number) => void,
): Promise<void> {
  const found = await sizeOf(partial);
  if (found >= entry.size) return;
  const have = Math.max(0, found);
  const prefix = type === 'dataset' ? 'datasets/' : '';
  const address = `${hub.url}/${prefix}${repo}/resolve/${commit}/${entry.path.split('/').map(encodeURIComponent).join('/')}`;
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
  // A server may ignore the range and send everything (200).
  const range = /^bytes (\d+)-/.exec(answer.headers.get('content-range') ?? '')?.[1];
  const from = answer.status === 206 ? range : '0';
  let position = Number(from);
  if (from === undefined || position > have) {
    answer.close();
    throw new UsageError(`${hub.url} sent another part of ${entry.path} than was asked for; try again.`);
  }
  try {
    // Made only where nothing is there: were it taken away in between, a new file would have a hole.
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
  // Whoever said how much comes, and sent it, has no more.
  const isWhole = ['content-length', 'transfer-encoding'].some((name) => answer.headers.has(name));
  throw isWhole
    ? new Disagreement(`${hub.url} sends fewer bytes of ${entry.path} than ${listed}; try again.`)
    : new Unreachable(cutOff(hub, repo, entry, position), {});
}

function cutOff(hub: HubConnection, repo: string, entry: Entry, bytes: number): string {
  return `The connection to ${new URL(hub.url).host} broke off in ${entry.path} of ${repo} (${bytes} of ${entry.size} bytes); run the command again, it goes on from there.`;
}

/** A file's size in bytes, -1 where there is none. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => -1,
  );
}
