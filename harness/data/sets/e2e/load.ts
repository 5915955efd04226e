/** Reads the E2E data set from a folder, from the hub or from the built-in grammar; the task e2e uses it. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '../../../support/errors.ts';
import { isFile, readBytes } from '../../../support/read-files.ts';
import { parquetFiles } from '../../hub/parquet-files.ts';
import type { FetchOptions } from '../../hub/connection.ts';
import { sha256 } from '../../../support/hash.ts';
import { parseCsv } from '../../formats/csv.ts';
import { readParquet } from '../../formats/parquet.ts';
import type { DataSource } from '../../examples/task.ts';
import type { E2ERow } from './rows.ts';

const splits = ['train', 'validation', 'test'] as const;
type Split = (typeof splits)[number];

/** E2E's splits in file order. All are of one form, because the forms write the same pairs differently. */
export interface E2E extends Readonly<Record<Split, readonly E2ERow[]>> {
  /**
   * `csv`: the official files; `lora`: the tokenised text of LoRA's code; `hub`: the official pairs from the
   * hub; `built-in`: deltabench's own.
   */
  readonly form: 'csv' | 'lora' | 'hub' | 'built-in';
  /** Sha256 over the content of all splits. */
  readonly hash: string;
}

interface FolderForm {
  readonly form: 'csv' | 'lora';
  /** The form's folder inside a folder of several data sets. */
  readonly subfolder: string;
  readonly files: Readonly<Record<Split, string>>;
  readonly toRows: (path: string, text: string) => E2ERow[];
}

const folderForms: readonly FolderForm[] = [
  {
    form: 'csv',
    subfolder: 'original',
    files: { train: 'trainset.csv', validation: 'devset.csv', test: 'testset_w_refs.csv' },
    toRows: readCsv,
  },
  {
    form: 'lora',
    subfolder: 'lora-format',
    files: { train: 'train.txt', validation: 'valid.txt', test: 'test.txt' },
    toRows: readLora,
  },
];

/**
 * Loads E2E from its source; in a folder, the first form with all files. Throws UsageError where no form is
 * complete or a row is malformed (with its line).
 */
export function loadE2E(source: DataSource, options: FetchOptions = {}): Promise<E2E> {
  if (source.kind === 'built-in') return makeBuiltin();
  return source.kind === 'hub' ? loadFromHub(options) : loadFromFolder(source.path);
}

async function makeBuiltin(): Promise<E2E> {
  const { builtinE2E } = await import('./synthetic.ts');
  const rows = builtinE2E();
  return { form: 'built-in', hash: sha256(JSON.stringify(rows)), ...rows };
}

async function loadFromFolder(folder: string): Promise<E2E> {
  const missing: string[] = [];
  for (const { form, subfolder, files, toRows } of folderForms) {
    for (const place of [join(folder, 'e2e', subfolder), join(folder, subfolder), folder]) {
      const found = await findFiles(place, files);
      const absent = splits.filter((split) => found[split] === undefined);
      if (absent.length === 0) return loadFiles(form, found as Record<Split, string>, toRows);
      if (absent.length < splits.length) {
        missing.push(`${place} lacks ${absent.map((split) => files[split]).join(' and ')}`);
      }
    }
  }
  const wanted = folderForms.map(({ files }) => Object.values(files).join(', ')).join(', or ');
  const state = missing.length ? missing.join('; ') : 'none of them is there';
  throw new UsageError(
    `${folder} holds no complete E2E data: wanted ${wanted} (there, ` +
      `or in e2e/original and e2e/lora-format), but ${state}. Training, validation and test must be of one form.`,
  );
}

/**
 * Finds each split's file in a folder, plain or gzipped; a split without a file is absent from the result.
 */
async function findFiles(
  folder: string,
  files: Readonly<Record<Split, string>>,
): Promise<Partial<Record<Split, string>>> {
  const found: Partial<Record<Split, string>> = {};
  for (const split of splits) {
    for (const path of [join(folder, files[split]), join(folder, `${files[split]}.gz`)]) {
      if (found[split] === undefined && (await isFile(path))) found[split] = path;
    }
  }
  return found;
}

async function loadFiles(
  form: 'csv' | 'lora',
  paths: Readonly<Record<Split, string>>,
  toRows: FolderForm['toRows'],
): Promise<E2E> {
  const rows: Partial<Record<Split, E2ERow[]>> = {};
  const hash = createHash('sha256');
  for (const split of splits) {
    const path = paths[split];
    const bytes = await readContent(path);
    rows[split] = checkRows(path, toRows(path, decode(path, bytes)));
    hash.update(`${sha256(bytes)}  ${split}\n`);
  }
  return { form, hash: hash.digest('hex'), ...(rows as Record<Split, E2ERow[]>) };
}

/**
 * Reads the hub's parquet files from main, else from refs/convert/parquet, where the hub keeps parquet copies
 * of data sets that have loading scripts; a split's files are read in order.
 */
async function loadFromHub(options: FetchOptions): Promise<E2E> {
  const repo = 'tuetschek/e2e_nlg';
  const pattern = /(?:^|\/)(train|validation|test)(?:\/|-)[^/]*\.parquet$/;
  for await (const { folder, files } of parquetFiles(repo, pattern, options)) {
    const rows: Record<Split, E2ERow[]> = { train: [], validation: [], test: [] };
    const hash = createHash('sha256');
    for (const file of files) {
      const split = pattern.exec(file)![1] as Split;
      const path = join(folder, file);
      const pairs = await readParquet(path, ['meaning_representation', 'human_reference']);
      pairs.forEach((pair, i) => {
        rows[split].push(row(`${path}, row ${i + 1}`, pair.meaning_representation, pair.human_reference));
      });
      hash.update(`${sha256(await readBytes(path))}  ${split}\n`);
    }
    if (splits.every((split) => rows[split].length > 0))
      return { form: 'hub', hash: hash.digest('hex'), ...rows };
  }
  throw new UsageError(
    `The hub's data set ${repo} has no rows for each of ${splits.join(', ')}, ` +
      'neither in main nor in refs/convert/parquet. Give a folder that has the data.',
  );
}

async function readContent(path: string): Promise<Buffer> {
  const bytes = await readBytes(path);
  if (!path.endsWith('.gz')) return bytes;
  try {
    // The data has 10 MB; the limit (256 MiB) keeps a crafted file from filling the memory.
    return gunzipSync(bytes, { maxOutputLength: 1 << 28 });
  } catch (error) {
    throw new UsageError(`${path} cannot be unpacked; get the file again.`, { cause: error });
  }
}

function decode(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UsageError(`${path} is not UTF-8 text; get the file again.`, { cause: error });
  }
}

function readCsv(path: string, text: string): E2ERow[] {
  const records = parseCsv(path, text, {
    columns: (header: string[]) => header.map((name) => name.trim().toLowerCase()),
    skip_empty_lines: true,
    info: true,
  }) as { record: Record<string, string>; info: { lines: number } }[];
  const absent = ['mr', 'ref'].filter((name) => records[0] && !(name in records[0].record));
  if (absent.length) {
    throw new UsageError(
      `${path} lacks the column${absent.length > 1 ? 's' : ''} ${absent.join(' and ')}; ` +
        `its first line names ${Object.keys(records[0]!.record).join(', ')}.`,
    );
  }
  return records.map(({ record, info }) => row(`${path}, line ${info.lines}`, record.mr!, record.ref!));
}

function readLora(path: string, text: string): E2ERow[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const at = line.indexOf('||');
    if (at < 0)
      throw new UsageError(`${path}, line ${i + 1}: there is no "||" between meaning and reference.`);
    return [row(`${path}, line ${i + 1}`, line.slice(0, at), line.slice(at + 2))];
  });
}

function row(where: string, meaning: string, reference: string): E2ERow {
  const trimmed = { meaning: meaning.trim(), reference: reference.trim() };
  if (trimmed.meaning && trimmed.reference) return trimmed;
  throw new UsageError(`${where}: the ${trimmed.meaning ? 'reference' : 'meaning'} is empty.`);
}

function checkRows(path: string, rows: E2ERow[]): E2ERow[] {
  if (rows.length === 0) throw new UsageError(`${path} holds no rows; get the file again.`);
  return rows;
}

/** A meaning with all its references; `rows` holds the indices of its rows. */
export interface E2EGroup {
  readonly meaning: string;
  readonly references: string[];
  readonly rows: number[];
}

/** Groups rows by meaning, in order of first appearance; rows of one meaning need not be adjacent. */
export function groupByMeaning(rows: readonly E2ERow[]): E2EGroup[] {
  const groups = new Map<string, E2EGroup>();
  for (const [i, { meaning, reference }] of rows.entries()) {
    let group = groups.get(meaning);
    if (!group) {
      group = { meaning, references: [], rows: [] };
      groups.set(meaning, group);
    }
    group.references.push(reference);
    group.rows.push(i);
  }
  return [...groups.values()];
}
