/** What transformers' decoding takes the space before, unless told otherwise, in its order. */
const spaced = [' .', ' ?', ' !', ' ,', " ' ", " n't", " 'm", " 's", " 've", " 're"];

/** A text as transformers' decode returns it with `clean_up_tokenization_spaces`, its default up to 4.x. */
export function cleanUpSpaces(text: string): string {
  return spaced.reduce((cleaned, found) => cleaned.replaceAll(found, found.trim()), text);
}
