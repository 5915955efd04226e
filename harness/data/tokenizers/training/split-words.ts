/** Splits texts into the words that the vocabulary trainers count. */
import type { JsonObject } from '../../../support/json/json-object.ts';
import { readComponents } from '../rust-library.ts';

/**
 * Returns a function that normalises a text and splits it into words by the components of a tokenizer.json.
 */
export function wordSplitter(json: JsonObject): (text: string) => string[] {
  const { normalizer, preTokenizer } = readComponents(json);
  return (text) => {
    const normalized = normalizer ? normalizer.normalizeString(text) : text;
    return preTokenizer ? preTokenizer.preTokenizeString(normalized).map(([word]) => word) : [normalized];
  };
}
