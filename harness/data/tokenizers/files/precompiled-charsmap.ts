// Checks SentencePiece's map of characters, by which a text's characters are rewritten before the text is
// split into pieces.

/** The largest byte that occurs in UTF-8. */
const LAST_BYTE = 0xf4;

/**
 * Says why a `precompiled_charsmap` (base64) cannot be used; undefined for a sound one. The library reads
 * wherever the map points and ends the process outside it, so this visits every node that a text can reach.
 */
export function charactersMapFault(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return 'its map of characters is not base64';
  const size = bytes.length < 4 ? NaN : bytes.readUInt32LE(0);
  if (!(size % 4 === 0 && size > 0 && 4 + size <= bytes.length)) return 'its map of characters is cut short';
  // The bytes hold a double-array trie over UTF-8 bytes, then the texts, each ended by a zero byte, that its
  // leaves point to.
  const trie = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
  const texts = bytes.subarray(4 + size);
  if (!Buffer.from(texts.toString()).equals(texts)) return 'its map of characters is not UTF-8';
  const isStart = (at: number): boolean =>
    at === texts.length || (at < texts.length && (texts[at]! & 0xc0) !== 0x80);

  const outside = 'its map of characters points outside itself';
  const first = childrenOf(trie[0]!);
  const waiting = [first];
  const seen = new Set(waiting);
  for (let base; (base = waiting.pop()) !== undefined;) {
    for (let byte = 1; byte <= LAST_BYTE; byte++) {
      const unit = trie[base ^ byte];
      if (unit === undefined) return outside;
      if ((unit & 0x800000ff) !== byte) continue;
      const children = base ^ byte ^ childrenOf(unit);
      if ((unit >>> 8) & 1) {
        const leaf = trie[children];
        if (leaf === undefined || !isStart(leaf & 0x7fffffff)) return outside;
      }
      if (!seen.has(children)) {
        seen.add(children);
        waiting.push(children);
      }
    }
  }
  return undefined;
}

/** Returns the offset from a trie unit to its children. */
function childrenOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
