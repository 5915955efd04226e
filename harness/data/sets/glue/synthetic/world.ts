import type { SeededRandom } from '../../../synthetic/random.ts';
import { actions, dealings, kinds, type Action, type Domain, type Kind } from './words.ts';

/** What a generator draws from: a domain's words, of long lists only the common ones where rows are to train on. */
export interface World {
  readonly random: SeededRandom;
  readonly domain: Domain;
  pick<T>(list: readonly T[]): T;
  /** One of the list that is none of `not`. */
  other<T>(list: readonly T[], ...not: readonly T[]): T;
}

/** Lists shorter than this are whole in training rows. */
const long = 8;

export function makeWorld(random: SeededRandom, domain: Domain, words: 'common' | 'all'): World {
  const common = new Map<readonly unknown[], readonly unknown[]>();
  const pool = <T>(list: readonly T[]): readonly T[] => {
    if (words === 'all' || list.length < long) return list;
    let kept = common.get(list);
    if (!kept) common.set(list, (kept = list.filter((_, i) => i % 4 !== 3)));
    return kept as readonly T[];
  };
  return {
    random,
    domain,
    pick: (list) => random.pick(pool(list)),
    other: (list, ...not) => random.pick(pool(list).filter((item) => !not.includes(item))),
  };
}

export interface Person {
  readonly name: string;
  readonly gender: 'f' | 'm';
}

/** A person by first name. */
export function person(w: World, ...not: readonly Person[]): Person {
  const gender = w.random.chance(0.5) ? 'f' : 'm';
  const list = gender === 'f' ? w.domain.women : w.domain.men;
  return { name: w.other(list, ...not.map(({ name }) => name)), gender };
}

/** "the doctor" or a full name. */
export const someone = (w: World, ...not: readonly string[]): string => {
  for (;;) {
    const found = w.random.chance(0.6)
      ? `the ${w.pick(w.domain.roles)}`
      : `${person(w).name} ${w.pick(w.domain.surnames)}`;
    if (!not.includes(found)) return found;
  }
};

export interface Deed {
  readonly action: Action;
  readonly kind: Kind;
  readonly thing: string;
}

export function deed(w: World, among: readonly Action[] = actions): Deed {
  const action = w.pick(among);
  const kind = w.pick(action.kinds);
  return { action, kind, thing: w.pick<string>(kinds[kind]) };
}

export const dealing = (w: World): (typeof dealings)[number] => w.pick(dealings);

/** The verb or, at times, another word for it. */
export const reword = (w: World, { verb, synonyms }: Pick<Action, 'verb' | 'synonyms'>): string =>
  synonyms.length > 0 && w.random.chance(0.6) ? w.random.pick(synonyms) : verb;
