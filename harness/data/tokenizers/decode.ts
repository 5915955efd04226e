/** Token ids to text, as transformers decodes; the Rust library's `decode` is not used, for it takes no unknown ids. */
import type { JsonObject } from '../../support/json-object.ts';
import { cleanUpSpaces } from './clean-up-spaces.ts';
import type { CombinedTokenizer } from './files/combine-files.ts';
import type { Components } from './rust-library.ts';

type Decode = (ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }) => string;

/** The `decode` of a tokenizer. */
export function decoderOf(
  { decoder, normalizer }: Components,
  { json, special, normalized, settings }: CombinedTokenizer,
): Decode {
  const model = json.model as JsonObject;
  const tokens = tokensById(model);
  for (const { id, content } of json.added_tokens as readonly { id: number; content: string }[]) {
    // The library has done so from 0.23 on.
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
