// Lays tables and lines of text out for a terminal of some width.

/** Cells of a table as text. A header breaks at its spaces, but not at no-break ones. */
export interface TextTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /**
   * How many columns on the left name a row; the others are numbers, and stand on the right of their columns.
   */
  readonly names: number;
}

/** Between columns. */
const gap = 2;
/**
 * Names are never broken into narrower lines, and to no more than this share of the width where not all fits.
 */
const narrowestName = 12;
const namesShare = 0.4;

/**
 * The table in lines of at most `width` signs, in the first form that fits: as it is; with its header in
 * several lines; turned, a row for each column, where rows have one name; in several parts one below the
 * other, each with the names of the rows.
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

/** The text in lines of at most `width` signs, broken between words; all but the first are indented. */
export function wrapText(text: string, width = Infinity): string {
  return breakWords(text, width, 2).join('\n  ');
}

const fits = (text: string, width: number): boolean => text.split('\n').every((line) => line.length <= width);

function turn({ header, rows }: TextTable): TextTable {
  const [first, ...others] = header.map((name, column) => [
    name.trimEnd(),
    ...rows.map((row) => row[column]!),
  ]);
  return { header: first!, rows: others, names: 1 };
}

/** The table cut into parts that fit; long names are broken. */
function parts({ header, rows, names }: TextTable, width: number): TextTable[] {
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
  const broken = rows.flatMap((row) =>
    breakWords(row[names - 1]!, room).map((name, line) =>
      row.map((cell, i) => (i === names - 1 ? name : line === 0 ? cell : '')),
    ),
  );
  return groups.map((group) => {
    const pick = (row: readonly string[]) => [...row.slice(0, names), ...group.map((column) => row[column]!)];
    return { header: pick(header), rows: broken.map(pick), names };
  });
}

/**
 * How wide each column is where its header is broken into lines of `most` signs, or as long as its longest
 * word.
 */
function columnWidths({ header, rows }: TextTable, most: number): number[] {
  return header.map((name, i) => {
    const cells = Math.max(0, ...rows.map((row) => row[i]!.length));
    const words = Math.max(0, ...name.split(' ').map((word) => word.length));
    return Math.max(cells, Math.min(name.length, Math.max(words, most)));
  });
}

/** The table in lines, its header broken where a name is wider than its column and `most`. */
function write({ header, rows, names }: TextTable, most: number): string {
  const widths = columnWidths({ header, rows, names }, most);
  const broken = header.map((name, i) => breakWords(name, widths[i]!));
  const height = Math.max(...broken.map(({ length }) => length));
  // A header stands on its rule.
  const headers = Array.from({ length: height }, (_, line) =>
    broken.map((lines) => lines[line - height + lines.length] ?? ''),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i < names ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join(' '.repeat(gap))
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join(' '.repeat(gap));
  return [...headers.map(line), rule, ...rows.map(line)].join('\n').replaceAll('\u00a0', ' ');
}

/**
 * Lines of at most `width` signs, the second and further ones of `indent` fewer; words that are longer are
 * cut.
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
