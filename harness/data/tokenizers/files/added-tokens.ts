/** Added tokens: those that are matched in a text as they stand, before the text is split into words. */
import { UsageError } from '../../../support/errors.ts';
import { isObject, type JsonObject } from '../../../support/json-object.ts';

/** An added token with the flags of tokenizer.json. */
export interface AddedToken {
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** A token as a file names it: with flags, or by its text alone, which stands for a special token without flags. */
export type NamedToken = AddedToken | string;

export const contentOf = (token: NamedToken): string => (typeof token === 'string' ? token : token.content);

const isSameToken = (one: AddedToken, other: AddedToken): boolean =>
  (Object.keys(one) as (keyof AddedToken)[]).every((key) => one[key] === other[key]);

/** Whether two names agree in text and flags; a text never equals an object, as in transformers. */
export const isSameName = (one: NamedToken, other: NamedToken): boolean =>
  typeof one === 'string' || typeof other === 'string' ? one === other : isSameToken(one, other);

/** An added token of a file, with the library's defaults: special tokens are matched before the text is normalised. */
export function addedToken(token: JsonObject): AddedToken {
  const special = token.special === true;
  return {
    content: String(token.content),
    single_word: token.single_word === true,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    normalized: typeof token.normalized === 'boolean' ? token.normalized : !special,
    special,
  };
}

/** The special token of a text alone, without flags. */
export const specialToken = (content: string): AddedToken => addedToken({ content, special: true });

/**
 * A token as the file at `path` names it; undefined for null. Throws UsageError for anything but a text or an
 * object.
 */
export function asToken(value: unknown, path: string): NamedToken | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  if (isObject(value) && typeof value.content === 'string') return addedToken(value);
  throw new UsageError(
    `${path}: ${JSON.stringify(value)} is no special token; it is a text, or an object with content.`,
  );
}

/**
 * The added tokens of a vocabulary, with the ids that the Rust library gives them: a token that the model's
 * vocabulary lacks
 * gets the next free id, whatever id a file names.
 */
export class AddedTokens {
  /** Texts of all tokens that were ever special: the library never takes that back. */
  readonly special = new Set<string>();
  /**
   * Texts of all tokens that were ever added with `normalized`: the library goes on decoding these in
   * normalised form.
   */
  readonly normalized = new Set<string>();
  readonly #ids: ReadonlyMap<string, number>;
  readonly #added = new Map<string, AddedToken & { readonly id: number }>();

  /** Takes the model of a tokenizer.json. */
  constructor({ vocab }: JsonObject) {
    this.#ids = Array.isArray(vocab)
      ? new Map(vocab.map((entry: unknown, id) => [String((entry as unknown[])[0]), id]))
      : new Map(Object.entries((vocab ?? {}) as Record<string, number>));
  }

  id(content: string): number | undefined {
    return this.#added.get(content)?.id ?? this.#ids.get(content);
  }

  /** Whether a token of this text and these flags was added. */
  has(token: AddedToken): boolean {
    const found = this.#added.get(token.content);
    return found !== undefined && isSameToken(token, found);
  }

  contents(): Iterable<string> {
    return this.#added.keys();
  }

  /** Adds tokens in this order: of two with one text, the last one's flags stay. */
  add(tokens: readonly AddedToken[]): void {
    let next = this.#ids.size;
    for (const { id } of this.#added.values()) next = Math.max(next, id + 1);
    for (const token of tokens) {
      if (token.content === '') continue;
      if (token.special) this.special.add(token.content);
      if (token.normalized) this.normalized.add(token.content);
      this.#added.set(token.content, { ...token, id: this.id(token.content) ?? next++ });
    }
  }

  list(): (AddedToken & { readonly id: number })[] {
    return [...this.#added.values()];
  }
}
