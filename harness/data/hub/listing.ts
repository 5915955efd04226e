/** The hub's list of a commit's files: asked for page by page, checked, and read back from the cache. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { addressOf, clearError, type Repository } from './repository.ts';

/** What the hub lists of a file: its size in bytes, git's blob sha1, and for large files the content's sha256. */
export const entrySchema = z.object({
  path: z.string(),
  size: z.int().nonnegative(),
  oid: z.string().regex(/^[0-9a-f]{40}$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
});
export type Entry = z.infer<typeof entrySchema>;
/** Limits of a list: pages (the hub's have a thousand files each), and characters of all pages. */
export const mostPages = 1000;
export const longestList = 100e6;
/** The cache's list of a commit's files; undefined where it has none, or a damaged one. */
export async function readListing(path: string): Promise<Entry[] | undefined> {
  try {
    const entries = z.array(entrySchema).parse(JSON.parse(await readFile(path, 'utf8')));
    return faultOf(entries) === undefined ? entries : undefined;
  } catch {
    return undefined;
  }
}
/** Asks the hub for a commit's files. Throws UsageError for an endless list, or one that the cache cannot follow. */
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
 * The header that names the next page, rewritten to the one form that the library reads: any other would end
 * the list.
 */

export function nextLink(link: string | null, address: string): Record<string, string> {
  const next = /<([^>]*)>\s*;[^<]*\brel\s*=\s*"?next\b/i.exec(link ?? '')?.[1];
  return next === undefined ? {} : { link: `<${new URL(next, address).href}>; rel="next"` };
}
/** What is wrong with a list of files; undefined where nothing is. */

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
