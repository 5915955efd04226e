/** Writes for all commands: results to standard output, all else to standard error. */
import { styleText } from 'node:util';
import { wrapText } from '../../reporting/tables/layout-text.ts';
import { writeError } from '../../support/atomic-files.ts';
import { errorCode, messageOf } from '../../support/errors.ts';

/**
 * Lets a command go on to its end where its output is lost, so that no run dies of a closed pipe. What nobody
 * reads is dropped in silence; the exit code is then 141, which a shell gives tools that end by SIGPIPE. A
 * result that cannot be written is told in one line, exit code 2. Progress and notes are worth neither.
 */
export function surviveLostOutput(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error) => {
    // Every further write fails, too.
    if (isLost) return;
    isLost = true;
    const isClosed = errorCode(error) === 'EPIPE';
    process.exitCode ??= isClosed ? 141 : 2;
    const refused = writeError('standard output', error);
    if (!isClosed) note(`error: ${messageOf(refused)}`);
  });
}
let isLost = false;

/** Writes a command's result. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes a command's result as one JSON document. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** Tells the user something beside the result; a line on standard error. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Lines of two or more columns, aligned. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The least width of a column of text; beside wider names its lines are not cut. */
const leastText = 30;

/** Lines of names, aligned, and a text in the last column that goes on below itself where a line ends. */
export function described(rows: readonly (readonly string[])[]): string {
  const names = rows.map((row) => row.slice(0, -1));
  const starts = columns(names.map((row) => [...row, '']))
    .split('\n')
    .map((line) => line.trimEnd());
  const indent = Math.max(...starts.map(({ length }) => length)) + 2;
  const width = terminalWidth() - indent;
  return rows
    .map((row, i) => {
      const text = width < leastText ? row.at(-1)! : wrapText(row.at(-1)!, width);
      return `${starts[i]!.padEnd(indent)}${text.replaceAll('\n', `\n${' '.repeat(indent)}`)}`.trimEnd();
    })
    .join('\n');
}

/** How many signs a line of a table may have: the terminal's columns, 80 where it is none. */
export function terminalWidth(): number {
  return process.stdout.columns || 80;
}

/** A heading, bold on a terminal. */
export function heading(text: string): string {
  return process.stdout.isTTY ? styleText('bold', text) : text;
}

/**
 * `trainable params: 49,152 || all params: 354,872,320 || trainable%: 0.0138`, as Hugging Face peft prints
 * it.
 */
export function trainableLine({
  trained,
  head,
  all,
}: {
  trained: number;
  head: number;
  all: number;
}): string {
  const total = trained + head;
  const numbers = [total.toLocaleString('en'), all.toLocaleString('en'), ((100 * total) / all).toFixed(4)];
  return `trainable params: ${numbers[0]!} || all params: ${numbers[1]!} || trainable%: ${numbers[2]!}`;
}
