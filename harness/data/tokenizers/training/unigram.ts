/** Trains unigram vocabularies (T5's kind) for the tokenizers of the built-in bases; train.ts calls it. */
import { sum } from '../../../support/numbers/arithmetic.ts';
/** A token and the natural logarithm of its probability. */
export type Piece = readonly [token: string, score: number];

// SentencePiece's settings, except for the seeds: it takes a million, but twenty for each token of the result
// suffice.
const longestPiece = 16;
const seedsPerToken = 20;
const roundsOfEm = 2;
const keptPerPruning = 0.75;
/** Pruning stops at this many times the wanted size; the rest is cut by probability. */
const slack = 1.1;
const leastExpected = 0.5;

/**
 * All ways to write a word in pieces: one edge for each piece that fits at a place, sorted by the edge's end.
 */
interface Lattice {
  readonly frequency: number;
  /** Number of the word's characters. */
  readonly length: number;
  /**
   * Three numbers for each edge: the piece's id, its first character's index, and the index after its last.
   */
  edges: Int32Array;
}

/**
 * Trains a unigram language model (Kudo, 2018, "Subword regularization"). It starts from frequent substrings
 * of the words, fits their probabilities by EM and drops the pieces whose loss lowers the likelihood least,
 * until `size` are left. `words` holds each word's frequency; `alphabet` holds all their characters, which
 * always stay. Returns the likeliest piece first, and fewer than `size` pieces where the words have no more
 * substrings.
 */
export function trainUnigram(
  words: ReadonlyMap<string, number>,
  alphabet: readonly string[],
  size: number,
): Piece[] {
  const seeds = seedPieces(words, alphabet, size);
  const fixed = alphabet.length;
  /** Log-probability of each piece by id; -Infinity once the piece is dropped. */
  const scores = Float64Array.from(seeds, ([, score]) => score);
  const left = (): number[] => Array.from(scores.keys()).filter((id) => scores[id]! > -Infinity);
  const ids = new Map(seeds.map(([piece], id) => [piece, id]));
  const ofWords = Array.from(words, ([word, frequency]) => latticeOf(word, frequency, ids));
  const ofPieces = seeds.map(([piece]) => latticeOf(piece, 1, ids));
  const wanted = Math.ceil(slack * size);
  for (;;) {
    for (let round = 0; round < roundsOfEm; round++) {
      reestimate(scores, expectedCounts(ofWords, scores), fixed);
    }
    const pieces = left();
    if (pieces.length <= wanted) break;
    const count = Math.max(wanted, Math.floor(keptPerPruning * pieces.length));
    for (const id of mostMissed(pieces, scores, fixed, ofWords, ofPieces).slice(count))
      scores[id] = -Infinity;
    for (const lattice of [...ofWords, ...ofPieces]) dropEdges(lattice, scores);
  }
  const likelier = (a: number, b: number): number => scores[b]! - scores[a]! || a - b;
  const others = left().slice(fixed).sort(likelier);
  const chosen = [...alphabet.keys(), ...others.slice(0, Math.max(0, size - fixed))];
  return chosen.sort(likelier).map((id) => [seeds[id]![0], scores[id]!]);
}

/**
 * Returns the alphabet, then the substrings that occur at least twice, those first that cover the most text.
 */
function seedPieces(words: ReadonlyMap<string, number>, alphabet: readonly string[], size: number): Piece[] {
  const counts = new Map<string, number>(alphabet.map((character) => [character, 0]));
  for (const [word, frequency] of words) {
    const characters = Array.from(word);
    for (let start = 0; start < characters.length; start++) {
      const end = Math.min(characters.length, start + longestPiece);
      let piece = '';
      for (let at = start; at < end; at++) {
        piece += characters[at]!;
        counts.set(piece, (counts.get(piece) ?? 0) + frequency);
      }
    }
  }
  const substrings = [...counts].slice(alphabet.length).filter(([, count]) => count > 1);
  const weighted = substrings.map(([piece, count]): Piece => [piece, count * Array.from(piece).length]);
  weighted.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const characters = alphabet.map((character): Piece => [character, counts.get(character) ?? 0]);
  const all = [...characters, ...weighted.slice(0, seedsPerToken * size)];
  const total = all.reduce((sum, [, weight]) => sum + weight, 0);
  return all.map(([piece, weight]) => [piece, Math.log(weight / total)]);
}

function latticeOf(word: string, frequency: number, ids: ReadonlyMap<string, number>): Lattice {
  const characters = Array.from(word);
  const edges: number[] = [];
  for (let end = 1; end <= characters.length; end++) {
    let piece = '';
    for (let start = end - 1; start >= Math.max(0, end - longestPiece); start--) {
      piece = characters[start]! + piece;
      const id = ids.get(piece);
      if (id !== undefined) edges.push(id, start, end);
    }
  }
  return { frequency, length: characters.length, edges: Int32Array.from(edges) };
}

/** Removes the edges of dropped pieces from a lattice. */
function dropEdges(lattice: Lattice, scores: Float64Array): void {
  const { edges } = lattice;
  let to = 0;
  for (let e = 0; e < edges.length; e += 3) {
    if (scores[edges[e]!] === -Infinity) continue;
    edges.copyWithin(to, e, e + 3);
    to += 3;
  }
  lattice.edges = edges.subarray(0, to);
}

/** Computes how often each piece is expected in the words, by forward and backward sums over each lattice. */
function expectedCounts(lattices: readonly Lattice[], scores: Float64Array): Float64Array {
  const expected = new Float64Array(scores.length);
  for (const { frequency, length, edges } of lattices) {
    const before = new Float64Array(length + 1).fill(-Infinity);
    const after = new Float64Array(length + 1).fill(-Infinity);
    before[0] = 0;
    after[length] = 0;
    for (let e = 0; e < edges.length; e += 3) {
      const [start, end] = [edges[e + 1]!, edges[e + 2]!];
      before[end] = addLogarithms(before[end]!, before[start]! + scores[edges[e]!]!);
    }
    for (let e = edges.length - 3; e >= 0; e -= 3) {
      const [start, end] = [edges[e + 1]!, edges[e + 2]!];
      after[start] = addLogarithms(after[start]!, after[end]! + scores[edges[e]!]!);
    }
    const all = before[length]!;
    for (let e = 0; e < edges.length; e += 3) {
      const id = edges[e]!;
      const share = Math.exp(before[edges[e + 1]!]! + scores[id]! + after[edges[e + 2]!]! - all);
      expected[id] = expected[id]! + frequency * share;
    }
  }
  return expected;
}

/** Computes log(exp(a) + exp(b)). */
function addLogarithms(a: number, b: number): number {
  if (b === -Infinity) return a;
  if (a === -Infinity) return b;
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}

/**
 * Sets the scores to expected log-probabilities under a sparse Dirichlet prior, as SentencePiece does; a
 * piece expected less than half a time is dropped unless it is a character.
 */
function reestimate(scores: Float64Array, expected: Float64Array, fixed: number): void {
  // A character that longer pieces hide must stay possible, so it counts as seen half a time at least.
  const counts = expected.map((count, id) =>
    count >= leastExpected ? count : id < fixed ? leastExpected : 0,
  );
  const total = digamma(sum(counts));
  counts.forEach((count, id) => (scores[id] = count > 0 ? digamma(count) - total : -Infinity));
}

/** The digamma function for x > 0: by recurrence up to 7, by the asymptotic series from there. */
function digamma(x: number): number {
  let result = 0;
  for (; x < 7; x++) result -= 1 / x;
  const square = 1 / (x * x);
  return (
    result +
    Math.log(x) -
    0.5 / x -
    square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
  );
}

/**
 * Sorts pieces by how much likelihood of the words would be lost without them, most first; the first `fixed`
 * pieces (the characters) come before all others.
 */
function mostMissed(
  pieces: readonly number[],
  scores: Float64Array,
  fixed: number,
  ofWords: readonly Lattice[],
  ofPieces: readonly Lattice[],
): number[] {
  const used = new Float64Array(scores.length);
  for (const lattice of ofWords) {
    for (const id of bestPath(lattice, scores)) used[id] = used[id]! + lattice.frequency;
  }
  const total = sum(used);
  const lossOf = (id: number): number => {
    if (id < fixed) return Infinity;
    const times = used[id]!;
    if (times === 0) return -Infinity;
    // If the piece is removed, its next best pieces encode its text, and their counts grow by its count.
    const instead = bestPath(ofPieces[id]!, scores, id);
    const totalInstead = Math.log(total + times * (instead.length - 1));
    const scoreInstead = instead.reduce(
      (sum, other) => sum + Math.log(used[other]! + times) - totalInstead,
      0,
    );
    return times * (Math.log(times / total) - scoreInstead);
  };
  const losses = new Map(pieces.map((id) => [id, lossOf(id)]));
  // The difference of two infinite losses is NaN, so equality is tested first.
  const order = (a: number, b: number): number => {
    const [ofA, ofB] = [losses.get(a) ?? 0, losses.get(b) ?? 0];
    return ofA === ofB ? a - b : ofB - ofA;
  };
  return pieces.toSorted(order);
}

/**
 * Returns the ids of a word's likeliest pieces, the last piece first (Viterbi), without the piece `except`.
 */
function bestPath({ length, edges }: Lattice, scores: Float64Array, except?: number): number[] {
  const best = new Float64Array(length + 1).fill(-Infinity);
  const last = new Int32Array(length + 1);
  best[0] = 0;
  for (let e = 0; e < edges.length; e += 3) {
    const [id, start, end] = [edges[e]!, edges[e + 1]!, edges[e + 2]!];
    const score = best[start]! + scores[id]!;
    if (id === except || score <= best[end]!) continue;
    best[end] = score;
    last[end] = e;
  }
  const path: number[] = [];
  for (let at = length; at > 0; at = edges[last[at]! + 1]!) path.push(edges[last[at]!]!);
  return path;
}
