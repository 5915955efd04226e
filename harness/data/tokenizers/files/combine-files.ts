/**
 * Combines the files of a tokenizer's folder to one tokenizer.json, as AutoTokenizer of transformers 5.24
 * does. `loadTokenizer` calls this with the files' content; nothing here may read a file.
 */
import { UsageError } from '../../../support/errors.ts';
import { isObject, type JsonObject } from '../../../support/json/json-object.ts';
import { beginAndEnd } from '../classes/templates.ts';
import type { ClassInput } from '../classes/tokenizer-class.ts';
import {
  addedToken,
  AddedTokens,
  asToken,
  contentOf,
  isSameName,
  specialToken,
  type AddedToken,
  type NamedToken,
} from './added-tokens.ts';
import { knownTokens, listOf, readSettings, roles, type SpecialSettings } from './special-tokens.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

/** One tokenizer.json made of all files, the special tokens by role, and the other settings. */
export interface CombinedTokenizer {
  readonly json: JsonObject;
  readonly tokens: Readonly<Record<string, string>>;
  /** Texts of the added tokens that decoding leaves out when it skips special tokens. */
  readonly special: ReadonlySet<string>;
  /** Texts of the added tokens that decoding writes in normalised form. */
  readonly normalized: ReadonlySet<string>;
  /** Special tokens that no file names and that come from the class's defaults. */
  readonly assumed: ReadonlySet<string>;
  readonly tokenId: (token: string) => number | undefined;
  readonly settings: Readonly<JsonObject>;
}

/**
 * Combines the files. Throws UsageError where a file names impossible ids or tokens, or a setting that
 * deltabench does not follow.
 */
export function combineFiles(files: TokenizerFiles): CombinedTokenizer {
  const special = readSettings(files);
  const { settings } = special;
  const known = knownTokens(files, special);
  const { tokens, assumed } = tokensByRole(files, special, known);
  const role = (name: string): string | undefined => {
    const token = tokens.get(name);
    return token === undefined ? undefined : contentOf(token);
  };
  const { tokenizerClass } = files;
  const components = tokenizerClass?.components(classInput(files, settings, role)) ?? files.json;
  const added = addTokens(files, components.model as JsonObject, special, known, tokens);
  const id = (token: string): number => {
    const found = added.id(token);
    if (found !== undefined) return found;
    throw new UsageError(
      `${files.path} has no token ${JSON.stringify(token)}, which stands around every text.`,
    );
  };
  return {
    json: {
      version: '1.0',
      normalizer: null,
      pre_tokenizer: null,
      decoder: null,
      ...components,
      post_processor: postProcessor(files, settings, role, id),
      // The tokenizer never truncates or pads, whatever the file says; callers do that themselves.
      truncation: null,
      padding: null,
      added_tokens: added.list(),
    },
    tokens: Object.fromEntries([...tokens].map(([name, token]) => [name, contentOf(token)])),
    special: added.special,
    normalized: added.normalized,
    assumed,
    tokenId: (token) => added.id(token),
    settings,
  };
}

/**
 * Finds the token of each role: the files' own, else the class's default or tokenizer.json's padding token.
 */
function tokensByRole(
  { json, path, config, tokenizerClass }: TokenizerFiles,
  { role: ofFiles }: SpecialSettings,
  known: ReadonlyMap<number, AddedToken>,
): { tokens: Map<string, NamedToken>; assumed: Set<string> } {
  const tokens = new Map<string, NamedToken>();
  const assumed = new Set<string>();
  for (const role of roles) {
    const padding = role === 'pad_token' && isObject(json.padding) ? json.padding.pad_token : undefined;
    const usual = tokenizerClass && role in tokenizerClass.tokens ? tokenizerClass.tokens[role] : padding;
    const given = ofFiles(role);
    const token = given === undefined ? asToken(usual, config?.path ?? path) : given;
    if (token === undefined || token === null) continue;
    const content = contentOf(token);
    if (given === undefined) assumed.add(content);
    tokens.set(role, [...known.values()].findLast((other) => other.content === content) ?? token);
  }
  return { tokens, assumed };
}

/**
 * Adds all added tokens in transformers' order: tokens with known ids by id, then tokens of roles, tokens
 * with names of their own, and listed tokens.
 */
function addTokens(
  { json, pieces = [], tokenizerClass }: TokenizerFiles,
  model: JsonObject,
  { settings, named, listed }: SpecialSettings,
  known: ReadonlyMap<number, AddedToken>,
  tokens: ReadonlyMap<string, NamedToken>,
): AddedTokens {
  const added = new AddedTokens(model);
  if (!tokenizerClass) added.add(listOf(json.added_tokens).map((token) => addedToken(token as JsonObject)));
  const usual = tokenizerClass?.extraTokens?.(settings, pieces) ?? pieces;
  const list =
    listed ?? usual.map((token) => (typeof token === 'string' ? token : addedToken(token as JsonObject)));
  // A token with a role or a name of its own is special, even if a file says that it is not.
  const special = new Set([...tokens.values(), ...named].map(contentOf));
  const marked = (token: NamedToken): AddedToken => {
    if (typeof token === 'string') return specialToken(token);
    return special.has(token.content) ? { ...token, special: true } : token;
  };
  const byId = [...known].sort(([a], [b]) => a - b).map(([, token]) => marked(token));
  const ofFiles = byId.filter((token) => !added.has(token));
  const contents = new Set([...added.contents(), ...ofFiles.map(contentOf)]);
  const others: NamedToken[] = [];
  for (const token of [...tokens.values(), ...named, ...list]) {
    // Tokens of one text that differ in flags are all added; the last one's flags stay.
    if (!contents.has(contentOf(token)) && !others.some((other) => isSameName(token, other)))
      others.push(token);
  }
  added.add([...ofFiles, ...others.map(marked)]);
  if (tokenizerClass?.addsSpecialAgain) added.add([...special, ...list.map(contentOf)].map(specialToken));
  return added;
}

/**
 * Returns the class's post-processor, else that of add_bos_token and add_eos_token, else the file's; that of some
 * classes yields to both.
 */
function postProcessor(
  { json, isTokenizerJson, tokenizerClass }: TokenizerFiles,
  settings: Readonly<JsonObject>,
  token: (role: string) => string | undefined,
  id: (token: string) => number,
): unknown {
  const ofClass = tokenizerClass?.postProcessor;
  if (ofClass && !tokenizerClass.yields) return ofClass({ token, settings }, id);
  if ('add_bos_token' in settings || 'add_eos_token' in settings) {
    const bos = settings.add_bos_token === true ? token('bos_token') : undefined;
    const eos = settings.add_eos_token === true ? token('eos_token') : undefined;
    return beginAndEnd(bos, eos, id);
  }
  if (ofClass) return json.post_processor ?? ofClass({ token, settings }, id);
  // A class that builds no post-processor keeps the one of a tokenizer.json only.
  return tokenizerClass && !isTokenizerJson ? null : (json.post_processor ?? null);
}

function classInput(
  { json, unknownId }: TokenizerFiles,
  settings: Readonly<JsonObject>,
  token: (role: string) => string | undefined,
): ClassInput {
  const { vocab, merges } = json.model as JsonObject;
  const normalizer = isObject(json.normalizer) ? json.normalizer : {};
  const map = [normalizer, normalizer.normalizers]
    .flat()
    .find((part): part is JsonObject => isObject(part) && part.type === 'Precompiled');
  const charactersMap = map?.precompiled_charsmap;
  return {
    vocab,
    merges: listOf(merges),
    settings,
    token,
    charactersMap: typeof charactersMap === 'string' ? charactersMap : undefined,
    unknownId,
  };
}
