/** The words of a text, as the trainers of vocabularies count them. */
import type { JsonObject } from '../../../support/json-object.ts';
import { readComponents } from '../rust-library.ts';

/** Normalises a text and splits it into words, by the components of a tokenizer.json. */
export function wordSplitter(json: JsonObject): (text: string) => string[] {
  const { normalizer, preTokenizer } = readComponents(json);
  return (text) => {
    const normalized = normalizer ? normalizer.normalizeString(text) : text;
    return preTokenizer ? preTokenizer.preTokenizeString(normalized).map(([word]) => word) : [normalized];
  };
}
