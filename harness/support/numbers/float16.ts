/**
 * Converts between float32 and the 16-bit types float16 (IEEE 754 half) and bfloat16, which Node 20's
 * JavaScript lacks. Readers of weights and the ONNX engine use it.
 */

let halves: Float32Array | undefined;

/** The float32 value of every IEEE 754 half, indexed by its 16 bits. */
function halfTable(): Float32Array {
  if (halves) return halves;
  const bits = new Uint32Array(65_536);
  const values = new Float32Array(bits.buffer);
  for (let h = 0; h < 65_536; h++) {
    const sign = (h & 0x8000) << 16;
    const exponent = (h >> 10) & 31;
    const fraction = h & 1023;
    if (exponent === 31) bits[h] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent > 0) bits[h] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else values[h] = (sign ? -1 : 1) * fraction * 2 ** -24;
  }
  halves = values;
  return values;
}

/** Widens IEEE 754 halves, given by their bits, into `out`; exact. */
export function widenHalves(bits: Uint16Array, out: Float32Array): void {
  const table = halfTable();
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]!]!;
}

/** Widens bfloat16 values, given by their bits, into `out`; exact. */
export function widenBfloats(bits: Uint16Array, out: Float32Array): void {
  const wide = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i]! << 16;
}

/** Gives the bits of the nearest IEEE 754 halves, ties to even; magnitudes from 65,520 on become infinite. */
export function narrowToHalves(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000;
    const magnitude = bits[i]! & 0x7fffffff;
    if (magnitude > 0x7f800000) out[i] = sign | 0x7e00;
    else if (magnitude >= 0x477ff000) out[i] = sign | 0x7c00;
    else if (magnitude >= 0x38800000) {
      // The exponent's bias moves from 127 to 15; then the 13 bits that a normal half lacks are rounded.
      const rebiased = magnitude - 0x38000000;
      out[i] = sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
    } else out[i] = sign | roundToEven(Math.abs(values[i]!) * 2 ** 24);
  }
  return out;
}

/** Gives the bits of the nearest bfloat16 values, ties to even; NaN stays NaN. */
export function narrowToBfloats(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (x) =>
    (x & 0x7fffffff) > 0x7f800000 ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16,
  );
}

/** The nearest bfloat16 values, as float32. */
export function roundToBfloats(values: Float32Array): Float32Array {
  const out = new Float32Array(values.length);
  widenBfloats(narrowToBfloats(values), out);
  return out;
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
