/** Finds the files of a user's own data set: one file, or a folder with a file for each split. */
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { UsageError } from '../../../support/errors.ts';
import { tableEndings } from './read-table.ts';

export const splitNames = ['train', 'validation', 'test'] as const;
/** A split of a data set. */
export type SplitName = (typeof splitNames)[number];

/** The files of a data set. */
export type OwnFiles =
  | { readonly kind: 'one'; readonly path: string }
  | { readonly kind: 'split'; readonly paths: Readonly<Record<SplitName, string>> };

/** What the files of a split may be called, without their endings. */
const fileNames: Readonly<Record<SplitName, readonly string[]>> = {
  train: ['train'],
  validation: ['validation', 'valid', 'val', 'dev'],
  test: ['test'],
};

/**
 * Finds the file, or the three files of a folder (`train.csv`, `validation.csv`, `test.csv`, each of any
 * form). Throws UsageError where nothing lies there, or a split has no file or two.
 */
export async function findOwnFiles(place: string): Promise<OwnFiles> {
  const found = await stat(place).catch(() => undefined);
  if (!found) throw new UsageError(`--data ${place}: there is no such file or folder.`);
  if (!found.isDirectory()) return { kind: 'one', path: place };
  const names = (await readdir(place)).sort();
  const paths: Partial<Record<SplitName, string>> = {};
  for (const split of splitNames) {
    const files = names.filter((name) => isOf(split, name));
    if (files.length > 1) {
      throw new UsageError(
        `${place} has ${files.join(' and ')}, of which one can be the ${split} split; move the others away.`,
      );
    }
    if (files[0] !== undefined) paths[split] = join(place, files[0]);
  }
  const missing = splitNames.filter((split) => paths[split] === undefined);
  if (missing.length > 0) {
    const wanted = missing.map((split) => fileNames[split].join(' or ')).join(', and ');
    throw new UsageError(
      `${place} has no file for ${missing.join(' and ')}: wanted ${wanted}, ending in ` +
        `${tableEndings.join(', ')}. Add it, or give one file, which --split divides.`,
    );
  }
  return { kind: 'split', paths: paths as Record<SplitName, string> };
}

function isOf(split: SplitName, name: string): boolean {
  const ending = extname(name).toLowerCase();
  return (
    tableEndings.includes(ending) && fileNames[split].includes(basename(name, extname(name)).toLowerCase())
  );
}

/** A name for a data set from its place, in lower-case words joined by hyphens: `my-reviews`. */
export function nameOfData(place: string): string {
  const plain = basename(place.replace(/[/\\]+$/, ''));
  const stem = tableEndings.includes(extname(plain).toLowerCase())
    ? plain.slice(0, -extname(plain).length)
    : plain;
  const words = stem
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ['data'];
  return words.join('-').slice(0, 60).replace(/-$/, '');
}
