// Lays out tables and lines of text for a terminal of some width.
import { stripVTControlCharacters } from 'node:util';

/** The cells of a table as text. A header may break at its spaces, but not at no-break spaces. */
export interface TextTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The number of columns on the left that name a row; the others are numbers and aligned right. */
  readonly names: number;
  /** How many of the last rows stand in grey under a rule of their own; none where absent. */
  readonly standing?: number;
}

/** The gap between columns. */
const gap = 2;
/**
 * The share of the width that names may take if not everything fits; they are never broken into narrower
 * lines.
 */
const narrowestName = 12;
const namesShare = 0.4;

/**
 * Lays out a table in lines of at most `width` characters, in the first form that fits: as it is; with a
 * broken header; transposed, if rows have one name; in several parts below each other, each with the rows'
 * names.
 */
export function layoutTable(table: TextTable, width = Infinity): string {
  const plain = write(table, Infinity);
  if (fits(plain, width)) return plain;
  const narrow = write(table, 1);
  if (fits(narrow, width)) return narrow;
  if (table.names === 1) {
    const turned = write(turn(table), Infinity);
    if (fits(turned, width)) return turned;
  }
  return parts(table, width)
    .map((part) => write(part, 1))
    .join('\n\n');
}

/** A line in grey where the output is a terminal with colours, as NO_COLOR and FORCE_COLOR have it. */
const grey = (line: string): string =>
  process.stdout.isTTY && process.stdout.hasColors() ? `\u001b[90m${line}\u001b[39m` : line;

/** Breaks a text between words into lines of at most `width` characters; all but the first are indented. */
export function wrapText(text: string, width = Infinity): string {
  return breakWords(text, width, 2).join('\n  ');
}

/** Whether every line of a text has at most `width` characters. */
export const fits = (text: string, width: number): boolean =>
  stripVTControlCharacters(text)
    .split('\n')
    .every((line) => line.length <= width);

/** Rows become columns; what stood under a rule are then the last ones. */
function turn({ header, rows }: TextTable): TextTable {
  const [first, ...others] = header.map((name, column) => [
    name.trimEnd(),
    ...rows.map((row) => row[column]!),
  ]);
  return { header: first!, rows: others, names: 1 };
}

/** Cuts a table into parts that fit; long names are broken. */
function parts({ header, rows, names, standing = 0 }: TextTable, width: number): TextTable[] {
  const widths = columnWidths({ header, rows, names }, 1);
  const widest = Math.max(...widths.slice(names));
  const before = widths.slice(0, names - 1).reduce((sum, own) => sum + own + gap, 0);
  const room = Math.max(
    narrowestName,
    Math.min(width - before - gap - widest, Math.floor(width * namesShare)),
  );
  const named = before + Math.min(widths[names - 1]!, room);
  const groups: number[][] = [];
  let used = Infinity;
  for (let column = names; column < header.length; column++) {
    const own = gap + widths[column]!;
    if (used + own > width) {
      groups.push([]);
      used = named;
    }
    groups.at(-1)!.push(column);
    used += own;
  }
  const linesOf = (row: readonly string[]): string[][] =>
    breakWords(row[names - 1]!, room).map((name, line) =>
      row.map((cell, i) => (i === names - 1 ? name : line === 0 ? cell : '')),
    );
  const broken = rows.flatMap(linesOf);
  const last = rows.slice(rows.length - standing).flatMap(linesOf).length;
  return groups.map((group) => {
    const pick = (row: readonly string[]) => [...row.slice(0, names), ...group.map((column) => row[column]!)];
    return { header: pick(header), rows: broken.map(pick), names, standing: last };
  });
}

/**
 * The width of each column if its header is broken into lines of `most` characters, or as long as its longest
 * word.
 */
function columnWidths({ header, rows }: TextTable, most: number): number[] {
  return header.map((name, i) => {
    const cells = Math.max(0, ...rows.map((row) => row[i]!.length));
    const words = Math.max(0, ...name.split(' ').map((word) => word.length));
    return Math.max(cells, Math.min(name.length, Math.max(words, most)));
  });
}

/** Writes the lines of a table; a header wider than its column and `most` is broken. */
function write({ header, rows, names, standing = 0 }: TextTable, most: number): string {
  const widths = columnWidths({ header, rows, names }, most);
  const broken = header.map((name, i) => breakWords(name, widths[i]!));
  const height = Math.max(...broken.map(({ length }) => length));
  // Short headers stand at the bottom, on the rule.
  const headers = Array.from({ length: height }, (_, line) =>
    broken.map((lines) => lines[line - height + lines.length] ?? ''),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i < names ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join(' '.repeat(gap))
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join(' '.repeat(gap));
  const [upper, lower] = [rows.slice(0, rows.length - standing), rows.slice(rows.length - standing)];
  return [
    ...headers.map(line),
    rule,
    ...upper.map(line),
    ...(upper.length > 0 && lower.length > 0 ? [rule] : []),
    ...lower.map((row) => grey(line(row))),
  ]
    .join('\n')
    .replaceAll('\u00a0', ' ');
}

/**
 * Breaks a text into lines of at most `width` characters, all but the first shorter by `indent`; longer words
 * are cut.
 */
function breakWords(text: string, width: number, indent = 0): string[] {
  if (text.length <= width) return [text];
  const lines: string[] = [];
  let line = '';
  const room = (): number => Math.max(1, width - (lines.length > 0 ? indent : 0));
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length <= room()) {
      line += ` ${rest}`;
      continue;
    }
    if (line !== '') lines.push(line);
    while (rest.length > room()) {
      const most = room();
      lines.push(rest.slice(0, most));
      rest = rest.slice(most);
    }
    line = rest;
  }
  return [...lines, line];
}
