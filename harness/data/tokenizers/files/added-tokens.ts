/**
 * Added tokens: tokens that a tokenizer finds in a text before it normalises the text or splits it into
 * words. combine-files.ts collects them here.
 */
import { UsageError } from '../../../support/errors.ts';
import { isObject, type JsonObject } from '../../../support/json/json-object.ts';

/** An added token with the flags of tokenizer.json. */
export interface AddedToken {
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/**
 * A token as a file names it: as an object with flags, or as a text, which means a special token without
 * flags.
 */
export type NamedToken = AddedToken | string;

/** The text of a token, in either form. */
export const contentOf = (token: NamedToken): string => (typeof token === 'string' ? token : token.content);

const isSameToken = (one: AddedToken, other: AddedToken): boolean =>
  (Object.keys(one) as (keyof AddedToken)[]).every((key) => one[key] === other[key]);

/** Whether two tokens agree in text and flags; a text never equals an object, as in transformers. */
export const isSameName = (one: NamedToken, other: NamedToken): boolean =>
  typeof one === 'string' || typeof other === 'string' ? one === other : isSameToken(one, other);

/**
 * Reads an added token of a file. Missing flags get the library's defaults; `normalized` is by default false
 * for special tokens, which are then matched in the text before it is normalised.
 */
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

/** Makes the special token of this text, without flags. */
export const specialToken = (content: string): AddedToken => addedToken({ content, special: true });

/**
 * Reads a token in the file at `path`; undefined for null. Throws UsageError where the value is neither text
 * nor object.
 */
export function asToken(value: unknown, path: string): NamedToken | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  if (isObject(value) && typeof value.content === 'string') return addedToken(value);
  throw new UsageError(
    `${path}: ${JSON.stringify(value)} is no special token; it is a text, or an object with content.`,
  );
}

/**
 * A tokenizer's added tokens with the ids that the Rust library gives them: a token that the model's
 * vocabulary lacks gets the next free id, even if a file names another.
 */
export class AddedTokens {
  /** Texts of all tokens that were added as special; the library treats them as special for good. */
  readonly special = new Set<string>();
  /**
   * Texts of all tokens that were added with `normalized`; the library decodes them in normalised form for
   * good.
   */
  readonly normalized = new Set<string>();
  readonly #ids: ReadonlyMap<string, number>;
  /** The entries of the vocabulary; a list may have one text twice, of which the last one's id counts. */
  readonly #size: number;
  readonly #added = new Map<string, AddedToken & { readonly id: number }>();

  /** Takes the `model` of a tokenizer.json, whose vocabulary gives the ids. */
  constructor({ vocab }: JsonObject) {
    this.#ids = Array.isArray(vocab)
      ? new Map(vocab.map((entry: unknown, id) => [String((entry as unknown[])[0]), id]))
      : new Map(Object.entries((vocab ?? {}) as Record<string, number>));
    this.#size = Array.isArray(vocab) ? vocab.length : this.#ids.size;
  }

  /** The id of an added token or of an entry of the vocabulary; undefined for neither. */
  id(content: string): number | undefined {
    return this.#added.get(content)?.id ?? this.#ids.get(content);
  }

  /** Whether a token with this text and these flags was added. */
  has(token: AddedToken): boolean {
    const found = this.#added.get(token.content);
    return found !== undefined && isSameToken(token, found);
  }

  /** The texts of all added tokens. */
  contents(): Iterable<string> {
    return this.#added.keys();
  }

  /** Adds tokens in this order; of two tokens with one text, the last one's flags stay. */
  add(tokens: readonly AddedToken[]): void {
    let next = this.#size;
    for (const { id } of this.#added.values()) next = Math.max(next, id + 1);
    for (const token of tokens) {
      if (token.content === '') continue;
      if (token.special) this.special.add(token.content);
      if (token.normalized) this.normalized.add(token.content);
      this.#added.set(token.content, { ...token, id: this.id(token.content) ?? next++ });
    }
  }

  /** All added tokens with their ids, as tokenizer.json lists them. */
  list(): (AddedToken & { readonly id: number })[] {
    return [...this.#added.values()];
  }
}
