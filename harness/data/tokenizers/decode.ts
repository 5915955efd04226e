/**
 * Turns token ids into text as transformers decodes. The Rust library's `decode` must not be used for this:
 * it refuses ids that the vocabulary lacks.
 */
import type { JsonObject } from '../../support/json/json-object.ts';
import { cleanUpSpaces } from './clean-up-spaces.ts';
import type { CombinedTokenizer } from './files/combine-files.ts';
import type { Components } from './rust-library.ts';

type Decode = (ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }) => string;

/** Returns the `decode` of a tokenizer, for its components and its combined files. */
export function decoderOf(
  { decoder, normalizer }: Components,
  { json, special, normalized, settings }: CombinedTokenizer,
): Decode {
  const model = json.model as JsonObject;
  const tokens = tokensById(model);
  for (const { id, content } of json.added_tokens as readonly { id: number; content: string }[]) {
    // The Rust library, too, writes an added token with `normalized` in that form from version 0.23 on.
    tokens.set(id, normalized.has(content) && normalizer ? normalizer.normalizeString(content) : content);
  }
  const cleanUp = settings.clean_up_tokenization_spaces === true && model.type !== 'BPE';
  return (ids, { skipSpecialTokens = false } = {}) => {
    const found = ids.flatMap((id) => {
      const token = tokens.get(id);
      return token === undefined || (skipSpecialTokens && special.has(token)) ? [] : [token];
    });
    const text = decoder ? decoder.decode(found) : found.join(' ');
    return cleanUp ? cleanUpSpaces(text) : text;
  };
}

function tokensById({ vocab }: JsonObject): Map<number, string> {
  if (Array.isArray(vocab)) return new Map((vocab as [string, number][]).map(([piece], id) => [id, piece]));
  return new Map(Object.entries(vocab as Record<string, number>).map(([token, id]) => [id, token]));
}
