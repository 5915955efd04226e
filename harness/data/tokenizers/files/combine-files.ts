import { UsageError } from '../../../support/errors.ts';
import { isObject, type JsonObject } from '../../../support/json-object.ts';
import { checkId, checkVocabulary } from './check-components.ts';
import { beginAndEnd, type TokenizerClass } from '../classes/find-class.ts';

// How the files of a tokenizer's folder make one tokenizer: as AutoTokenizer of transformers 5.24 does.

/** The files as read, with their paths for messages. */
export interface TokenizerFiles {
  /** The file that holds the vocabulary. */
  readonly path: string;
  /** tokenizer.json, or what the other forms of a vocabulary stand for. */
  readonly json: JsonObject;
  /** Whether `json` is a file of the folder. */
  readonly isTokenizerJson: boolean;
  /** A SentencePiece model's tokens that are found in a text as they stand. */
  readonly pieces?: readonly JsonObject[];
  /** tokenizer_config.json, special_tokens_map.json and added_tokens.json, where they are. */
  readonly config?: NamedObject | undefined;
  readonly specialTokens?: NamedObject | undefined;
  readonly addedTokens?: NamedObject | undefined;
  /** What the class that the files name builds; without one, `json` is taken as it is. */
  readonly tokenizerClass?: TokenizerClass | undefined;
}
export interface NamedObject {
  readonly path: string;
  readonly content: JsonObject;
}

/** A token that is found in a text as it stands, before the text is split. */
interface AddedToken {
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

/** Roles of special tokens, in the order in which those that a vocabulary lacks are added to it. */
const roles = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/** One tokenizer.json for all files, the special tokens by role, and the other settings. */
export interface CombinedTokenizer {
  readonly json: JsonObject;
  readonly tokens: Readonly<Record<string, string>>;
  /** Added tokens that are left out of a text where special tokens are. */
  readonly special: ReadonlySet<string>;
  /** Special tokens that the class has by itself: no file names them. */
  readonly assumed: ReadonlySet<string>;
  readonly tokenId: (token: string) => number | undefined;
  readonly settings: Readonly<JsonObject>;
}

/** Throws UsageError where a file names ids or tokens that cannot be, or a setting that is not followed here. */
export function combineFiles(files: TokenizerFiles): CombinedTokenizer {
  const { json, tokenizerClass: made } = files;
  const settings: JsonObject = { ...files.config?.content };
  if (settings.split_special_tokens === true)
    throw new UsageError(
      `${files.config!.path}: split_special_tokens, which has special tokens in a text spelled out, is not followed here; remove it.`,
    );
  // The file has a post-processor of its own.
  if (files.isTokenizerJson)
    for (const key of ['add_bos_token', 'add_eos_token']) Reflect.deleteProperty(settings, key);

  const known = knownTokens(files, settings);
  const padding = (role: string): unknown =>
    role === 'pad_token' && isObject(json.padding) ? json.padding.pad_token : undefined;
  const tokens = new Map<string, AddedToken | string>();
  const assumed = new Set<string>();
  for (const role of roles) {
    const usual = made && role in made.tokens ? made.tokens[role] : padding(role);
    const given = settings[role] === undefined ? usual : settings[role];
    const token = asToken(given, files.config?.path ?? files.path);
    if (token === undefined) continue;
    const content = contentOf(token);
    if (settings[role] === undefined) assumed.add(content);
    tokens.set(role, [...known.values()].findLast((other) => other.content === content) ?? token);
  }
  const named = (role: string): string | undefined => {
    const token = tokens.get(role);
    return token === undefined ? undefined : contentOf(token);
  };

  const parts = made ? made.parts(classInput(json, settings, named)) : json;
  const added = new AddedTokens(parts.model as JsonObject);
  if (!made) added.add(listOf(json.added_tokens).map((token) => addedToken(token as JsonObject)));
  const extra = extraTokens(files, settings);
  // What has a role is special, whatever a file says of the token itself.
  const special = new Set([...tokens.values(), ...extra.named].map(contentOf));
  const marked = (token: AddedToken): AddedToken =>
    special.has(token.content) ? { ...token, special: true } : token;
  const sorted = [...known].sort(([a], [b]) => a - b).map(([, token]) => marked(token));
  const waiting: (AddedToken | string)[] = sorted.filter((token) => !added.has(token));
  const contents = new Set([...added.contents(), ...waiting.map(contentOf)]);
  const ofFiles = waiting.length;
  for (const token of [...tokens.values(), ...extra.named, ...extra.listed]) {
    // A text after an object of the same content is added, too, and takes back what the object says of spaces.
    const isThere = (other: AddedToken | string): boolean =>
      typeof other === typeof token && contentOf(other) === contentOf(token);
    if (!contents.has(contentOf(token)) && !waiting.slice(ofFiles).some(isThere)) waiting.push(token);
  }
  const asSpecial = (content: string): AddedToken => addedToken({ content, special: true });
  added.add(waiting.map((token) => (typeof token === 'string' ? asSpecial(token) : marked(token))));
  if (made?.addsSpecialAgain) added.add([...special, ...extra.listed.map(contentOf)].map(asSpecial));

  const id = (token: string): number => {
    const found = added.id(token);
    if (found !== undefined) return found;
    throw new UsageError(
      `${files.path} has no token ${JSON.stringify(token)}, which stands around every text.`,
    );
  };
  const ends = [
    settings.add_bos_token === true ? named('bos_token') : undefined,
    settings.add_eos_token === true ? named('eos_token') : undefined,
  ] as const;
  const around =
    'add_bos_token' in settings || 'add_eos_token' in settings ? beginAndEnd(...ends, id) : undefined;
  return {
    json: {
      ...{
        version: '1.0',
        truncation: null,
        padding: null,
        normalizer: null,
        pre_tokenizer: null,
        decoder: null,
      },
      ...parts,
      post_processor:
        made?.postProcessor?.({ token: named, settings }, id) ??
        around ??
        (made && !files.isTokenizerJson ? null : (json.post_processor ?? null)),
      // Neither length nor rows are the file's to set.
      ...{ truncation: null, padding: null },
      added_tokens: added.list(),
    },
    tokens: Object.fromEntries([...tokens].map(([role, token]) => [role, contentOf(token)])),
    special: added.special,
    assumed,
    tokenId: (token) => added.id(token),
    settings,
  };
}

/** Added tokens by the ids that the files give them; of special_tokens_map.json, what tokenizer_config.json does not say is put into `settings`. */
function knownTokens(
  { json, isTokenizerJson, config, specialTokens, addedTokens }: TokenizerFiles,
  settings: JsonObject,
): Map<number, AddedToken> {
  const known = new Map<number, AddedToken>();
  if (settings.added_tokens_decoder !== undefined) {
    const { path } = config!;
    if (!isObject(settings.added_tokens_decoder))
      throw new UsageError(`${path}: added_tokens_decoder is no object.`);
    for (const [id, token] of Object.entries(settings.added_tokens_decoder)) {
      if (!isObject(token) || typeof token.content !== 'string')
        throw new UsageError(`${path}: the token ${id} of added_tokens_decoder has no content.`);
      checkId(path, token.content, /^\d+$/.test(id) ? Number(id) : id);
      known.set(Number(id), addedToken(token));
    }
    return known;
  }
  // A list of tokens is joined, all else is the map's.
  for (const [key, value] of Object.entries(specialTokens?.content ?? {})) {
    settings[key] =
      key === 'extra_special_tokens' && Array.isArray(value)
        ? [...listOf(settings[key]), ...(value as unknown[])]
        : isObject(value) && key !== 'extra_special_tokens'
          ? { ...value, special: true }
          : value;
  }
  if (addedTokens) {
    const { path, content } = addedTokens;
    checkVocabulary(path, content);
    const isSpecial = new Set([...roles.map((role) => settings[role]), ...listOf(settings.extra_special_tokens)].map((token) => (isObject(token) ? token.content : token))); // prettier-ignore
    for (const [token, id] of Object.entries(content)) {
      const special = isSpecial.has(token);
      known.set(id, addedToken({ content: token, special, normalized: !special }));
    }
  }
  if (isTokenizerJson) {
    for (const token of listOf(json.added_tokens) as JsonObject[])
      known.set(token.id as number, addedToken(token));
  }
  return known;
}

/** The special tokens beside those of the roles: those under names of their own, and a list. */
function extraTokens(
  { config, path, pieces, tokenizerClass: made }: TokenizerFiles,
  settings: JsonObject,
): Record<'named' | 'listed', (AddedToken | string)[]> {
  const given = isEmpty(settings.extra_special_tokens)
    ? settings.additional_special_tokens
    : settings.extra_special_tokens;
  const own = Object.entries(settings).flatMap(([key, value]) => key.endsWith('_token') && !roles.includes(key) && (typeof value === 'string' || isObject(value)) ? [value] : []); // prettier-ignore
  const list = Array.isArray(given)
    ? (given as unknown[])
    : (made?.extraTokens?.(settings, pieces ?? []) ?? pieces ?? []);
  const read = (values: readonly unknown[]): (AddedToken | string)[] =>
    values.flatMap((value) => asToken(value, config?.path ?? path) ?? []);
  return { named: read([...own, ...(isObject(given) ? Object.values(given) : [])]), listed: read(list) };
}

/** Python's empty values; transformers 4 writes {} for no special tokens with names of their own. */
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

/** A token as a file names it: its text, or an object with its text; throws UsageError for anything else. */
function asToken(value: unknown, path: string): AddedToken | string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  if (isObject(value) && typeof value.content === 'string') return addedToken(value);
  throw new UsageError(
    `${path}: ${JSON.stringify(value)} is no special token; it is a text, or an object with content.`,
  );
}

const contentOf = (token: AddedToken | string): string => (typeof token === 'string' ? token : token.content);

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

/** With the library's defaults: a special token is looked for before the text is normalised. */
function addedToken(token: JsonObject): AddedToken {
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

function classInput(
  json: JsonObject,
  settings: JsonObject,
  token: (role: string) => string | undefined,
): Parameters<TokenizerClass['parts']>[0] {
  const { vocab, merges } = json.model as JsonObject;
  const normalizers = [
    json.normalizer,
    isObject(json.normalizer) ? json.normalizer.normalizers : undefined,
  ].flat();
  const map = normalizers.find((part) => isObject(part) && part.type === 'Precompiled') as
    JsonObject | undefined;
  return {
    ...{ vocab, merges: listOf(merges), settings, token },
    charactersMap: typeof map?.precompiled_charsmap === 'string' ? map.precompiled_charsmap : undefined,
  };
}

/** A vocabulary's added tokens, numbered as the library does: one that the model lacks gets the next free id, whatever id a file gives it. */
class AddedTokens {
  /** Once special, a token stays so. */
  readonly special = new Set<string>();
  readonly #ids: ReadonlyMap<string, number>;
  readonly #added = new Map<string, AddedToken & { readonly id: number }>();

  constructor({ vocab }: JsonObject) {
    this.#ids = Array.isArray(vocab)
      ? new Map(vocab.map((entry: unknown, id) => [String((entry as unknown[])[0]), id]))
      : new Map(Object.entries((vocab ?? {}) as Record<string, number>));
  }

  id(content: string): number | undefined {
    return this.#added.get(content)?.id ?? this.#ids.get(content);
  }

  has(token: AddedToken): boolean {
    const found = this.#added.get(token.content);
    return (
      found !== undefined &&
      (Object.keys(token) as (keyof AddedToken)[]).every((key) => found[key] === token[key])
    );
  }

  contents(): Iterable<string> {
    return this.#added.keys();
  }

  add(tokens: readonly AddedToken[]): void {
    let next = this.#ids.size;
    for (const { id } of this.#added.values()) next = Math.max(next, id + 1);
    for (const token of tokens) {
      if (token.content === '') continue;
      if (token.special) this.special.add(token.content);
      this.#added.set(token.content, { ...token, id: this.id(token.content) ?? next++ });
    }
  }

  list(): (AddedToken & { readonly id: number })[] {
    return [...this.#added.values()];
  }
}
