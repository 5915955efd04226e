import type { LabelledExample, LabelledTokens } from './task.ts';
import type { Tokenizer } from '../tokenizers/tokenizer.ts';
import { truncatedLengths } from './truncate-pair.ts';

/**
 * An example for an encoder, special tokens included, of at most `limit` tokens: the longest text is cut
 * first, as Hugging
 * Face tokenizers do.
 */
export function encodeLabelled(
  { texts, label }: LabelledExample,
  tokenizer: Tokenizer,
  limit: number,
): LabelledTokens & { readonly truncated: boolean } {
  const tokens = texts.map((text) => tokenizer.encode(text));
  const special = tokenizer.template(tokens.map(() => [])).ids.length;
  const kept = truncatedLengths(
    tokens.map(({ length }) => length),
    Math.max(0, limit - special),
  );
  const cut = tokens.map((ids, i) => ids.slice(0, kept[i]));
  return {
    ...tokenizer.template(cut),
    label,
    truncated: cut.some(({ length }, i) => length < tokens[i]!.length),
  };
}
