/**
 * Reads a user's own table of any form (CSV, TSV, JSON lines, parquet) as rows of unchecked values, each with
 * its place for messages. load-own.ts uses it.
 */
import { isUtf8 } from 'node:buffer';
import { extname } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { counted } from '../../../support/counted.ts';
import { UsageError, messageOf } from '../../../support/errors.ts';
import { isObject } from '../../../support/json/json-object.ts';
import { readBytes } from '../../../support/read-files.ts';
import { textLines } from '../../formats/text-lines.ts';
import { readParquetTable } from '../../formats/parquet.ts';

/** A row of a table; its place is `line 12` of a text file or `row 12` of a parquet file. */
export interface TableRow {
  readonly place: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A table as its file has it. */
export interface Table {
  readonly path: string;
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
  /** Names of classes by number, for columns in which `datasets` stored numbers for them. */
  readonly classNames: Readonly<Record<string, readonly string[]>>;
}

type Content = Omit<Table, 'path' | 'classNames'> & Partial<Table>;

const readers: Readonly<Record<string, (path: string, bytes: Buffer) => Content | Promise<Content>>> = {
  '.csv': (path, bytes) => readCsv(path, checkText(path, bytes)),
  '.tsv': (path, bytes) => readTsv(path, checkText(path, bytes)),
  '.jsonl': (path, bytes) => readJsonLines(path, checkText(path, bytes)),
  '.ndjson': (path, bytes) => readJsonLines(path, checkText(path, bytes)),
  '.parquet': readParquetFile,
};

/** The endings of files that can be read. */
export const tableEndings: readonly string[] = Object.keys(readers);

/**
 * Reads a table by the ending of its name; throws UsageError with file and row where it cannot be read, has no
 * rows, or names a column twice.
 */
export async function readTable(path: string): Promise<Table> {
  const read = readers[extname(path).toLowerCase()];
  if (!read) {
    const endings = tableEndings.join(', ');
    throw new UsageError(`${path} has no ending that tells its form; rename it to one of ${endings}.`);
  }
  const bytes = await readBytes(path);
  if (bytes.length === 0) throw new UsageError(`${path} is empty; it needs a row for each example.`);
  const content = await read(path, bytes);
  const twice = content.columns.find((name, i) => content.columns.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new UsageError(`${path}, line 1 names the column "${twice}" twice; rename one of them.`);
  }
  if (content.rows.length === 0) {
    throw new UsageError(`${path} has columns (${content.columns.join(', ')}) and no rows below them.`);
  }
  return { classNames: {}, ...content, path };
}

/** The bytes of a text file; throws UsageError where they are of another kind. */
function checkText(path: string, bytes: Buffer): Buffer {
  const start = bytes.subarray(0, 4).toString('latin1');
  if (start.startsWith('\xff\xfe') || start.startsWith('\xfe\xff')) {
    throw new UsageError(`${path} is UTF-16 text; save it as UTF-8.`);
  }
  if (start === 'PAR1' || start.startsWith('PK') || start.startsWith('\x1f\x8b')) {
    const kind = start === 'PAR1' ? 'a parquet file' : start.startsWith('PK') ? 'a zip archive' : 'gzipped';
    throw new UsageError(`${path} is ${kind}, not text as its ending says; rename it, or unpack it.`);
  }
  if (isUtf8(bytes)) return bytes;
  let before = 0;
  try {
    for (const [line] of textLines(path, bytes)) before = line;
  } catch {
    before += 1;
  }
  throw new UsageError(`${path}, line ${before} is not UTF-8 text; save the file as UTF-8.`);
}

function readCsv(path: string, bytes: Buffer): Content {
  let columns: string[] = [];
  const keepColumns = (header: string[]): string[] => {
    if (header.length === 1 && header[0]!.includes(';')) {
      throw new UsageError(`${path}, line 1 separates its columns by semicolons; save the file with commas.`);
    }
    return (columns = header.map(oneLine));
  };
  let parsed: { record: Record<string, string>; info: { lines: number; empty_lines: number } }[];
  try {
    parsed = parse(bytes, { bom: true, columns: keepColumns, skip_empty_lines: true, info: true });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UsageError(`${path}, ${csvProblem(error, columns)}`, { cause: error });
  }
  let [lines, empty] = [1, 0];
  const rows = parsed.map(({ record, info }): TableRow => {
    // csv-parse counts the line on which a record ends.
    const place = `line ${lines + 1 + info.empty_lines - empty}`;
    [lines, empty] = [info.lines, info.empty_lines];
    return { place, values: record };
  });
  return { columns, rows };
}

/** What is wrong in a CSV file, from its line on. */
function csvProblem(error: CsvError, columns: readonly string[]): string {
  const line = `line ${String(error.lines)}`;
  switch (error.code) {
    case 'CSV_RECORD_INCONSISTENT_COLUMNS': {
      const { length } = error.record as readonly unknown[];
      const header = `the header ${columns.length} (${columns.join(', ')})`;
      return `${line} has ${counted(length, 'field')}, ${header}; put fields with commas in quotes.`;
    }
    case 'CSV_QUOTE_NOT_CLOSED':
      return `line ${String(error.lines)}: the file ends within a quoted field; a quote before it is not closed.`;
    default:
      return `${line}: a quote stands inside a field; put the field in quotes and double the quotes in it.`;
  }
}

function readTsv(path: string, bytes: Buffer): Content {
  let columns: string[] | undefined;
  const rows: TableRow[] = [];
  for (const [line, text] of textLines(path, bytes)) {
    const fields = text.split('\t').map(unquoted);
    if (!columns) {
      columns = fields.map(oneLine);
      continue;
    }
    if (fields.length !== columns.length) {
      const has = counted(fields.length, 'field');
      const header = `the header ${columns.length} (${columns.join(', ')})`;
      throw new UsageError(
        `${path}, line ${line} has ${has}, ${header}; no field may hold a tab or a line break.`,
      );
    }
    rows.push({
      place: `line ${line}`,
      values: Object.fromEntries(columns.map((name, i) => [name, fields[i]!])),
    });
  }
  return { columns: columns ?? [], rows };
}

/** A column's name on one line, as a command can give it. */
const oneLine = (name: string): string => name.replace(/\s+/g, ' ').trim();

/** A field of a TSV file without the quotes that spreadsheets put around it. */
function unquoted(field: string): string {
  const inside = /^"((?:[^"]|"")*)"$/.exec(field)?.[1];
  return inside === undefined ? field : inside.replaceAll('""', '"');
}

function readJsonLines(path: string, bytes: Buffer): Content {
  const columns = new Set<string>();
  const rows: TableRow[] = [];
  for (const [line, text] of textLines(path, bytes)) {
    if (text.trim() === '') continue;
    const place = `line ${line}`;
    let values: unknown;
    try {
      values = JSON.parse(text);
    } catch (error) {
      const isList = line === 1 && text.trim().startsWith('[');
      const why = isList ? 'it begins a JSON list' : messageOf(error);
      throw new UsageError(`${path}, ${place} is not JSON: ${why}; write one object on each line.`);
    }
    if (!isObject(values)) {
      throw new UsageError(`${path}, ${place} is no JSON object; write {"column": "text", …} on each line.`);
    }
    for (const key of Object.keys(values)) columns.add(key);
    rows.push({ place, values });
  }
  return { columns: [...columns], rows };
}

async function readParquetFile(path: string): Promise<Content> {
  const { columns, rows, metadata } = await readParquetTable(path);
  return {
    columns,
    rows: rows.map((values, i) => ({ place: `row ${i + 1}`, values })),
    classNames: classNamesOf(metadata.huggingface),
  };
}

/** The names of classes that Hugging Face's `datasets` writes into a parquet file's metadata. */
function classNamesOf(text: string | undefined): Record<string, readonly string[]> {
  let features: unknown;
  try {
    features = (JSON.parse(text ?? '{}') as { info?: { features?: unknown } }).info?.features;
  } catch {
    return {};
  }
  const named = Object.entries(isObject(features) ? features : {}).flatMap(([column, feature]) => {
    const names = isObject(feature) && feature._type === 'ClassLabel' ? feature.names : undefined;
    const isList = Array.isArray(names) && names.every((name) => typeof name === 'string');
    return isList ? [[column, names] as const] : [];
  });
  return Object.fromEntries(named);
}
