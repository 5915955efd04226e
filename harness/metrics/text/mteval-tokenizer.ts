/** The tokens of BLEU and NIST. */

// Perl's \s on Unicode text: unlike JavaScript's it has U+0085 and lacks U+FEFF.
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

/** Splits a text into words as mteval-v13a.pl does by default; only ASCII letters become lower case. */
export function mtevalTokens(text: string): string[] {
  const line = text.replace(SPACES, ' ').replaceAll('<skipped>', '');
  const words = ` ${lowerAscii(line.includes('&') ? unescape(line) : line)} `
    // Every ASCII punctuation character except ' , - . (and the space, whose copies are dropped below).
    .replace(/[{-~[-`!-&(-+:-@/]/g, ' $& ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])-/g, '$1 - ')
    .split(/ +/);
  return words.slice(1, -1);
}
