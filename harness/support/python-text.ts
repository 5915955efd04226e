/** Python's `str` methods, where a benchmark's prompts depend on how they differ from JavaScript's. */

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
