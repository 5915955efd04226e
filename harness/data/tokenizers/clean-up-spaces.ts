/** The clean-up of spaces with which transformers up to 4.x decodes; tokenizers and tasks use it. */
/** The pieces before which transformers' decoding removes the space, in its order. */
const spaced = [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", " 's", " 've", " 're"];

/**
 * Removes spaces before punctuation and contractions, as transformers' decode does with
 * `clean_up_tokenization_spaces` (its default up to 4.x).
 */
export function cleanUpSpaces(text: string): string {
  return spaced.reduce((cleaned, found) => cleaned.replaceAll(found, found.trim()), text);
}
