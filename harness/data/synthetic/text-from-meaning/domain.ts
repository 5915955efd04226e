import type { SeededRandom } from '../random.ts';

/**
 * How one slot's value can be said, by its place in the sentence; `{v}` stands for the value. In each list the first
 * phrases are the common ones (see {@link pickEarly}).
 */
export interface Phrases {
  /** Before the noun: "cheap". */
  readonly before?: readonly string[];
  /** After the noun: "near {v}", "with low prices". */
  readonly after?: readonly string[];
  /** After the noun, after the name between commas, or ahead of a subject: "located near {v}". */
  readonly participle?: readonly string[];
  /** After the subject: "has low prices". Every value can be said so. */
  readonly predicate: readonly string[];
  /** A sentence of its own; `{it}` stands for the thing and `{here}` for its place: "a meal {here} is cheap". */
  readonly sentence?: readonly string[];
}

export interface Value extends Phrases {
  /** 1 praise, -1 blame: opposite ones are joined by "but". */
  readonly tone?: 1 | -1;
}

export interface Slot {
  readonly name: string;
  readonly values: Readonly<Record<string, Value>>;
  /** Whether its `after` phrases can open a sentence: "Near the mill, …". */
  readonly isPlace?: boolean;
  /** Whether its `before` phrases stand right before the noun, after all others: "a cheap Italian pub". */
  readonly isKind?: boolean;
}

/** The ways to open a text; `realise.ts` has one function for each. */
export type Opening =
  'copula' | 'there' | 'apposition' | 'subject' | 'participle' | 'condition' | 'question' | 'imperative';

export interface Domain {
  readonly names: (random: SeededRandom) => string;
  /** In the order in which a meaning lists them, after the name. */
  readonly slots: readonly Slot[];
  /** The slot whose value is the noun, with its nouns, if the domain has one. */
  readonly type?: { readonly name: string; readonly nouns: Readonly<Record<string, readonly string[]>> };
  /** The nouns where the type is not given. */
  readonly nouns: readonly string[];
  /** Between noun and name: "a pub called". */
  readonly called: readonly string[];
  /** Imperatives that take the name: "try". */
  readonly advice: readonly string[];
  /** All as often; a common one stands more than once. */
  readonly openings: readonly Opening[];
}

/** One value for each name in `names`, all said by the same phrases. */
export function sameWay(names: readonly string[], phrases: Value): Readonly<Record<string, Value>> {
  return Object.fromEntries(names.map((name) => [name, phrases]));
}

/**
 * One of a list, an earlier one more often (the least of three draws). Real writers have habits too, and a
 * habit can be learnt.
 */
export function pickEarly<T>(random: SeededRandom, list: readonly T[]): T {
  const draw = (): number => random.int(list.length);
  return list[Math.min(draw(), draw(), draw())]!;
}
