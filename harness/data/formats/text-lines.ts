/** Splits the bytes of a text file into lines, for readers of tab-separated files and JSON lines. */
import { UsageError } from '../../support/errors.ts';

/**
 * Yields the number (from 1) and the text of each line that is not empty. A byte order mark is skipped, lines
 * end in \n or \r\n. Lines are decoded one by one, because a file may exceed a string's longest length. Throws
 * UsageError with file and line where the bytes are not UTF-8.
 */
export function* textLines(path: string, bytes: Uint8Array): Generator<[number: number, text: string]> {
  // Without `ignoreBOM`, the decoder would remove a mark from every line, not from the first alone.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let number = 0;
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(10, start);
    const end = found < 0 ? bytes.length : found;
    number++;
    let text: string;
    try {
      text = decoder.decode(bytes.subarray(start, end));
    } catch (error) {
      throw new UsageError(`${path}, line ${number} is not UTF-8 text; get the file again.`, {
        cause: error,
      });
    }
    if (number === 1 && text.startsWith('\ufeff')) text = text.slice(1);
    if (text.endsWith('\r')) text = text.slice(0, -1);
    if (text !== '') yield [number, text];
    start = end + 1;
  }
}
