/** Reads tab-separated files, the form of GLUE's official data. */
import { counted } from '../../support/counted.ts';
import { UsageError } from '../../support/errors.ts';
import { textLines } from './text-lines.ts';

/** The wanted fields of one line, in the requested order. */
export interface TsvRow {
  /** Line number, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * How to find the wanted fields: by names in the first line, or without a header by position, in lines of
 * `count` fields.
 */
export type TsvColumns =
  { readonly names: readonly string[] } | { readonly places: readonly number[]; readonly count: number };

/**
 * Reads tab-separated text in which quotes have no meaning; a byte order mark is skipped, lines end in \n or
 * \r\n, empty lines are left out. Throws UsageError with file and line where a column is missing, or a line
 * is not UTF-8 or has another number of fields; with `skipIncomplete` such short or long lines are left out.
 */
export function parseTsv(
  path: string,
  bytes: Uint8Array,
  columns: TsvColumns,
  { skipIncomplete }: { readonly skipIncomplete?: true } = {},
): TsvRow[] {
  const rows: TsvRow[] = [];
  let layout = 'names' in columns ? undefined : columns;
  let header = '';
  for (const [number, text] of textLines(path, bytes)) {
    const fields = text.split('\t');
    if (!layout) {
      layout = findColumns(path, fields, (columns as { names: readonly string[] }).names);
      header = ` (${fields.join(', ')})`;
      continue;
    }
    if (fields.length !== layout.count) {
      if (skipIncomplete) continue;
      const has = `${counted(fields.length, 'field')} separated by tabs`;
      throw new UsageError(
        `${path}, line ${number}: there are ${has}; expected ${layout.count}${header}. ` +
          'Nothing is quoted in this format; get the file again.',
      );
    }
    rows.push({ line: number, fields: layout.places.map((place) => fields[place]!) });
  }
  return rows;
}

function findColumns(
  path: string,
  header: readonly string[],
  names: readonly string[],
): { places: number[]; count: number } {
  const places = names.map((name) => header.indexOf(name));
  const missing = names.filter((_, i) => places[i]! < 0);
  if (missing.length === 0) return { places, count: header.length };
  throw new UsageError(
    `${path}, line 1 lacks the column${missing.length > 1 ? 's' : ''} ${missing.join(' and ')}; ` +
      `expected a header with ${names.join(', ')}, separated by tabs, but it names ${header.join(', ')}.`,
  );
}
