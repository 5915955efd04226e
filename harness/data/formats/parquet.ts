import { UsageError, messageOf } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';

/**
 * The rows of a parquet file, with the columns given, which must all be there and hold text, or numbers where
 * `numbers` lists
 * them; throws UsageError otherwise.
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
      // Whole numbers of 64 bits come as bigint.
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
 * The rows of a parquet file with whatever the columns given, or all, hold; throws UsageError where the file
 * is not sound or lacks one.
 */
export async function readParquetRows(
  path: string,
  columns?: readonly string[],
): Promise<Record<string, unknown>[]> {
  // Imported here, because only data from the hub comes as parquet.
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
