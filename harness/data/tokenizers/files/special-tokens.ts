/**
 * Reads which special tokens a folder's files name: by role (bos_token …), under names of their own
 * (image_token …) and in a list. Files override each other as in transformers 5.24
 * (tokenization_utils_base.py, `_from_pretrained`, then `__init__`).
 */
import { UsageError } from '../../../support/errors.ts';
import { isObject, type JsonObject } from '../../../support/json/json-object.ts';
import { addedToken, asToken, type AddedToken, type NamedToken } from './added-tokens.ts';
import { checkId, checkVocabulary } from './check-components.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

/** Roles of special tokens, in the order in which transformers adds tokens that a vocabulary lacks. */
export const roles = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

const isRole = (key: string): boolean => (roles as readonly string[]).includes(key);

/**
 * The merged settings of tokenizer_config.json and special_tokens_map.json, and the special tokens in them.
 */
export interface SpecialSettings {
  readonly settings: Readonly<JsonObject>;
  /**
   * The token that the files name for a role; null where they say that it has none, undefined where they say
   * nothing.
   */
  readonly role: (role: string) => NamedToken | null | undefined;
  /** Tokens under names of their own, such as image_token. */
  readonly named: readonly NamedToken[];
  /**
   * The list of further tokens; undefined where the files have no list, and the class's default list applies.
   */
  readonly listed: readonly NamedToken[] | undefined;
  /**
   * Texts of the tokens that make a token of added_tokens.json special. As in transformers, neither an object of
   * tokenizer_config.json does so nor the old list beside named tokens in the new list's place.
   */
  readonly special: ReadonlySet<unknown>;
}

const LIST = 'extra_special_tokens';
/** The name of this list in files of transformers up to 4. */
const OLD_LIST = 'additional_special_tokens';

/**
 * Reads the settings. Throws UsageError, with the file's name, for split_special_tokens and for a special
 * token that is neither text nor object.
 */
export function readSettings({
  path,
  config,
  specialTokens,
  isTokenizerJson,
  pieces,
}: TokenizerFiles): SpecialSettings {
  const settings: JsonObject = { ...config?.content };
  if (settings.split_special_tokens === true) {
    throw new UsageError(
      `${config!.path}: split_special_tokens, which has special tokens in a text spelled out, is not followed here; ` +
        'remove it.',
    );
  }
  // A tokenizer.json has a post-processor, so these settings have no effect beside it.
  if (isTokenizerJson)
    for (const key of ['add_bos_token', 'add_eos_token']) Reflect.deleteProperty(settings, key);
  const map = settings.added_tokens_decoder === undefined ? (specialTokens?.content ?? {}) : {};
  /**
   * Returns the path of the file that a setting comes from: the map's for a setting that the map overrides.
   */
  const fileOf = (key: string): string =>
    (Object.hasOwn(map, key) ? specialTokens?.path : config?.path) ?? config?.path ?? path;

  // An old list takes the new list's place even if it is null or []; the old list of special_tokens_map.json
  // is then ignored, as in transformers.
  if (OLD_LIST in settings && isEmpty(settings[LIST])) move(settings, OLD_LIST, LIST);
  else if (isEmptyObject(settings[LIST])) Reflect.deleteProperty(settings, LIST);
  const explicit = takeNamed(settings);
  mergeMap(settings, map);
  const ofMap = takeObject(settings);
  const ofObjects = [...roles.map((role) => map[role]), ...listOf(map[LIST])].filter(isObject);
  const special = new Set([
    ...[...roles.map((role) => settings[role]), ...listOf(settings[LIST])],
    ...ofObjects.map(({ content }) => content),
  ]);
  // A SentencePiece model's pieces take the place of the old list.
  if (pieces) Reflect.deleteProperty(settings, OLD_LIST);
  if (OLD_LIST in settings && !(LIST in settings)) move(settings, OLD_LIST, LIST);

  const own = Object.entries(settings).filter(
    ([key, value]) =>
      key.endsWith('_token') && !isRole(key) && (typeof value === 'string' || isNamedObject(value)),
  );
  const named = Object.entries({ ...Object.fromEntries(own), ...explicit, ...ofMap });
  const list = settings[LIST];
  const listFile = fileOf(Object.hasOwn(map, OLD_LIST) ? OLD_LIST : LIST);
  return {
    settings,
    role: (role) =>
      settings[role] === undefined ? undefined : (asToken(settings[role], fileOf(role)) ?? null),
    named: named.flatMap(([key, value]) => asToken(value, fileOf(key)) ?? []),
    listed: Array.isArray(list) ? list.flatMap((value) => asToken(value, listFile) ?? []) : undefined,
    special,
  };
}

/**
 * Whether a value is a token that `mergeMap` marked as special, or one that transformers saved in
 * tokenizer_config.json.
 */
const isNamedObject = (value: unknown): value is JsonObject =>
  isObject(value) && (value.special === true || value.__type === 'AddedToken');

function move(settings: JsonObject, from: string, to: string): void {
  settings[to] = settings[from];
  Reflect.deleteProperty(settings, from);
}

/** Removes the tokens with names of their own from the settings of tokenizer_config.json and returns them. */
function takeNamed(settings: JsonObject): JsonObject {
  const named: JsonObject = {};
  for (const [key, value] of Object.entries(settings)) {
    if (!key.endsWith('_token') || isRole(key) || typeof value !== 'string') continue;
    named[key] = value;
    Reflect.deleteProperty(settings, key);
  }
  return { ...named, ...takeObject(settings) };
}

/**
 * Removes the object of named tokens that may stand in the list's place from the settings, and returns it.
 */
function takeObject(settings: JsonObject): JsonObject {
  const found = settings[LIST];
  if (!isObject(found)) return {};
  Reflect.deleteProperty(settings, LIST);
  return found;
}

/** Lets special_tokens_map.json override the settings; only its list is appended to theirs. */
function mergeMap(settings: JsonObject, map: Readonly<JsonObject>): void {
  for (const [key, value] of Object.entries(map)) {
    if (key === LIST) {
      settings[key] = Array.isArray(value) ? [...listOf(settings[key]), ...(value as unknown[])] : value;
    } else settings[key] = isObject(value) ? { ...value, special: true } : value;
  }
}

/** Whether Python takes a value for empty; transformers 4 writes {} where no token has a name of its own. */
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

const isEmptyObject = (value: unknown): boolean => isObject(value) && isEmpty(value);

/** Returns a value that should be a list; anything else counts as an empty list. */
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);

/**
 * Returns added tokens by the ids in the files: those of added_tokens_decoder alone where it exists, else
 * those of added_tokens.json and tokenizer.json. Throws UsageError for an impossible id or token.
 */
export function knownTokens(
  files: TokenizerFiles,
  { settings, special: isSpecial }: SpecialSettings,
): Map<number, AddedToken> {
  const { json, isTokenizerJson, config, addedTokens } = files;
  if (settings.added_tokens_decoder !== undefined)
    return readDecoder(config!.path, settings.added_tokens_decoder);
  const known = new Map<number, AddedToken>();
  if (addedTokens) {
    const { path, content } = addedTokens;
    checkVocabulary(path, content);
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

/** Reads the setting added_tokens_decoder (ids to tokens) of tokenizer_config.json. */
function readDecoder(path: string, decoder: unknown): Map<number, AddedToken> {
  if (!isObject(decoder)) throw new UsageError(`${path}: added_tokens_decoder is no object.`);
  const known = new Map<number, AddedToken>();
  for (const [id, token] of Object.entries(decoder)) {
    if (!isObject(token) || typeof token.content !== 'string')
      throw new UsageError(`${path}: the token ${id} of added_tokens_decoder has no content.`);
    checkId(path, token.content, /^\d+$/.test(id) ? Number(id) : id);
    known.set(Number(id), addedToken(token));
  }
  return known;
}
