/** Makes the table of docs/families.md from what `bench list families` prints. */
import { families } from '../../models/families/registry.ts';

/** The marks in docs/families.md between which the table stands. */
export const tableMarks = {
  begin: '<!-- `npm run docs:families` writes this table from harness/models/families/registry.ts -->',
  end: '<!-- end of the table -->',
};

/** The table in Markdown, with columns of even width. */
export function familiesTable(): string {
  const rows = [
    ['family', 'models', 'tried with', 'refused'],
    ...Object.entries(families).map(([name, { models, triedWith, refuses }]) => [
      `\`${name}\``,
      models,
      triedWith,
      refuses,
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const [head, ...body] = rows.map((row) => line(row.map((cell, i) => cell.padEnd(widths[i]!))));
  return [head, line(widths.map((width) => '-'.repeat(width))), ...body].join('\n');
}

/** A page with the table anew; throws RangeError where it lacks the marks. */
export function withFamiliesTable(page: string): string {
  const [begin, end] = [page.indexOf(tableMarks.begin), page.indexOf(tableMarks.end)];
  if (begin < 0 || end < begin) throw new RangeError('docs/families.md lacks the marks of its table');
  return `${page.slice(0, begin)}${tableMarks.begin}\n\n${familiesTable()}\n\n${page.slice(end)}`;
}
