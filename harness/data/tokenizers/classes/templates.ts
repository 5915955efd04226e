/**
 * Builds post-processors of type TemplateProcessing: the special tokens around one text and around two texts.
 */
import { UsageError } from '../../../support/errors.ts';
import type { JsonObject } from '../../../support/json/json-object.ts';
import type { ClassInput } from './tokenizer-class.ts';

/** One entry of a template with its token type: a special token, or $A or $B for the first or second text. */
type TypedName = readonly [name: string, type: number];

const isText = (name: string): boolean => name === '$A' || name === '$B';

/** Returns the token of a role. Throws UsageError where the files say that there is none. */
export function required(token: ClassInput['token'], role: string): string {
  const found = token(role);
  if (found !== undefined) return found;
  throw new UsageError(
    `The tokenizer's files say that it has no ${role}, which its class puts beside every text; name one in ` +
      'tokenizer_config.json.',
  );
}

/** Builds the post-processor from the entries for one text and for two; all token types of one text are 0. */
export function template(
  single: readonly string[],
  pair: readonly TypedName[],
  id: (token: string) => number,
): JsonObject {
  const piece = ([name, type_id]: TypedName): JsonObject =>
    isText(name) ? { Sequence: { id: name.slice(1), type_id } } : { SpecialToken: { id: name, type_id } };
  const special = [...new Set(pair.map(([name]) => name))].filter((name) => !isText(name));
  return {
    type: 'TemplateProcessing',
    single: single.map((name) => piece([name, 0])),
    pair: pair.map(piece),
    special_tokens: Object.fromEntries(
      special.map((name) => [name, { id: name, ids: [id(name)], tokens: [name] }]),
    ),
  };
}

/**
 * Builds BERT's post-processor: [CLS] $A [SEP] and [CLS] $A [SEP] $B [SEP], where $B and its [SEP] have type
 * 1.
 */
export function bertTemplate(cls: string, sep: string, id: (token: string) => number): JsonObject {
  const first: TypedName[] = [
    [cls, 0],
    ['$A', 0],
    [sep, 0],
  ];
  const second: TypedName[] = [
    ['$B', 1],
    [sep, 1],
  ];
  return template([cls, '$A', sep], [...first, ...second], id);
}

/**
 * Builds the post-processor that transformers makes from add_bos_token and add_eos_token: `bos` before and
 * `eos` after each text, where they are defined.
 */
export function beginAndEnd(
  bos: string | undefined,
  eos: string | undefined,
  id: (token: string) => number,
): JsonObject {
  const names = (text: string): string[] => [bos, text, eos].filter((name) => name !== undefined);
  const typed = (text: string, type: number): TypedName[] => names(text).map((name) => [name, type]);
  return template(names('$A'), [...typed('$A', 0), ...typed('$B', 1)], id);
}
