/**
 * Normal numbers from random words, by Box and Muller's formula (1958); random streams draw them so. Bases of
 * billions of weights are drawn: hence tables stand for logarithm, cosine and sine wherever their error cannot
 * change the float32 result, in less than half the time.
 */

/** The formula, which says what is drawn: fills two numbers of `out` from the two words at `place`. */
function computePair(
  out: Float32Array,
  words: Int32Array,
  place: number,
  mean: number,
  deviation: number,
): void {
  const [first, second] = [words[place]! >>> 0, words[place + 1]! >>> 0];
  const radius = deviation * Math.sqrt(-2 * Math.log((first + 1) / 4294967297));
  const angle = (2 * Math.PI * second) / 4294967296;
  // An odd count leaves out the last pair's second number: writes behind an array's end do nothing.
  out[place] = mean + radius * Math.cos(angle);
  out[place + 1] = mean + radius * Math.sin(angle);
}

/** How far a number from the tables is from the formula's at most, as a part of radius and mean. */
const ERROR = 1e-11;

/** Cosines and sines of 512 angles; what is left of an angle is below 0.0123. */
const ARCS = 512;
const cosines = Float64Array.from({ length: ARCS }, (_, i) => Math.cos((2 * Math.PI * i) / ARCS));
const sines = Float64Array.from({ length: ARCS }, (_, i) => Math.sin((2 * Math.PI * i) / ARCS));
const STEP = (2 * Math.PI) / 4294967296;

/** Logarithms of the centres of 256 parts of [1, 2), and inverses of the same parts of [2³¹, 2³²). */
const PARTS = 256;
const centre = (part: number): number => 1 + (part + 0.5) / PARTS;
const logarithms = Float64Array.from({ length: PARTS }, (_, part) => Math.log(centre(part)));
const inverses = Float64Array.from({ length: PARTS }, (_, part) => 1 / (centre(part) * 2 ** 31));
const LOG_END = Math.log(4294967297);
/** The logarithm of the uniform number is near 0 from here to 2³², too near for the table's error. */
const LAST = 2 ** 32 - 2 ** 24;

/** Fills `out` with normal numbers, two from each pair of words; of an odd count the last pair gives one. */
export function fillNormal(out: Float32Array, words: Int32Array, mean: number, deviation: number): void {
  const [ofRadius, ofMean] = [ERROR * Math.abs(deviation), ERROR * Math.abs(mean)];
  for (let i = 0; i < out.length; i += 2) {
    // Words are taken as signed, since that is twice as fast.
    const next = (words[i]! + 1) | 0;
    const zeros = Math.clz32(next);
    const shifted = next << zeros;
    const part = (shifted >>> 23) & (PARTS - 1);
    const r = (shifted + 4294967296) * inverses[part]! - 1;
    const rest = r * (1 - r * (1 / 2 - r * (1 / 3 - r * (1 / 4))));
    const log = (31 - zeros) * Math.LN2 + logarithms[part]! + rest;
    const root = Math.sqrt(2 * (LOG_END - log));

    const second = words[i + 1]!;
    const arc = second >>> 23;
    const small = (second & (2 ** 23 - 1)) * STEP;
    const square = small * small;
    const cosine = 1 - square * (1 / 2 - square * (1 / 24));
    const sine = small * (1 - square * (1 / 6 - square * (1 / 120)));
    const radius = deviation * root;
    const x = mean + radius * (cosines[arc]! * cosine - sines[arc]! * sine);
    const y = mean + radius * (sines[arc]! * cosine + cosines[arc]! * sine);

    const error = ofRadius * root + ofMean;
    const lowX = Math.fround(x - error);
    const lowY = Math.fround(y - error);
    const isInTable = next > 0 || next < (LAST | 0);
    if (isInTable && lowX === Math.fround(x + error) && lowY === Math.fround(y + error)) {
      out[i] = lowX;
      out[i + 1] = lowY;
    } else computePair(out, words, i, mean, deviation);
  }
}
