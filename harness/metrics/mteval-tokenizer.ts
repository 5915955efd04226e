// Perl's \s on Unicode text; JavaScript's has U+FEFF and lacks U+0085.
const SPACES = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/** The words of a text as mteval-v13a.pl's default tokenisation splits them (lower-cases ASCII letters only). */
export function mtevalTokens(text: string): string[] {
  const spaced = text
    .replace(SPACES, ' ')
    .replaceAll('<skipped>', '')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return (
    ` ${spaced} `
      // Every ASCII punctuation character but ' , - .
      .replace(/[{-~[-` -&(-+:-@/]/g, ' $& ')
      .replace(/([^0-9])([.,])/g, '$1 $2 ')
      .replace(/([.,])([^0-9])/g, ' $1 $2')
      .replace(/([0-9])-/g, '$1 - ')
      .split(' ')
      .filter((word) => word !== '')
  );
}
