/** English word forms, articles and punctuation for the words of this folder; all its generators use them. */

/** Past, participle and -ing form of verbs for which the rule below would give another form. */
const irregular: Readonly<Record<string, readonly [past: string, participle: string, ing?: string]>> = {
  beat: ['beat', 'beaten'],
  begin: ['began', 'begun', 'beginning'],
  borrow: ['borrowed', 'borrowed'],
  break: ['broke', 'broken'],
  build: ['built', 'built'],
  buy: ['bought', 'bought'],
  choose: ['chose', 'chosen'],
  come: ['came', 'come'],
  do: ['did', 'done'],
  drink: ['drank', 'drunk'],
  drive: ['drove', 'driven'],
  eat: ['ate', 'eaten'],
  fall: ['fell', 'fallen'],
  feed: ['fed', 'fed'],
  feel: ['felt', 'felt'],
  find: ['found', 'found'],
  get: ['got', 'got', 'getting'],
  give: ['gave', 'given'],
  go: ['went', 'gone'],
  have: ['had', 'had'],
  keep: ['kept', 'kept'],
  draw: ['drew', 'drawn'],
  hide: ['hid', 'hidden'],
  know: ['knew', 'known'],
  leave: ['left', 'left'],
  lose: ['lost', 'lost'],
  make: ['made', 'made'],
  meet: ['met', 'met'],
  pay: ['paid', 'paid'],
  plan: ['planned', 'planned', 'planning'],
  ride: ['rode', 'ridden'],
  say: ['said', 'said'],
  see: ['saw', 'seen'],
  sell: ['sold', 'sold'],
  sing: ['sang', 'sung'],
  sit: ['sat', 'sat', 'sitting'],
  sleep: ['slept', 'slept'],
  speak: ['spoke', 'spoken'],
  steal: ['stole', 'stolen'],
  swim: ['swam', 'swum', 'swimming'],
  take: ['took', 'taken'],
  teach: ['taught', 'taught'],
  tear: ['tore', 'torn'],
  tell: ['told', 'told'],
  throw: ['threw', 'thrown'],
  wear: ['wore', 'worn'],
  write: ['wrote', 'written'],
  chat: ['chatted', 'chatted', 'chatting'],
  admit: ['admitted', 'admitted', 'admitting'],
};

const endsInSibilant = /(s|x|z|ch|sh)$/;
const endsInConsonantY = /[^aeiou]y$/;

/** Returns a verb's third person singular: repairs, fixes, carries. */
export const third = (verb: string): string =>
  verb === 'have' ? 'has' : verb === 'go' ? 'goes' : plural(verb);
/** Returns a verb's past: repaired, broke. */
export const past = (verb: string): string => irregular[verb]?.[0] ?? regularPast(verb);
/** Returns a verb's past participle: repaired, broken. */
export const participle = (verb: string): string => irregular[verb]?.[1] ?? regularPast(verb);
/** Returns a verb's -ing form: repairing, writing. */
export const ing = (verb: string): string =>
  irregular[verb]?.[2] ?? `${/[^eo]e$/.test(verb) ? verb.slice(0, -1) : verb}ing`;

function regularPast(verb: string): string {
  if (verb.endsWith('e')) return `${verb}d`;
  return endsInConsonantY.test(verb) ? `${verb.slice(0, -1)}ied` : `${verb}ed`;
}

const irregularPlurals: Readonly<Record<string, string>> = {
  man: 'men',
  woman: 'women',
  child: 'children',
  person: 'people',
  fisherman: 'fishermen',
  wife: 'wives',
  fruit: 'fruits',
  potato: 'potatoes',
  mango: 'mangoes',
};

/** Returns a noun's plural. */
export function plural(noun: string): string {
  const known = irregularPlurals[noun];
  if (known !== undefined) return known;
  if (endsInSibilant.test(noun)) return `${noun}es`;
  return endsInConsonantY.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}

/** Puts "a" or "an" before words. */
export const a = (words: string): string =>
  `${/^(?!uni|use|one|eu)[aeiou]|^ho(nest|ur)/i.test(words) ? 'an' : 'a'} ${words}`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const join = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(' ');

/** Joins parts to a sentence with a full stop; empty parts are left out. */
export const sentence = (...parts: readonly string[]): string => `${capital(join(parts))}.`;
/** Joins parts to a question; empty parts are left out. */
export const question = (...parts: readonly string[]): string => `${capital(join(parts))}?`;
