/** Draws words, people and deeds for the generators of this folder; keeps some words out of training rows. */
import type { SeededRandom } from '../../../synthetic/random.ts';
import { actions, dealings, kinds, type Action, type Domain, type Kind } from './words.ts';

/**
 * The source of a generator's draws: a domain's words, without every fourth word of long lists for training
 * rows.
 */
export interface World {
  readonly random: SeededRandom;
  readonly domain: Domain;
  /** Draws an element of a list. */
  pick<T>(list: readonly T[]): T;
  /** Draws an element of a list that is not in `not`. */
  other<T>(list: readonly T[], ...not: readonly T[]): T;
}

/** Lists with fewer words than this are used whole in training rows. */
const long = 8;

/** Makes a world; with `common`, every fourth word of long lists is left out. */
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

/** A person by first name and gender. */
export interface Person {
  readonly name: string;
  readonly gender: 'f' | 'm';
}

/** Draws a person who is not in `not`. */
export function person(w: World, ...not: readonly Person[]): Person {
  const gender = w.random.chance(0.5) ? 'f' : 'm';
  const list = gender === 'f' ? w.domain.women : w.domain.men;
  return { name: w.other(list, ...not.map(({ name }) => name)), gender };
}

/** Draws "the doctor" or a full name that is not in `not`. */
export const someone = (w: World, ...not: readonly string[]): string => {
  for (;;) {
    const found = w.random.chance(0.6)
      ? `the ${w.pick(w.domain.roles)}`
      : `${person(w).name} ${w.pick(w.domain.surnames)}`;
    if (!not.includes(found)) return found;
  }
};

/** An action on a thing of a kind. */
export interface Deed {
  readonly action: Action;
  readonly kind: Kind;
  readonly thing: string;
}

/** Draws an action and a thing that it fits. */
export function deed(w: World, among: readonly Action[] = actions): Deed {
  const action = w.pick(among);
  const kind = w.pick(action.kinds);
  return { action, kind, thing: w.pick<string>(kinds[kind]) };
}

/** Draws an action of one person on another. */
export const dealing = (w: World): (typeof dealings)[number] => w.pick(dealings);

/** Returns the verb, or with probability 0.6 one of its synonyms. */
export const reword = (w: World, { verb, synonyms }: Pick<Action, 'verb' | 'synonyms'>): string =>
  synonyms.length > 0 && w.random.chance(0.6) ? w.random.pick(synonyms) : verb;
