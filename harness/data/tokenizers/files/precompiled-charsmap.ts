// SentencePiece's map of characters: what a text's characters are rewritten to before it is split into pieces.

/** The last byte that UTF-8 has. */
const LAST_BYTE = 0xf4;

/**
 * Why a `precompiled_charsmap` (base64) cannot be used; undefined for a sound one. The library that applies
 * it reads wherever
 * the map points, and ends the process where that is outside, so every place that a text can lead to is visited here.
 */
export function charactersMapFault(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return 'its map of characters is not base64';
  const size = bytes.length < 4 ? NaN : bytes.readUInt32LE(0);
  if (!(size % 4 === 0 && size > 0 && 4 + size <= bytes.length)) return 'its map of characters is cut short';
  // A double-array trie over bytes, and what its leaves point into: texts that end with a zero byte.
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

/** Where the children of a unit of the trie begin, relative to itself. */
function childrenOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
