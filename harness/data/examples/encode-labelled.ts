/** How a labelled example becomes the token ids that an encoder with a head on it reads. */
import type { LabelledExample, LabelledTokens } from './task.ts';
import type { Tokenizer } from '../tokenizers/tokenizer.ts';
import { truncatedLengths } from './truncate-pair.ts';

/**
 * Encodes a labelled example for an encoder as at most `limit` token ids, special tokens included. The
 * longest text is cut first, as Hugging Face tokenizers do; `truncated` says whether any was cut.
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
