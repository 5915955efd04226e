/** The form of a domain (a kind of thing with its slots and phrases), from which realise.ts writes texts. */
import type { SeededRandom } from '../random.ts';

/**
 * The phrases for one value of a slot, by their place in the sentence; `{v}` stands for the value. Earlier
 * phrases of a list are drawn more often (see {@link pickEarly}).
 */
export interface Phrases {
  /** Words before the noun: "cheap". */
  readonly before?: readonly string[];
  /** Phrases after the noun: "near {v}", "with low prices". */
  readonly after?: readonly string[];
  /** Participles after the noun, between commas after the name, or before the subject: "located near {v}". */
  readonly participle?: readonly string[];
  /** Predicates after the subject: "has low prices". Every value has one. */
  readonly predicate: readonly string[];
  /** Whole sentences; `{it}` stands for the thing and `{here}` for its place: "a meal {here} is cheap". */
  readonly sentence?: readonly string[];
}

/** One value of a slot, with its phrases. */
export interface Value extends Phrases {
  /** 1 for praise, -1 for blame; "but" joins a value of praise and one of blame. */
  readonly tone?: 1 | -1;
}

/** One property that meanings may give, with its values by name. */
export interface Slot {
  readonly name: string;
  readonly values: Readonly<Record<string, Value>>;
  /** Whether the slot's `after` phrases may open a sentence: "Near the mill, …". */
  readonly isPlace?: boolean;
  /** Whether the slot's `before` phrases follow all others, next to the noun: "a cheap Italian pub". */
  readonly isKind?: boolean;
}

/** The ways to open a text; realise.ts has one function for each. */
export type Opening =
  'copula' | 'there' | 'apposition' | 'subject' | 'participle' | 'condition' | 'question' | 'imperative';

/** A kind of thing, such as restaurants, and how texts speak of it. */
export interface Domain {
  /** Draws a thing's name. */
  readonly names: (random: SeededRandom) => string;
  /** The slots in the order in which a meaning lists them, after the name. */
  readonly slots: readonly Slot[];
  /**
   * The slot whose value is the noun itself, with the nouns of each value; absent where the domain has none.
   */
  readonly type?: { readonly name: string; readonly nouns: Readonly<Record<string, readonly string[]>> };
  /** The nouns used where a meaning does not give the type. */
  readonly nouns: readonly string[];
  /** Phrases between noun and name: "called" in "a pub called". */
  readonly called: readonly string[];
  /** Imperatives that take the name as object: "try". */
  readonly advice: readonly string[];
  /** Openings, drawn uniformly; a common opening is listed more than once. */
  readonly openings: readonly Opening[];
}

/** Makes one value for each of `names`, all with the same phrases. */
export function sameWay(names: readonly string[], phrases: Value): Readonly<Record<string, Value>> {
  return Object.fromEntries(names.map((name) => [name, phrases]));
}

/**
 * Draws from a list, earlier elements more often (the least of three drawn indices). Real writers have habits
 * too, and a base can learn a habit.
 */
export function pickEarly<T>(random: SeededRandom, list: readonly T[]): T {
  const draw = (): number => random.int(list.length);
  return list[Math.min(draw(), draw(), draw())]!;
}
