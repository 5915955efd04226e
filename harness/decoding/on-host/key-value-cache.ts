/** The key-value cache of decoder.ts, which steps read as inputs and searches reorder. */
import type { Architecture } from '../../models/architecture.ts';
import { MASKED } from '../../models/families/parts/layers.ts';

/** The sizes of a base on which the memory of its keys and values depends. */
export type CacheSizes = Pick<Architecture, 'layers' | 'kvHeads' | 'headWidth'>;

/** Bytes of the keys and values of a row of so many tokens in all layers, float32. */
export function cacheBytes({ layers, kvHeads, headWidth }: CacheSizes, tokens: number): number {
  return 2 * layers * kvHeads * headWidth * 4 * tokens;
}

/** Sizes of a key-value cache. */
export interface CacheShape {
  readonly layers: number;
  readonly rows: number;
  readonly heads: number;
  readonly headWidth: number;
}

/**
 * Keys and values of B sequences on the host: a pair of arrays [B, H, P, h] for each layer. P, the slots,
 * grows.
 */
export class KeyValueCache {
  shape: CacheShape;
  /** P: the slots of each row */
  slots = 0;
  keys: Float32Array[] = [];
  values: Float32Array[] = [];
  /** Attention's bias [B, 1, 1, P]: 0 where a slot is filled, MASKED elsewhere. */
  bias = new Float32Array();
  /** Filled slots of each row. */
  lengths: Int32Array;
  /**
   * [B, P]: the number of the write that filled each slot. Slots of one number hold equal keys and values.
   */
  #origins = new Int32Array();
  #written = 0;

  constructor(shape: CacheShape) {
    this.shape = shape;
    this.lengths = new Int32Array(shape.rows);
  }

  /** Makes room for `slots` tokens a row. */
  grow(slots: number): void {
    if (slots > this.slots) this.keep([...this.lengths.keys()], slots);
  }

  /** Keeps these rows alone, in this order, with `slots` slots each, which are enough for their tokens. */
  keep(rows: readonly number[], slots: number): void {
    const { layers, heads, headWidth } = this.shape;
    const filled = Math.min(slots, this.slots);
    const moved = <A extends Float32Array | Int32Array>(
      old: A,
      into: A,
      blocks: number,
      width: number,
    ): A => {
      rows.forEach((row, place) => {
        for (let block = 0; block < blocks; block++) {
          const from = (row * blocks + block) * this.slots * width;
          into.set(old.subarray(from, from + filled * width), (place * blocks + block) * slots * width);
        }
      });
      return into;
    };
    const kept = (old: Float32Array = new Float32Array()): Float32Array =>
      moved(old, new Float32Array(rows.length * heads * slots * headWidth), heads, headWidth);
    for (let layer = 0; layer < layers; layer++) {
      this.keys[layer] = kept(this.keys[layer]);
      this.values[layer] = kept(this.values[layer]);
    }
    this.#origins = moved(this.#origins, new Int32Array(rows.length * slots), 1, 1);
    this.lengths = Int32Array.from(rows, (row) => this.lengths[row]!);
    this.shape = { ...this.shape, rows: rows.length };
    this.slots = slots;
    this.bias = new Float32Array(rows.length * slots);
    rows.forEach((_, place) => {
      this.#mask(place);
    });
  }

  /**
   * Empties a row and fills it with `count` tokens, [count, H·h] from row `from` of each layer's keys and
   * values.
   */
  fill(
    row: number,
    keys: readonly Float32Array[],
    values: readonly Float32Array[],
    from: number,
    count: number,
  ): void {
    this.lengths[row] = 0;
    this.append(row, keys, values, from, count);
    this.#mask(row);
  }

  /** Appends `count` tokens to a row; the caller has made room. */
  append(
    row: number,
    keys: readonly Float32Array[],
    values: readonly Float32Array[],
    from: number,
    count = 1,
  ): void {
    const at = this.lengths[row]!;
    for (let layer = 0; layer < keys.length; layer++) {
      this.#write(this.keys[layer]!, row, at, keys[layer]!, from, count);
      this.#write(this.values[layer]!, row, at, values[layer]!, from, count);
    }
    const first = row * this.slots + at;
    for (let i = 0; i < count; i++) this.#origins[first + i] = ++this.#written;
    this.bias.fill(0, first, first + count);
    this.lengths[row] = at + count;
  }

  #write(
    into: Float32Array,
    row: number,
    at: number,
    tokens: Float32Array,
    from: number,
    count: number,
  ): void {
    const { heads, headWidth } = this.shape;
    for (let token = 0; token < count; token++) {
      let source = (from + token) * heads * headWidth;
      for (let head = 0; head < heads; head++) {
        const target = ((row * heads + head) * this.slots + at + token) * headWidth;
        // A loop is faster than set(subarray()) for so few numbers.
        for (let i = 0; i < headWidth; i++) into[target + i] = tokens[source++]!;
      }
    }
  }

  /**
   * Makes row `to` equal to row `from`. Only slots that differ are copied: beams of one prompt differ in few.
   */
  copy(from: number, to: number): void {
    const { heads, headWidth } = this.shape;
    const block = this.slots * headWidth;
    const length = this.lengths[from]!;
    const [source, target] = [from * this.slots, to * this.slots];
    let same = 0;
    while (same < length && this.#origins[source + same] === this.#origins[target + same]) same++;
    this.#origins.copyWithin(target + same, source + same, source + length);
    const [first, end] = [same * headWidth, length * headWidth];
    for (const array of [...this.keys, ...this.values]) {
      for (let head = 0; head < heads; head++) {
        const start = (from * heads + head) * block;
        array.copyWithin((to * heads + head) * block + first, start + first, start + end);
      }
    }
    this.lengths[to] = this.lengths[from]!;
    this.#mask(to);
  }

  /** Empties a row. */
  clear(row: number): void {
    this.lengths[row] = 0;
    this.#mask(row);
  }

  #mask(row: number): void {
    const start = row * this.slots;
    this.bias.fill(0, start, start + this.lengths[row]!);
    this.bias.fill(MASKED, start + this.lengths[row]!, start + this.slots);
  }
}
