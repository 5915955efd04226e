import type { Tokenizer } from './tokenizer.ts';

/**
 * A tokenizer that has the tokens of these texts at hand: all at once they take a fraction of the time of one
 * by one.
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
