/**
 * Loads a user's own data set: reads its files, takes the columns that were named, leaves out what cannot be
 * used, and divides the rest into splits. The tasks `text` and `classify` use it.
 */
import { UsageError, didYouMean } from '../../../support/errors.ts';
import { hashFile } from '../../../support/hash.ts';
import { hashJson } from '../../../support/json/canonical-json.ts';
import { shown } from '../../../support/json/validation-messages.ts';
import { divide, parseShares } from './divide.ts';
import { findOwnFiles, nameOfData, type SplitName } from './find-files.ts';
import { readTable, type Table, type TableRow } from './read-table.ts';

/** Which columns hold what, and how the rows are divided. */
export interface OwnColumns {
  /** One or two columns of input. */
  readonly inputs: readonly string[];
  /** The column of the target text, or of the class. */
  readonly answer: string;
  /** The column of further references; a list in JSON lines and parquet, a text or a JSON list elsewhere. */
  readonly references?: string | undefined;
  /** The shares of the splits, `80/10/10`; 80/10/10 where one file is given without. */
  readonly split?: string | undefined;
  /** Whether answers are classes, so that each has the same shares in every split. */
  readonly stratified: boolean;
}

/** A usable row. */
export interface OwnRow {
  /** Its file and line, and its line alone. */
  readonly where: string;
  readonly place: string;
  readonly inputs: readonly string[];
  readonly answer: string;
  readonly references: readonly string[];
}

/** Rows that were left out for one reason. */
export interface Dropped {
  readonly why: string;
  readonly places: readonly string[];
}

/** A user's own data set. */
export interface OwnData extends Readonly<Record<SplitName, readonly OwnRow[]>> {
  /** A name made of the place's. */
  readonly name: string;
  /** The files' form: `csv`. */
  readonly form: string;
  /** Sha256 of the files and of how they are read. */
  readonly hash: string;
  readonly rows: number;
  /** The shares where one file was divided. */
  readonly shares: string | undefined;
  readonly dropped: readonly Dropped[];
  /** Names of the answer's classes by number, where the file has numbers and names for them. */
  readonly classNames: readonly string[] | undefined;
}

/**
 * Loads a data set from a file or a folder of split files; throws UsageError with file and row where a column
 * is missing, a value is no text, or nothing is left.
 */
export async function loadOwnData(place: string, columns: OwnColumns): Promise<OwnData> {
  checkDistinct(columns);
  const files = await findOwnFiles(place);
  if (files.kind === 'split' && columns.split !== undefined) {
    throw new UsageError(
      `--split divides one file; ${place} has a file for each split already: leave it out.`,
    );
  }
  const paths = files.kind === 'one' ? { all: files.path } : files.paths;
  const dropped = new Map<string, string[]>();
  const drop = (why: string, where: string): void => {
    dropped.set(why, [...(dropped.get(why) ?? []), where]);
  };
  const read: Record<string, OwnRow[]> = {};
  const hashes: Record<string, string> = {};
  let [rows, classNames] = [0, undefined as readonly string[] | undefined];
  for (const [name, path] of Object.entries(paths)) {
    const table = await readTable(path);
    checkColumns(table, columns);
    classNames ??= table.classNames[columns.answer];
    read[name] = table.rows.flatMap((row) => usableRow(table, row, columns, drop));
    rows += table.rows.length;
    hashes[name] = await hashFile(path);
    if (read[name].length > 0) continue;
    throw new UsageError(`${path}: none of its ${table.rows.length} rows can be used (${reasons(dropped)}).`);
  }
  if (columns.stratified) checkClasses(read.all ?? read.train!, columns.answer);
  const shares = files.kind === 'one' ? (columns.split ?? '80/10/10') : undefined;
  const splits =
    shares === undefined
      ? (read as Record<SplitName, OwnRow[]>)
      : divide(withoutCopies(read.all!, drop), parseShares(shares), {
          group: ({ inputs }) => JSON.stringify(inputs),
          stratum: ({ answer }) => (columns.stratified ? answer : ''),
        });
  return {
    ...splits,
    name: nameOfData(place),
    form: formOf(Object.values(paths)),
    hash: hashJson({ files: hashes, columns: { ...columns, split: shares } }),
    rows,
    shares,
    dropped: [...dropped].map(([why, places]) => ({ why, places })),
    classNames,
  };
}

/** How many rows of a split have an input that is trained on too. */
export function countSeen(data: OwnData, split: SplitName): number {
  const trained = new Set(data.train.map(({ inputs }) => JSON.stringify(inputs)));
  return data[split].filter(({ inputs }) => trained.has(JSON.stringify(inputs))).length;
}

/** Throws UsageError where a column of classes holds a value of its own in most rows. */
function checkClasses(rows: readonly OwnRow[], column: string): void {
  const values = new Set(rows.map(({ answer }) => answer)).size;
  if (values < 3 || values <= rows.length / 2) return;
  throw new UsageError(
    `The column "${column}" has ${values} values in ${rows.length} rows, so that it is no class; ` +
      '--task text writes texts.',
  );
}

function checkDistinct({ inputs, answer }: OwnColumns): void {
  const named = [...inputs, answer];
  const twice = named.find((name, i) => named.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new UsageError(`The column "${twice}" is named twice; input and answer are different columns.`);
}

function checkColumns({ path, columns }: Table, { inputs, answer, references }: OwnColumns): void {
  const wanted = [...inputs, answer, ...(references === undefined ? [] : [references])];
  const missing = wanted.find((name) => !columns.includes(name));
  if (missing === undefined) return;
  throw new UsageError(
    `${path} has no column "${missing}".${didYouMean(missing, columns)} Columns: ${columns.join(', ')}.`,
  );
}

/** A row's values as texts; none where one of them is empty. */
function usableRow(
  { path, classNames }: Table,
  row: TableRow,
  columns: OwnColumns,
  drop: (why: string, where: string) => void,
): OwnRow[] {
  const where = `${path}, ${row.place}`;
  const texts: string[] = [];
  for (const column of [...columns.inputs, columns.answer]) {
    const text = textOf(where, column, row.values[column]);
    if (text === '') {
      drop(`no ${column}`, row.place);
      return [];
    }
    texts.push(text);
  }
  const answer = texts.pop()!;
  const names = columns.stratified ? classNames[columns.answer] : undefined;
  const { references } = columns;
  return [
    {
      where,
      place: row.place,
      inputs: texts,
      answer: names?.[Number(answer)] ?? (columns.stratified ? answer.replace(/\s+/g, ' ') : answer),
      references: references === undefined ? [] : textsOf(where, references, row.values[references]),
    },
  ];
}

/** A value as a text without spaces at its ends; empty where there is none. */
function textOf(where: string, column: string, value: unknown): string {
  if (value === undefined || value === null || Number.isNaN(value)) return '';
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  const kind = value instanceof Date ? 'a date' : Array.isArray(value) ? 'a list' : 'an object';
  throw new UsageError(`${where}: ${column} is ${kind}, ${shown(value)}; expected a text.`);
}

/** The references of a row: a list of texts, or one text, which may be a JSON list. */
function textsOf(where: string, column: string, value: unknown): string[] {
  const list = typeof value === 'string' && value.trim().startsWith('[') ? parseList(value) : value;
  return (Array.isArray(list) ? list : [list]).map((each) => textOf(where, column, each)).filter(Boolean);
}

function parseList(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Leaves out rows that say what an earlier one says: they would stand in training and test. */
function withoutCopies(rows: readonly OwnRow[], drop: (why: string, where: string) => void): OwnRow[] {
  const seen = new Set<string>();
  return rows.filter(({ place, inputs, answer, references }) => {
    const key = JSON.stringify([inputs, answer, references]);
    if (seen.has(key)) {
      drop('the same as an earlier row', place);
      return false;
    }
    seen.add(key);
    return true;
  });
}

const reasons = (dropped: ReadonlyMap<string, readonly string[]>): string =>
  [...dropped].map(([why, places]) => `${places.length}: ${why}`).join(', ');

function formOf(paths: readonly string[]): string {
  const endings = new Set(paths.map((path) => path.slice(path.lastIndexOf('.') + 1).toLowerCase()));
  return [...endings].join('+');
}
