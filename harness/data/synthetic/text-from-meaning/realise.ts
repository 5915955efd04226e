/**
 * Writes meanings and the texts that say them, by a grammar shared by all domains. The built-in E2E data and
 * pretraining pairs are made with it.
 */
import type { SeededRandom } from '../random.ts';
import { pickEarly, type Domain, type Opening, type Slot, type Value } from './domain.ts';

/** One thing with the facts to be said of it. */
export interface Meaning {
  readonly name: string;
  /**
   * The value of the domain's type slot; undefined where the domain has none or the meaning does not give it.
   */
  readonly type: string | undefined;
  readonly facts: readonly { readonly slot: Slot; readonly value: string }[];
}

/** Writes a meaning as `name : X | Type : pub | …`, the form in which LoRA's code has E2E. */
export function writeMeaning(domain: Domain, { name, type, facts }: Meaning): string {
  const pairs = [['name', name]];
  if (domain.type && type !== undefined) pairs.push([domain.type.name, type]);
  for (const { slot, value } of facts) pairs.push([slot.name, value]);
  return pairs.map(([slot, value]) => `${slot!} : ${value!}`).join(' | ');
}

type Place = 'before' | 'after' | 'participle' | 'predicate' | 'sentence';

interface Fact {
  readonly slot: Slot;
  readonly value: string;
  readonly said: Value;
}

/** A drawn phrase that says one fact. */
interface Phrase {
  readonly text: string;
  readonly fact: Fact;
}

/** A text being written; each phrase removes the fact that it says from `queue`. */
interface Draft {
  readonly domain: Domain;
  readonly random: SeededRandom;
  readonly name: string;
  readonly noun: string;
  /** Whether the noun says the meaning's type, and so must occur. */
  readonly nounMatters: boolean;
  queue: Fact[];
  /** The last sentence's subject; the next sentence has another, or "it" again. */
  subject: string;
}

/**
 * Writes one to four sentences that say a meaning, with spaces between tokens as in LoRA's form. A third or
 * later fact is left out with probability 0.07, as human writers leave facts out.
 */
export function realise(domain: Domain, meaning: Meaning, random: SeededRandom): string {
  const nouns = meaning.type === undefined ? domain.nouns : domain.type!.nouns[meaning.type]!;
  // In half of the texts the facts keep the meaning's order, as writers often do.
  const facts = (random.chance(0.5) ? meaning.facts : random.shuffle(meaning.facts))
    .map(({ slot, value }): Fact => ({ slot, value, said: slot.values[value]! }))
    .filter((_, i) => i < 2 || !random.chance(0.07));
  const draft: Draft = {
    domain,
    random,
    name: meaning.name,
    noun: pickEarly(random, nouns),
    nounMatters: meaning.type !== undefined,
    queue: facts,
    subject: meaning.name,
  };
  const sentences = [openings[random.pick(domain.openings)](draft)];
  while (draft.queue.length) sentences.push(follow(draft, sentences.length));
  return separateTokens(sentences.map(capitalise).join(' '));
}

const openings: Readonly<Record<Opening, (draft: Draft) => string>> = {
  copula(draft) {
    const front = maybeFront(draft, 0.3);
    const np = nounPhrase(draft, 3);
    if (saysNothing(draft, np) && draft.queue.length) return front + openings.subject(draft);
    return `${front}${draft.name} is ${np}${secondClause(draft)}.`;
  },

  there(draft) {
    const { random, name } = draft;
    const front = maybeFront(draft, 0.5);
    const called = pickEarly(random, draft.domain.called);
    const before = beforeNoun(draft, 2);
    if (random.chance(0.5)) return `${front}there is ${before} ${called} ${name}${afterNoun(draft, 2)}.`;
    const after = places(draft, 2);
    return `${front}there is ${before}${after} ${called} ${name}${relativeClause(draft, after ? 0.2 : 0.6)}.`;
  },

  apposition(draft) {
    if (draft.queue.length < 2) return openings.copula(draft);
    const predicates = take(draft, 'predicate', 1 + draft.random.int(2), 0.9);
    if (!predicates.length) return openings.copula(draft);
    const np = nounPhrase(draft, 2);
    const aside = saysNothing(draft, np) ? ' ' : `, ${np}, `;
    return `${draft.name}${aside}${coordinate(draft, predicates)}.`;
  },

  subject(draft) {
    const subject = draft.nounMatters ? nameWithNoun(draft) : draft.name;
    const predicates = take(draft, 'predicate', 1 + draft.random.int(3), 1);
    return `${sentence(draft, subject, predicates)}.`;
  },

  participle(draft) {
    const [participle] = take(draft, 'participle', 1, 0.9);
    if (!participle) return openings.there(draft);
    const { random, name } = draft;
    const [aside] = take(draft, 'predicate', 1, 0.3);
    if (aside) return `${participle.text}, ${name}, which ${aside.text}, is ${nounPhrase(draft, 2)}.`;
    const predicates = random.chance(0.5) ? take(draft, 'predicate', 2, 0.8) : [];
    if (!predicates.length) return `${participle.text}, ${name} is ${nounPhrase(draft, 2)}.`;
    if (!draft.nounMatters) return `${name}, ${participle.text}, ${coordinate(draft, predicates)}.`;
    return `${name}, ${participle.text}, is ${nounPhrase(draft, 1)}${also(draft, predicates)}.`;
  },

  condition(draft) {
    const { random } = draft;
    const want = pickEarly(random, ['are looking for', 'want', 'would like', 'need']);
    const np = nounPhrase(draft, 3);
    if (saysNothing(draft, np)) return openings.subject(draft);
    const advice = pickEarly(random, draft.domain.advice);
    if (random.chance(0.7)) return `if you ${want} ${np}, ${advice} ${draft.name}.`;
    return `${advice} ${draft.name} if you ${want} ${np}.`;
  },

  question(draft) {
    const { random } = draft;
    const want = pickEarly(random, ['looking for', 'do you want', 'in search of', 'in need of']);
    const np = nounPhrase(draft, 3);
    if (saysNothing(draft, np)) return openings.subject(draft);
    const answer = random.chance(0.6)
      ? `${capitalise(pickEarly(random, draft.domain.advice))} ${draft.name}`
      : `${draft.name} ` +
        pickEarly(random, ['is a good choice', 'is worth a look', 'may be the one', 'fits the bill']);
    return `${want} ${np}? ${answer}.`;
  },

  imperative(draft) {
    const { random } = draft;
    const advice = pickEarly(random, draft.domain.advice);
    const np = nounPhrase(draft, 3);
    if (saysNothing(draft, np)) return openings.subject(draft);
    if (random.chance(0.5)) return `${advice} ${draft.name}, ${np}.`;
    return `for ${np}, ${advice} ${draft.name}.`;
  },
};

/** Writes a sentence after the first; the third sentence says all facts that are left. */
function follow(draft: Draft, written: number): string {
  const { random, name, noun } = draft;
  const rest = written >= 2;
  const [clause] = take(draft, 'sentence', 1, rest && draft.queue.length > 1 ? 0 : 0.3);
  const it = pickEarly(
    random,
    ['it', `the ${noun}`, name].filter((subject) => subject === 'it' || subject !== draft.subject),
  );
  draft.subject = it;
  if (clause) {
    const text = clause.text.replace('{it}', it).replace('{here}', it === 'it' ? 'here' : `at ${it}`);
    // "You can bring the kids" does not have the thing as its subject, so "and it …" cannot follow.
    const [more] = text === clause.text ? [] : take(draft, 'predicate', 1, 0.4);
    return more ? `${text}, ${conjunction(clause, more)} it ${more.text}.` : `${text}.`;
  }
  const [participle] = take(draft, 'participle', 1, draft.queue.length > 1 ? 0.2 : 0);
  const predicates = take(draft, 'predicate', rest ? draft.queue.length : 1 + random.int(3), 1);
  if (participle) return `${participle.text}, ${it} ${coordinate(draft, predicates)}.`;
  return `${sentence(draft, it, predicates)}.`;
}

/**
 * Draws phrases for up to `most` facts that have a phrase for this place, and removes those facts from the
 * queue. Each fact is taken with probability `chance`, and only if `may` accepts it.
 */
function take(
  draft: Draft,
  place: Place,
  most: number,
  chance: number,
  may?: (fact: Fact) => boolean,
): Phrase[] {
  const taken: Phrase[] = [];
  draft.queue = draft.queue.filter((fact) => {
    const phrases = fact.said[place];
    if (taken.length >= most || !phrases || (may && !may(fact)) || !draft.random.chance(chance)) return true;
    taken.push({ text: pickEarly(draft.random, phrases).replaceAll('{v}', fact.value), fact });
    return false;
  });
  return taken;
}

/** Writes a phrase of place to open a sentence, "near the mill, ", or nothing. */
function maybeFront(draft: Draft, chance: number): string {
  const [front] = take(draft, 'after', 1, chance, ({ slot }) => slot.isPlace === true);
  return front ? `${front.text}, ` : '';
}

/**
 * Writes "a cheap Italian pub near the mill that welcomes families"; `most` limits the adjectives besides the
 * kind, and the phrases of place.
 */
function nounPhrase(draft: Draft, most: number): string {
  const before = beforeNoun(draft, Math.min(2, most));
  return before + afterNoun(draft, most);
}

/** Writes "a cheap, family-friendly Italian pub". */
function beforeNoun(draft: Draft, most: number): string {
  const { random } = draft;
  const kinds = take(draft, 'before', 1, 0.6, ({ slot }) => slot.isKind === true);
  const others = take(draft, 'before', most, 0.55, ({ slot }) => slot.isKind !== true).map(
    ({ text }) => text,
  );
  const words = [others.join(random.chance(0.5) ? ', ' : ' '), ...kinds.map(({ text }) => text), draft.noun];
  return withArticle(words.filter((word) => word !== '').join(' '));
}

/** Writes " in the city centre serving pasta" or " near the mill that has low prices". */
function afterNoun(draft: Draft, most: number): string {
  const after = prepositions(draft, most);
  const participles = take(draft, 'participle', after ? 1 : 2, after ? 0.25 : 0.5).map(({ text }) => text);
  const participle = participles.length ? ` ${participles.join(' and ')}` : '';
  return after + participle + (participle ? '' : relativeClause(draft, after ? 0.3 : 0.6));
}

/** Writes " in the city centre near the mill with low prices", places first. */
function prepositions(draft: Draft, most: number): string {
  const where = places(draft, most);
  const [other] = take(draft, 'after', 1, 0.45, ({ slot }) => slot.isPlace !== true);
  return other ? `${where} ${other.text}` : where;
}

/** Writes " in the city centre near the mill". */
function places(draft: Draft, most: number): string {
  const phrases = take(draft, 'after', most, 0.55, ({ slot }) => slot.isPlace === true);
  return phrases.map(({ text }) => ` ${text}`).join('');
}

/** Writes " that serves pasta and welcomes families", or nothing. */
function relativeClause(draft: Draft, chance: number): string {
  if (!draft.random.chance(chance)) return '';
  const predicates = take(draft, 'predicate', 1 + draft.random.int(2), 0.8);
  return predicates.length ? ` that ${coordinate(draft, predicates)}` : '';
}

/** Writes ", and it has low prices" or " and has low prices", or nothing. */
function secondClause(draft: Draft): string {
  const predicates = draft.random.chance(0.3) ? take(draft, 'predicate', 1, 0.7) : [];
  return predicates.length ? also(draft, predicates) : '';
}

function also(draft: Draft, predicates: readonly Phrase[]): string {
  const it = predicates.length > 1 || draft.random.chance(0.6) ? ', and it' : ' and';
  return `${it} ${coordinate(draft, predicates)}`;
}

/**
 * Writes "it has low prices and is near the mill", or "although it has low prices, it is not suitable for
 * children".
 */
function sentence(draft: Draft, subject: string, predicates: readonly Phrase[]): string {
  const [one, other, more] = predicates;
  if (one && other && !more && conjunction(one, other) === 'but' && draft.random.chance(0.4)) {
    return `although ${subject} ${one.text}, it ${other.text}`;
  }
  return `${subject} ${coordinate(draft, predicates)}`;
}

/**
 * Writes "has low prices but is not suitable for children"; mostly omits a verb that all predicates share.
 */
function coordinate(draft: Draft, predicates: readonly Phrase[]): string {
  const verb = ['is ', 'has '].find((word) => predicates.every(({ text }) => text.startsWith(word)));
  const bare = verb !== undefined && draft.random.chance(0.7) ? verb.length : 0;
  const words = predicates.slice(1).map((phrase, i) => conjunction(predicates[i]!, phrase));
  // If every joint is "and", commas join all but the last: "a, b and c"; otherwise "a and b but c".
  const listed = words.every((word) => word === 'and');
  return predicates
    .map(({ text }, i) => {
      if (i === 0) return text;
      const joint = listed && i < words.length ? ',' : ` ${words[i - 1]!}`;
      return `${joint} ${text.slice(bare)}`;
    })
    .join('');
}

function conjunction(one: Phrase, other: Phrase): 'and' | 'but' {
  return (one.fact.said.tone ?? 0) * (other.fact.said.tone ?? 0) < 0 ? 'but' : 'and';
}

/** Writes "The Mill pub" or "the pub Anna's". */
function nameWithNoun({ name, noun }: Draft): string {
  return name.startsWith('The ') ? `${name} ${noun}` : `the ${noun} ${name}`;
}

/** Whether a noun phrase says no fact: it is the bare noun, and the noun gives no type. */
function saysNothing({ noun, nounMatters }: Draft, nounPhrase: string): boolean {
  return !nounMatters && nounPhrase === withArticle(noun);
}

/** Puts "a" or "an" before a text, by its spelling and the exceptions among the domains' words. */
function withArticle(text: string): string {
  return `${/^([aeiou]|8|11|18)/i.test(text) && !/^(one|uni|use|eu)/i.test(text) ? 'an' : 'a'} ${text}`;
}

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Puts spaces around hyphens and before punctuation and 's, as LoRA's form of E2E has them. */
function separateTokens(text: string): string {
  return text.replace(/[,.?]|'s\b/g, ' $&').replace(/-/g, ' - ');
}
