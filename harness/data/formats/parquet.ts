/** Reads parquet files, the form in which the hub stores data sets. */
import { UsageError, messageOf } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';

/**
 * Reads the columns `texts` and `numbers` of a parquet file as rows. Throws UsageError where a column is
 * missing or a value is no text (or, in `numbers`, no finite number).
 */
export async function readParquet<Text extends string, Count extends string = never>(
  path: string,
  texts: readonly Text[],
  numbers: readonly Count[] = [],
): Promise<(Record<Text, string> & Record<Count, number>)[]> {
  const rows = await readParquetRows(path, [...texts, ...numbers]);
  for (const [i, row] of rows.entries()) {
    for (const column of texts) {
      if (typeof row[column] !== 'string')
        throw new UsageError(`${path}, row ${i + 1}: ${column} holds no text.`);
    }
    for (const column of numbers) {
      // hyparquet returns whole numbers of 64 bits as bigint.
      const value = row[column];
      const number = typeof value === 'bigint' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isFinite(number))
        throw new UsageError(`${path}, row ${i + 1}: ${column} holds no number.`);
      row[column] = number;
    }
  }
  return rows as (Record<Text, string> & Record<Count, number>)[];
}

/**
 * Reads the given columns of a parquet file, or all, as rows of unchecked values. Throws UsageError where the
 * file is broken or lacks a column.
 */
export async function readParquetRows(
  path: string,
  columns?: readonly string[],
): Promise<Record<string, unknown>[]> {
  // Imported here so that only runs on the hub's data load these packages.
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const bytes = await readBytes(path);
  try {
    return await parquetReadObjects({
      file: new Uint8Array(bytes).buffer,
      compressors,
      ...(columns && { columns: [...columns] }),
    });
  } catch (error) {
    const why = messageOf(error);
    const wanted = columns ? ` with the columns ${columns.join(', ')}` : '';
    throw new UsageError(`${path} is not a parquet file that can be read${wanted}: ${why}`, { cause: error });
  }
}

/** A whole parquet file: its columns in order, its rows, and the texts of its metadata by key. */
export interface ParquetTable {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads all columns of a parquet file, and its metadata; throws UsageError where the file is broken. */
export async function readParquetTable(path: string): Promise<ParquetTable> {
  const { parquetMetadata, parquetSchema } = await import('hyparquet');
  const rows = await readParquetRows(path);
  const bytes = await readBytes(path);
  const read = parquetMetadata(new Uint8Array(bytes).buffer);
  return {
    columns: parquetSchema(read).children.map(({ element }) => element.name),
    rows,
    metadata: Object.fromEntries((read.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ''])),
  };
}
