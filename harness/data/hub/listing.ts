/**
 * The hub's list of a commit's files: requests it page by page, checks it, and reads it back from the cache.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { addressOf, clearError, type Repository } from './repository.ts';

/** One file of the list: size in bytes, git's blob sha1, and for a large file the sha256 of its content. */
export const entrySchema = z.object({
  path: z.string(),
  size: z.int().nonnegative(),
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
});
export type Entry = z.infer<typeof entrySchema>;

/** Limits of a list: its pages (the hub's have a thousand files each), and the characters of all pages. */
export const mostPages = 1000;
export const longestList = 100e6;

/** Reads the cached list of a commit's files; undefined where there is none or it is damaged. */
export async function readListing(path: string): Promise<Entry[] | undefined> {
  try {
    const entries = z.array(entrySchema).parse(JSON.parse(await readFile(path, 'utf8')));
    return faultOf(entries) === undefined ? entries : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Requests the list of a commit's files. Throws UsageError where the list does not end, or holds a path
 * twice, one that could leave the cache, or one with the token in it.
 */
export async function askForListing(
  { hub, library, repo, type }: Repository,
  commit: string,
): Promise<Entry[]> {
  const asked = new Set<string>();
  let size = 0;
  const ask = async (input: Parameters<typeof fetch>[0]): Promise<Response> => {
    const address = addressOf(input);
    if (asked.has(address) || asked.size === mostPages || size > longestList) {
      throw new UsageError(
        `${hub.url} lists the files of ${repo} without end: ` +
          `page ${asked.size} says that ${asked.has(address) ? 'one that came before' : 'another'} is the ` +
          'next; nothing was fetched.',
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
    throw clearError(error, hub);
  }
  const reason = entries.some(({ path }) => hub.holdsToken(path))
    ? 'a name that holds the token'
    : faultOf(entries);
  if (reason) throw new UsageError(`${hub.url} lists in ${repo} ${reason}; nothing was fetched.`);
  return entries;
}

/**
 * Returns the header that names the next page in the only form that the hub's library reads; in any other
 * form the library would take the page for the last.
 */
export function nextLink(link: string | null, address: string): Record<string, string> {
  const next = /<([^>]*)>\s*;[^<]*\brel\s*=\s*"?next\b/i.exec(link ?? '')?.[1];
  return next === undefined ? {} : { link: `<${new URL(next, address).href}>; rel="next"` };
}

/** Describes the first fault of a list of files; undefined for a list without faults. */
export function faultOf(entries: readonly Entry[]): string | undefined {
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
