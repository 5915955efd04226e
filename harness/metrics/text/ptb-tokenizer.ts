/**
 * Penn Treebank tokens as Stanford's PTBTokenizer 3.4.1 (-preserveLines -lowerCase) gives them, without the
 * punctuation that the captioning metrics drop. Written from the treebank's conventions and from that
 * program's output. Telephone numbers, which it joins over spaces, stay separate.
 */

/**
 * The tokens that the captioning metrics drop. Lower case comes first, so brackets are dropped as [ ] { } ( )
 * only and stay as -lrb- etc.
 */
const PUNCTUATION = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';']);

const LETTER = '\\p{L}\\p{M}';
const PART = `[${LETTER}][${LETTER}\\p{Nd}\\u00ad]*`;
// A full stop, exclamation or question mark between letters does not end a word: "end.Next" is one.
const WORD = `${PART}(?:[.!?]${PART})*`;
const APOSTROPHE = "['’]";
const ENDS = `(?![${LETTER}\\p{Nd}])`;
const HYPHEN = '[-‐‑]';
const CLITIC = `${APOSTROPHE}(?:ll|re|ve|[smd])`;
const NUMBER = '(?:\\p{Nd}*(?:[.,:]\\p{Nd}+)+|\\p{Nd}+)';
const ASCII = '[a-z0-9]+(?:-[a-z0-9]+)*';

/** Words that keep their full stop; a few of them only with a capital or before a digit. */
const ABBREVIATIONS =
  'adj adm adv al ala alex apr ariz assn asst aug ave bhd bldg blvd brig bros calif capt cf cmdr co col ' +
  'colo comdr conn corp cos cpl ct dak dec dept det dr drs ens esq est etc ext feb fla fri ft ga gen ' +
  'gov hon inc ind insp intl jan jos jr jul jun kan ky lieut lt ltd maj mar md messrs mfg mich minn ' +
  'mlle mme mo mon mont mr mrs ms msgr mt natl neb nev nov oct okla penn pfc ph plc pres prof pte pty ' +
  'pvt rd rep reps rev sen sens sep sept seq sfc sgt sq sr st ste supt tel tenn thu thurs tue tues univ ' +
  'va vs vt wed wis wm wyo';
const CAPITALISED = 'Ark Az Ill Mass Miss Ore Pa Tex Wash';
const BEFORE_DIGIT = 'art ca fig figs no nos op pp prop';
const oneOf = (words: string): string => `(?:${words.replaceAll(' ', '|')})`;

interface Rule {
  readonly pattern: RegExp;
  /** The replacement of the match; the match itself if absent. */
  readonly tokens?: ((match: string) => string[]) | undefined;
}

const rule = (pattern: string, tokens?: Rule['tokens'], flags = 'iuy'): Rule => ({
  pattern: new RegExp(pattern, flags),
  tokens,
});

/**
 * The rules. The longest match wins, the first of equal ones. A group inside `(?=…)` adds to the length, not
 * to the match.
 */
const RULES: readonly Rule[] = [
  rule('<(?:[!?][a-z-][^>]*|/?[a-z][\\w:.-]*(?: [^<>=]*(?:="?[^<>" ]*"?[^<>=]*)*)? */?)>', (tag) => [
    tag.replaceAll(' ', '\u00a0'),
  ]),
  rule('&(?:amp|nbsp);', (entity) => (entity.toLowerCase() === '&nbsp;' ? [] : ['&'])),
  rule('&(?:lt|gt);', (entity) => [entity.toLowerCase() === '&lt;' ? '<' : '>']),
  rule('&(?:quot|apos|[nm]dash);', () => []),
  rule('&(?:[aeiouy](?:acute|grave|uml|circ)|ntilde|ccedil|#[0-9]+);'),
  rule('https?://[^\\s<>"]*\\.[^\\s<>"]+?(?=[.,;:!?)]*(?:\\s|$))'),
  rule('www\\.[^\\s<>"]+?(?=[.,;:!?)]*(?:\\s|$))'),
  rule('<?[a-z0-9][\\w.+-]*@[a-z0-9-]+(?:\\.[a-z0-9-]+)*>?'),
  rule('@[a-z_][\\w]*'),
  rule(`#[${LETTER}]+`),
  // Words: the part before a clitic (n't takes its n along), then the clitics.
  rule(`[${LETTER}]+(?=(n${APOSTROPHE}t)(?![a-z]))`),
  rule(`n${APOSTROPHE}t${ENDS}`),
  rule(`${WORD}(?=(${CLITIC})(?![a-z]))`),
  rule(`${CLITIC}(?![a-z])`),
  rule(`(?:cannot|gonna|gotta|lemme|gimme|wanna)${ENDS}`, (word) => [word.slice(0, 3), word.slice(3)]),
  rule(WORD),
  rule(`${APOSTROPHE}t(?=((?:is|was)(?:n${APOSTROPHE}t)?)${ENDS})`),
  rule(`[dlno]${APOSTROPHE}[${LETTER}]{2,}`),
  rule(`[djly]${APOSTROPHE}`),
  rule(`${APOSTROPHE}(?:em|til|cause|n${APOSTROPHE}?|[2-9]0s)${ENDS}`),
  rule(`(?:ol|somethin)${APOSTROPHE}`),
  rule(`(?:c'mon|qu'il|ma'am|li'l|cap'n|n?e'er|[cn]'est|d'ye)${ENDS}`.replaceAll("'", APOSTROPHE)),
  rule('(?:[a-z]\\.)+'),
  rule(`(?:Ph\\.D|${oneOf(ABBREVIATIONS)})\\.`),
  rule(`${oneOf(CAPITALISED)}\\.`, undefined, 'uy'),
  rule(`${oneOf(BEFORE_DIGIT)}\\.(?=\\s*\\p{Nd})`),
  rule('[A-Z]+(?:&(?:amp;)?[A-Z]+)+', (word) => [word.replaceAll('&amp;', '&')], 'uy'),
  // Numbers and compounds with hyphens, underscores and slashes.
  rule(`[+-]?${NUMBER}`),
  rule(`\\p{Nd}[\\p{Nd}${LETTER}]*`),
  rule('(?:\\p{Nd}{1,4}[ -])?\\p{Nd}{1,4}/\\p{Nd}{1,4}', (fraction) => [fraction.replace(' ', '\u00a0')]),
  rule(`[${LETTER}\\p{Nd}][${LETTER}\\p{Nd}.,]*(?:${HYPHEN}(?:[${LETTER}\\p{Nd}]+(?:\\.[a-z]\\.)?))+`),
  rule(`[${LETTER}\\p{Nd}]+(?:_[${LETTER}\\p{Nd}]+)+`),
  rule(`${ASCII}(?:/${ASCII})+`),
  rule('[bc]\\+\\+'),
  // A full stop before a comma, semicolon or colon stays with its word.
  rule(`[${LETTER}\\p{Nd}]+(?:${HYPHEN}[${LETTER}\\p{Nd}]+)*\\.(?=[,;:])`),
  // Money.
  rule('(?:US|AU|CA|CAN|HK|NZ|[ACMRSX])\\$', undefined, 'uy'),
  rule('£', () => ['#']),
  rule('[€¤\\u20a0\\u0080]', () => ['$']),
  rule('¢', () => ['cents']),
  rule('¼', () => ['1/4']),
  rule('½', () => ['1/2']),
  rule('¾', () => ['3/4']),
  rule('⅓', () => ['1/3']),
  rule('⅔', () => ['2/3']),
  // Punctuation. Tokens of PUNCTUATION are dropped at once, in any length.
  rule(`[<>]?(?:[:;=]['o-]?[()dp\\]|])(?![${LETTER}\\p{Nd}])`, (face) => [
    face.replaceAll('(', '-lrb-').replaceAll(')', '-rrb-'),
  ]),
  rule('[(]', () => ['-lrb-']),
  rule('[)]', () => ['-rrb-']),
  rule('\\[', () => ['-lsb-']),
  rule('\\]', () => ['-rsb-']),
  rule('\\{', () => ['-lcb-']),
  rule('\\}', () => ['-rcb-']),
  rule('[!?]+|\\*+|_+|-{5,}|[²³¹⁰-⁹₀-₉]+'),
  rule('-{2,4}', () => []),
  rule(`[-–—―.…"“”‘’‛‹›«»\`']`, () => []),
  rule(
    '[!-¬®-ÿ\\u2016-\\u2044\\u2070-\\u209c\\u0e3f\\u20a4\\u2100-\\u214d\\u2155-\\u215e' +
      '\\u2190-\\u2bff\\u3001\\u3002\\u30fb\\uff01-\\uffe6]',
  ),
];

// Most of a text: words of plain letters and hyphens that end at a space, comma or full stop.
const PLAIN = /([A-Za-z]{2,}(?:-[A-Za-z]+)*)[,.]?(?=\s|$)/y;
const NOT_PLAIN = new Set([
  ...['cannot', 'gonna', 'gotta', 'lemme', 'gimme', 'wanna'],
  ...[ABBREVIATIONS, CAPITALISED.toLowerCase(), BEFORE_DIGIT].join(' ').split(' '),
]);

/**
 * Applies the longest match at a place: its tokens, and where it ends. Characters without a rule are dropped.
 */
function lex(text: string, at: number): { tokens: readonly string[]; end: number } {
  let longest = 0;
  let best: { tokens: readonly string[]; end: number } | undefined;
  for (const { pattern, tokens } of RULES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) continue;
    const length = match[0].length + (match[1]?.length ?? 0);
    if (length <= longest) continue;
    longest = length;
    best = { tokens: tokens ? tokens(match[0]) : [match[0]], end: at + match[0].length };
  }
  return best ?? { tokens: [], end: at + 1 };
}

/** Splits a text into the tokens of METEOR, ROUGE-L and CIDEr: lower case, without punctuation. */
export function ptbTokens(text: string): string[] {
  const all: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    PLAIN.lastIndex = at;
    const plain = PLAIN.exec(text);
    const word = plain?.[1]?.toLowerCase();
    if (word !== undefined && !NOT_PLAIN.has(word)) {
      all.push(word);
      at = PLAIN.lastIndex;
      continue;
    }
    const { tokens, end } = lex(text, at);
    for (const token of tokens) {
      const lower = token.toLowerCase().replaceAll('\u00ad', '').replaceAll('’', "'");
      if (!PUNCTUATION.has(lower)) all.push(lower);
    }
    at = end;
  }
  return all;
}
