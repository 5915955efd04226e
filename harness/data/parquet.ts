import { UsageError } from './errors.ts';
import { readBytes } from './files.ts';

/** The rows of a parquet file, with the columns given, which must all be there and hold text; throws UsageError otherwise. */
export async function readParquet<Column extends string>(
  path: string,
  columns: readonly Column[],
): Promise<Record<Column, string>[]> {
  // Imported here, because only data from the hub comes as parquet.
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const bytes = await readBytes(path);
  let rows: Record<string, unknown>[];
  try {
    rows = await parquetReadObjects({
      file: new Uint8Array(bytes).buffer,
      compressors,
      columns: [...columns],
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `${path} is not a parquet file that can be read with the columns ${columns.join(', ')}: ${why}`,
      {
        cause: error,
      },
    );
  }
  for (const [i, row] of rows.entries()) {
    for (const column of columns) {
      if (typeof row[column] !== 'string')
        throw new UsageError(`${path}, row ${i + 1}: ${column} holds no text.`);
    }
  }
  return rows as Record<Column, string>[];
}
