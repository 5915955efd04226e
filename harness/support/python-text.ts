/** Python's `str` methods and `float()`, where benchmarks depend on how they differ from JavaScript's. */

/**
 * Python's white space: Unicode's and the separators 0x1c to 0x1f, which JavaScript's `trim` leaves; not the
 * byte order mark.
 */
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const START = new RegExp(`^${SPACE}`);
const END = new RegExp(`${SPACE}$`);
const OUTSIDE = new RegExp(`^${SPACE}|${SPACE}$`, 'g');

/** `str.strip()` */
export const strip = (text: string): string => text.replace(OUTSIDE, '');

/** `str.lstrip()` */
export const stripStart = (text: string): string => text.replace(START, '');

/** `str.capitalize()`: the first letter in upper case, all others in lower case. */
export function capitalize(text: string): string {
  const [first = ''] = text;
  const [initial = '', ...more] = first.toUpperCase();
  // A capital sigma at a word's end depends on the letters before it.
  const rest = text.toLowerCase().slice(first.toLowerCase().length);
  return initial + more.join('').toLowerCase() + rest;
}

/** `len(str)`: code points. */
export const length = (text: string): number => Array.from(text).length;

/** `str.rstrip(characters)`, by default of white space. */
export function stripEnd(text: string, characters?: string): string {
  if (characters === undefined) return text.replace(END, '');
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** `str.strip(characters)` */
export function stripCharacters(text: string, characters: string): string {
  const kept = stripEnd(text, characters);
  let start = 0;
  while (start < kept.length && characters.includes(kept[start]!)) start++;
  return kept.slice(start);
}

/** Whether Python takes a text, whose digits are 0 to 9, for a number with a finite spelling. */
const DECIMAL = /^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?$/i;
const NOT_FINITE = /^([+-]?)(inf|infinity|nan)$/i;

/** `float(str)`, of digits of any script, underscores between digits, and `inf`; undefined where it is none. */
export function parseFloatText(text: string): number | undefined {
  const plain = strip(text).replace(/\p{Nd}/gu, (digit) => String(digitValue(digit)));
  if (DECIMAL.test(plain)) return Number(plain.replaceAll('_', ''));
  const [, sign, word] = NOT_FINITE.exec(plain) ?? [];
  if (word === undefined) return undefined;
  if (word.toLowerCase() === 'nan') return NaN;
  return sign === '-' ? -Infinity : Infinity;
}

/** The value of a decimal digit: Unicode has each script's ten digits side by side, from the zero on. */
function digitValue(digit: string): number {
  const code = digit.codePointAt(0)!;
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return (code - first) % 10;
}
