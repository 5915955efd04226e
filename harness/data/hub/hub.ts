/**
 * Fetches files of the hub's repositories, for bases and data sets, into the cache, a folder on this machine:
 * `<HF_HOME>/deltabench/<type>s--<org>--<name>/`, with HF_HOME ~/.cache/huggingface by default. In it,
 * `refs/<revision>` holds the commit, `listings/<commit>.json` the hub's list of files, `<commit>/` the
 * files. HF_ENDPOINT names another hub, HF_TOKEN opens private and gated repositories.
 */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { Unreachable } from '../../support/network/retries.ts';
import { HubConnection, type FetchOptions } from './connection.ts';
import { downloadFiles, type DownloadOptions } from './download.ts';
import { askForListing, readListing } from './listing.ts';
import { addressOf, clearError, Disagreement, type Repository, type RepositoryType } from './repository.ts';

/** The repository and files to fetch from the hub. */
export interface HubRequest extends FetchOptions, DownloadOptions {
  /** The repository's name on the hub: `gpt2` or `tuetschek/e2e_nlg`. */
  readonly repo: string;
  readonly type: RepositoryType;
  /** A branch, tag or commit; `main` by default. */
  readonly revision?: string;
  /** Milliseconds without a byte after which a connection counts as broken off; 30,000 by default. */
  readonly silence?: number;
}

/** The folder of the fetched files; `files` are sorted paths within `folder`. */
export interface HubFolder {
  readonly folder: string;
  readonly commit: string;
  readonly files: readonly string[];
}

const commitPattern = /^[0-9a-f]{40}$/;

/**
 * Fetches files of a hub repository into the cache and returns their folder. Cached files are not fetched
 * again, a complete repository needs no network, and a broken download continues where it ended. A file gets
 * its name only after its hash was checked. Throws UsageError where the hub or the network refuses, the
 * signal's reason on an abort.
 */
export async function fetchFromHub(request: HubRequest): Promise<HubFolder> {
  const { repo, type, revision = 'main' } = request;
  checkNames(repo, revision);
  const home =
    process.env.HF_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const cache = join(home, 'deltabench', [`${type}s`, ...repo.split('/')].join('--'));
  const library = await import('@huggingface/hub');
  const hub = new HubConnection(library.HUB_URL, { ...request, name: `${type} ${repo}`, revision });
  const repository: Repository = { library, hub, repo, type, cache };
  const commit = await resolveCommit(repository, revision);
  const folder = join(cache, commit);
  const listing = join(cache, 'listings', `${commit}.json`);
  const kept = await readListing(listing);
  if (kept) {
    try {
      return { folder, commit, files: await downloadFiles(repository, commit, kept, request) };
    } catch (error) {
      // The cached list may be wrong, so the hub is asked for it once more.
      if (!(error instanceof Disagreement)) throw error;
    }
  }
  const entries = await askForListing(repository, commit);
  const files = await downloadFiles(repository, commit, entries, request);
  // The list is stored only after the files confirmed it; an empty list has no files to confirm it.
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

/** Returns a revision's commit from the hub, or the last known commit where the hub cannot be reached. */
async function resolveCommit(repository: Repository, revision: string): Promise<string> {
  if (commitPattern.test(revision)) return revision;
  const { cache, hub, library, repo, type } = repository;
  const ref = join(cache, 'refs', encodeURIComponent(revision));
  const text = await readFile(ref, 'utf8').catch(() => '');
  const known = commitPattern.test(text) ? text : undefined;
  const asked = {
    name: repo,
    revision,
    hubUrl: hub.url,
    // If the cache can serve, one attempt is enough.
    fetch: (address: Parameters<typeof fetch>[0]) => hub.answer(addressOf(address), known ? 1 : undefined),
    additionalFields: ['sha'] as ['sha'],
  };
  try {
    const { sha } = await {
      model: () => library.modelInfo(asked),
      dataset: () => library.datasetInfo(asked),
      space: () => library.spaceInfo(asked),
    }[type]();
    if (!commitPattern.test(sha)) {
      throw new UsageError(`${hub.url} names no commit for ${repo}; is HF_ENDPOINT right?`);
    }
    if (sha !== known) await writeCached(ref, sha);
    return sha;
  } catch (error) {
    if (known && error instanceof Unreachable) return known;
    throw clearError(error, hub);
  }
}

async function writeCached(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path));
  await writeFileAtomic(path, text);
}
