// Perl's \s on Unicode text; JavaScript's has U+FEFF and lacks U+0085.
const SPACES = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/** Lower-cases ASCII letters only. */
function lowerAscii(text: string): string {
  // eslint-disable-next-line no-control-regex -- all of ASCII
  return /^[\x00-\x7f]*$/.test(text)
    ? text.toLowerCase()
    : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function unescape(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
}

/**
 * The words of a text as mteval-v13a.pl's default tokenisation splits them (lower-cases ASCII letters only).
 */
export function mtevalTokens(text: string): string[] {
  const line = text.replace(SPACES, ' ').replaceAll('<skipped>', '');
  const words = ` ${lowerAscii(line.includes('&') ? unescape(line) : line)} `
    // Every ASCII punctuation character but ' , - . (and the space, whose copies vanish below)
    .replace(/[{-~[-`!-&(-+:-@/]/g, ' $& ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])-/g, '$1 - ')
    .split(/ +/);
  return words.slice(1, -1);
}
