/** Encodes many texts at once, ahead of code that asks for them one by one. */
import type { Tokenizer } from './tokenizer.ts';

/**
 * Returns a tokenizer that has already encoded these texts, because encoding them together takes a fraction
 * of the time of encoding one by one.
 */
export function preEncoded(tokenizer: Tokenizer, texts: Iterable<string>): Tokenizer {
  const distinct = [...new Set(texts)];
  const rows = tokenizer.encodeAll(distinct);
  const known = new Map(distinct.map((text, i) => [text, rows[i]!]));
  return {
    ...tokenizer,
    encode(text, options) {
      const ids = options?.specialTokens ? undefined : known.get(text);
      return ids ? [...ids] : tokenizer.encode(text, options);
    },
  };
}
