/**
 * Reads a data set's rows, whatever they hold: the hub's parquet files, or a folder in the hub's layout or
 * in LLM-Adapters'. Evaluations make documents of them, tasks that follow instructions pairs.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemOf } from '../../support/json/validation-messages.ts';
import { isFile, readBytes } from '../../support/read-files.ts';
import { hashFile } from '../../support/hash.ts';
import type { FetchOptions } from '../hub/connection.ts';
import { fetchFromHub } from '../hub/hub.ts';
import { parquetFiles } from '../hub/parquet-files.ts';
import { readParquetRows } from '../formats/parquet.ts';
import type { DataSource } from '../examples/task.ts';

/** Where to look for a data set's rows. */
export interface RowsRequest extends FetchOptions {
  readonly source: DataSource;
  /** The hub's repository. */
  readonly repo: string;
  /** The repository's configuration: the folder of its parquet files. */
  readonly config: string;
  readonly split: string;
  /**
   * The same rows in LLM-Adapters' files: the folder in `llm-adapters`, and the file's name without its
   * ending.
   */
  readonly adapters?: { readonly folder: string; readonly file: string };
  /** Other files of the same rows, as their paths in a folder; the first that is there is read. */
  readonly files?: readonly string[];
  /** What else the caller reads the rows from, looked for before: for the message where nothing is there. */
  readonly otherwise?: string;
  /** A Space of the hub that has the rows as a file, where no data set has them as they are. */
  readonly space?: { readonly repo: string; readonly file: string };
}

/** Raw rows in file order; `where` names a row's file and number for messages. */
export interface Rows {
  readonly rows: readonly { readonly value: unknown; readonly where: string }[];
  readonly hash: string;
  readonly form: string;
}

/** Reads a split; throws UsageError where it is missing, empty or malformed. */
export async function readRows(request: RowsRequest): Promise<Rows> {
  const { source, repo, split } = request;
  if (source.kind === 'built-in')
    throw new UsageError(
      `${repo} is not among the built-in data; give --data hub, or a folder that has it with --data DIR.`,
    );
  const files = await (source.kind === 'hub' ? hubFiles(request) : folderFiles(source.path, request));
  return rowsOf(files, source.kind, split);
}

/**
 * Reads a file of LLM-Adapters' `dataset`, whose rows are on no hub; throws UsageError where it is not there,
 * empty or malformed.
 */
export async function readAdaptersFile(
  source: DataSource,
  place: { readonly folder: string; readonly file: string },
): Promise<Rows> {
  const name = `${place.folder}/${place.file}.json`;
  if (source.kind !== 'folder')
    throw new UsageError(
      `${name} is a file of LLM-Adapters (github.com/AGI-Edgerunners/LLM-Adapters, folder dataset), ` +
        'which the hub does not have; get it and give its folder with --data DIR.',
    );
  const path = await adaptersPath(source.path, place);
  if (path === undefined)
    throw new UsageError(
      `${source.path} holds no ${name}, as LLM-Adapters' dataset has it: looked for it there and in llm-adapters/. ` +
        'Get it from github.com/AGI-Edgerunners/LLM-Adapters.',
    );
  return rowsOf([path], source.kind, place.file);
}

/**
 * Reads rows that no hub has from the first of `files` that is in a folder, as they are named or packed (.gz).
 * `from` says where to get them. Throws UsageError where none is there, or one is empty or malformed.
 */
export async function readFirstFile(
  source: DataSource,
  files: readonly string[],
  { name, from }: { readonly name: string; readonly from: string },
): Promise<Rows> {
  const advice = `Get them from ${from}, and give their folder with --data DIR; or give --data built-in.`;
  if (source.kind !== 'folder') throw new UsageError(`The hub does not have the data of ${name}. ${advice}`);
  const path = await firstOf(source.path, files);
  if (path !== undefined) return rowsOf([path], source.kind, name);
  throw new UsageError(`${source.path} holds none of ${files.join(', ')}. ${advice}`);
}

/** The first of these files that is in a folder, as it is named or packed. */
async function firstOf(folder: string, files: readonly string[]): Promise<string | undefined> {
  for (const file of files.flatMap((name) => [name, `${name}.gz`]))
    if (await isFile(join(folder, file))) return join(folder, file);
  return undefined;
}

async function rowsOf(files: readonly string[], form: string, split: string): Promise<Rows> {
  const hash = createHash('sha256');
  const rows: { value: unknown; where: string }[] = [];
  for (const file of files) {
    const values = await readFileRows(file);
    rows.push(...values.map((value, i) => ({ value, where: `${file}, row ${i + 1}` })));
    hash.update(`${await hashFile(file)}  ${split}\n`);
  }
  if (rows.length === 0) throw new UsageError(`${files.join(', ')} holds no rows; get the data again.`);
  return { rows, hash: hash.digest('hex'), form };
}

/** Whether a folder has a split's rows, in any form and place that readRows reads. */
export async function hasRows(request: RowsRequest): Promise<boolean> {
  const { source } = request;
  return source.kind === 'folder' && (await findFiles(source.path, request)).length > 0;
}

/**
 * The hub's parquet files: those of main, or of the branch where the hub converts data sets of loading
 * scripts.
 */
async function hubFiles({ repo, config, split, space, ...options }: RowsRequest): Promise<string[]> {
  if (space) {
    const files = (path: string): boolean => path === space.file;
    const fetched = await fetchFromHub({ ...options, repo: space.repo, type: 'space', files });
    if (fetched.files.length > 0) return [join(fetched.folder, space.file)];
    throw new UsageError(`The hub's Space ${space.repo} has no ${space.file}.`);
  }
  const folders = [config, ...(config === 'default' ? ['data'] : [])].map(escape);
  const pattern = new RegExp(`^(${folders.join('|')})/${escape(split)}([-/][^/]*)\\.parquet$`);
  for await (const { folder, files } of parquetFiles(repo, pattern, options))
    if (files.length > 0) return files.map((file) => join(folder, file));
  throw new UsageError(`The hub's data set ${repo} has no parquet files of ${config}'s ${split} split.`);
}

const escape = (text: string): string => text.replace(/[^\w]/g, '\\$&');

async function folderFiles(folder: string, request: RowsRequest): Promise<readonly string[]> {
  const found = await findFiles(folder, request);
  if (found.length > 0) return found;
  const { repo, split, adapters, files = [], otherwise } = request;
  const others = [
    ...(adapters ? [`LLM-Adapters' ${adapters.folder}/${adapters.file}.json`] : files),
    ...(otherwise === undefined ? [] : [otherwise]),
  ];
  const own = others.map((file) => `, or ${file}`).join('');
  throw new UsageError(
    `${folder} holds no ${split} split of ${repo}: looked for ${split}-*.parquet, ${split}.jsonl and ` +
      `${split}.json in ${placesIn(folder, request).join(', ')}${own}. Get them, or give --data hub.`,
  );
}

/** Where a folder may have a split's files in the hub's layout, the most particular place first. */
function placesIn(folder: string, { repo, config }: RowsRequest): string[] {
  const name = basename(repo);
  // A data set without configurations has its files in a folder data.
  const inside = config === 'default' ? ['data', config] : [config];
  const own = [...inside.map((part) => join(name, part)), ...inside, name, ''];
  return [...new Set(own.map((place) => join(folder, place)))];
}

/** A split's files in a folder, those of the first form and place that is there; none where it is missing. */
async function findFiles(folder: string, request: RowsRequest): Promise<readonly string[]> {
  const { split, adapters, files = [] } = request;
  const named = await firstOf(folder, files);
  if (named !== undefined) return [named];
  for (const place of placesIn(folder, request)) {
    const parquet = await parquetOf(place, split);
    if (parquet.length > 0) return parquet;
    for (const ending of ['jsonl', 'json'])
      if (await isFile(join(place, `${split}.${ending}`))) return [join(place, `${split}.${ending}`)];
  }
  const adapted = adapters && (await adaptersPath(folder, adapters));
  return adapted === undefined ? [] : [adapted];
}

/** A file of LLM-Adapters' below a folder: in `llm-adapters`, or beside other data sets. */
function adaptersPath(
  data: string,
  { folder, file }: { readonly folder: string; readonly file: string },
): Promise<string | undefined> {
  return firstOf(
    data,
    ['llm-adapters', ''].map((place) => join(place, folder, `${file}.json`)),
  );
}

async function parquetOf(folder: string, split: string): Promise<string[]> {
  const list = (place: string): Promise<string[]> => readdir(place).catch(() => []);
  const beside = (await list(folder)).filter((name) => name.startsWith(`${split}-`));
  const below = (await list(join(folder, split))).map((name) => join(split, name));
  return [...beside, ...below]
    .filter((name) => name.endsWith('.parquet'))
    .sort()
    .map((name) => join(folder, name));
}

async function readFileRows(path: string): Promise<unknown[]> {
  if (path.endsWith('.parquet')) return readParquetRows(path);
  const bytes = await readBytes(path);
  let text: string;
  try {
    text = (path.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: 2 ** 30 }) : bytes).toString();
  } catch (error) {
    throw new UsageError(`${path} is not a sound gzip file; get it again.`, { cause: error });
  }
  return path.endsWith('.jsonl') || isLines(text) ? parseLines(path, text) : parseList(path, text);
}

/** Whether a text holds an object a line; some files of such lines are named .json. */
const isLines = (text: string): boolean => /^\s*\{/.test(text);

function parseLines(path: string, text: string): unknown[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch (error) {
      throw new UsageError(`${path}, line ${i + 1} is not JSON; get the file again.`, { cause: error });
    }
  });
}

function parseList(path: string, text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON; get the file again.`, { cause: error });
  }
  if (Array.isArray(value)) return value as unknown[];
  throw new UsageError(`${path} holds no list of rows; get the file again.`);
}

/** Checks a row by a schema; throws UsageError with the row's place and what is wrong. */
export function parseRow<Schema extends z.ZodType>(
  schema: Schema,
  row: unknown,
  where: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(row);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${where}: ${problemOf(parsed.error)}.`);
}
