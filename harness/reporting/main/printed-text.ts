/** A printed table as text for a terminal. `bench table` prints it. */
import { boldMeans, type PrintedTable } from '../report/cells.ts';
import { signs } from '../tables/format-table.ts';
import { layoutTable, wrapText } from '../tables/layout-text.ts';
import { markLegend } from '../tables/marks.ts';

/** Writes a table in lines of at most `width` characters, with its title above and its notes below. */
export function printedText(
  { title, header, body, standing, means, foot }: PrintedTable,
  width = Infinity,
): string {
  // A column whose cells may have a mark keeps room for it.
  const isMarked = header.map((_, at) => body.some((cells) => cells[at]!.mark !== undefined));
  const rows = body.map((cells) =>
    cells.map(({ text, mark }, at) => (isMarked[at] ? `${text}${signs[mark ?? 'none']}` : text)),
  );
  const names = header.map((name, at) => (isMarked[at] ? `${name}\u00a0` : name));
  const notes = [
    ...means.map((line) => (line === boldMeans ? markLegend(signs.best, signs.next) : line)),
    ...foot,
  ];
  return [
    title,
    layoutTable({ header: names, rows, names: 1, ...(standing && { standing }) }, width),
    ...notes.map((line) => wrapText(line, width)),
  ].join('\n\n');
}
