/**
 * SentencePiece's map of characters (`precompiled_charsmap`, base64) as Hugging Face's tokenizers apply it: graphemes of
 * less than six bytes as wholes where the map has a beginning of theirs, others character by character. Throws RangeError
 * where it is broken.
 */
export function charactersMap(base64: string): (text: string) => string {
  const bytes = Buffer.from(base64, 'base64');
  const size = bytes.length < 4 ? NaN : bytes.readUInt32LE(0);
  if (!(size % 4 === 0 && 4 + size <= bytes.length))
    throw new RangeError('its map of characters is cut short');
  // A double-array trie over bytes, and what its leaves point into: texts that end with a zero byte.
  const trie = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
  const texts = bytes.subarray(4 + size);

  /** What stands for a piece of text, if the map says. */
  const replacement = (piece: string): string | undefined => {
    let unit = trie[0] ?? 0;
    let place = childrenOf(unit);
    for (const byte of Buffer.from(piece)) {
      if (byte === 0) return undefined;
      place ^= byte;
      unit = trie[place] ?? 0;
      if ((unit & 0x800000ff) !== byte) return undefined;
      place ^= childrenOf(unit);
      if ((unit >>> 8) & 1) {
        const start = (trie[place] ?? 0) & 0x7fffffff;
        const end = texts.indexOf(0, start);
        return texts.subarray(start, end < 0 ? undefined : end).toString();
      }
    }
    return undefined;
  };

  const known = new Map<string, string>();
  const map = (grapheme: string): string => {
    const whole = Buffer.byteLength(grapheme) < 6 ? replacement(grapheme) : undefined;
    return whole ?? Array.from(grapheme, (character) => replacement(character) ?? character).join('');
  };
  const mapped = (grapheme: string): string => {
    const before = known.get(grapheme);
    if (before !== undefined) return before;
    if (known.size === 100_000) known.clear();
    const made = map(grapheme);
    known.set(grapheme, made);
    return made;
  };
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const plain = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
  const keepsPlain = plain.every((character) => replacement(character) === undefined);
  return (text) =>
    keepsPlain && /^[ -~]*$/.test(text)
      ? text
      : Array.from(graphemes.segment(text), ({ segment }) => mapped(segment)).join('');
}

/** Where the children of a unit of the trie begin, relative to itself. */
function childrenOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
