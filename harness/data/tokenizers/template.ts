/**
 * Finds out which special tokens a tokenizer puts around one text or two, so that texts encoded and cut one
 * by one can be joined as the tokenizer would join them.
 */
import { isObject, type JsonObject } from '../../support/json/json-object.ts';
import type { FramedTokens, LibraryTokenizer, TypedTokens } from './rust-library.ts';

/** Puts a tokenizer's special tokens around the tokens of one text or two. */
export type Template = (texts: readonly (readonly number[])[]) => TypedTokens;

/** The special tokens before each text and after the last, and each text's token type. */
interface Frame {
  readonly around: readonly TypedTokens[];
  readonly types: readonly number[];
}

/** How many entries of a vocabulary are tried as a text that has tokens. */
const TRIALS = 100;

/**
 * Reads the template off the library's encoding of a short text. Throws the library's Error where it encodes
 * no text, RangeError where it leaves a text out or splits it.
 */
export function readTemplate(library: LibraryTokenizer, { model }: JsonObject): Template {
  const { vocab } = model as JsonObject;
  const entries = isObject(vocab)
    ? Object.keys(vocab)
    : (vocab as [string, number][]).map(([piece]) => piece);
  let failed: unknown = new RangeError('it has no tokens for any text');
  // Some vocabularies have no tokens for "a".
  for (const text of ['a', ...entries.slice(0, TRIALS)]) {
    try {
      if (library.encode([text], false)[0]!.length === 0) continue;
    } catch (error) {
      failed = error;
      continue;
    }
    return templateOf((count) => library.frame(text, count === 2 ? text : null));
  }
  throw failed;
}

/**
 * Reads the template off the tokens that `encode` returns for one text and for two, special tokens included.
 * Throws RangeError where a text is left out or split.
 */
export function templateOf(encode: (count: 1 | 2) => FramedTokens): Template {
  const frames = [frameOf(encode(1), 1), frameOf(encode(2), 2)];
  return (texts) => {
    const { around, types } = frames[texts.length - 1]!;
    const parts = around.flatMap((special, i) => {
      const text = texts[i];
      return text ? [special, { ids: text, types: text.map(() => types[i]!) }] : [special];
    });
    return { ids: parts.flatMap((part) => part.ids), types: parts.flatMap((part) => part.types) };
  };
}

function frameOf({ ids, types, texts }: FramedTokens, count: number): Frame {
  const around: TypedTokens[] = [];
  const typesOfTexts: number[] = [];
  let from = 0;
  for (let text = 0; text < count; text++) {
    const start = texts.indexOf(text);
    const end = texts.lastIndexOf(text) + 1;
    if (start < from || texts.slice(start, end).some((other) => other !== text))
      throw new RangeError('its post-processor leaves a text out, tears it or changes the order');
    around.push({ ids: ids.slice(from, start), types: types.slice(from, start) });
    typesOfTexts.push(types[start]!);
    from = end;
  }
  around.push({ ids: ids.slice(from), types: types.slice(from) });
  return { around, types: typesOfTexts };
}
