/** Reads CSV files of data sets with csv-parse; faults become UsageErrors that name file and line. */
import { CsvError, parse, type Options } from 'csv-parse/sync';
import { UsageError } from '../../support/errors.ts';

/**
 * Parses a CSV text with csv-parse's options into rows (lists of fields, or objects by column). Throws
 * UsageError with file and line where a quote is not closed or a line has another number of fields.
 */
export function parseCsv(path: string, content: string | Buffer, options: Options): unknown[] {
  try {
    return parse(content, options);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UsageError(`${path}, line ${String(error.lines)}: ${error.message}; get the file again.`, {
      cause: error,
    });
  }
}
