import type { Candidates } from '../candidates.ts';

/** What changes a model's scores before a search sees them. */
export interface ProcessorOptions {
  /** Undefined: there is no end token. */
  readonly eosId: number | undefined;
  /** Tokens before which the end token is not chosen. */
  readonly minNewTokens?: number | undefined;
  /** No n tokens in a row occur twice, the prompt counted; 0 allows it. */
  readonly noRepeatNgram?: number | undefined;
  /** Above 1, tokens that occurred become less likely: negative scores are multiplied by it, others divided. */
  readonly repetitionPenalty?: number | undefined;
}

/** Tokens that would complete an n-gram of `sequence` a second time. */
export function repeatingTokens(sequence: readonly number[], n: number): Set<number> {
  const banned = new Set<number>();
  if (n === 0) return banned;
  const last = sequence.length - n + 1;
  for (let start = 0; start < last; start++) {
    let same = 0;
    while (same < n - 1 && sequence[start + same] === sequence[last + same]) same++;
    if (same === n - 1) banned.add(sequence[start + same]!);
  }
  return banned;
}

/** How many tokens could lose their places to tokens after them: so many more candidates are needed. */
export function loweredTokens(sequence: readonly number[], made: number, options: ProcessorOptions): number {
  const penalty = options.repetitionPenalty ?? 1;
  // A penalty below 1 lifts tokens from anywhere.
  if (penalty < 1) return Infinity;
  const early = made < (options.minNewTokens ?? 0) ? 1 : 0;
  if (penalty > 1) return early + new Set(sequence).size;
  return early + repeatingTokens(sequence, options.noRepeatNgram ?? 0).size;
}

/** The candidates to go on from `sequence`, of which `made` tokens were generated, as the processors leave them. */
export function processCandidates(
  candidates: Candidates,
  sequence: readonly number[],
  made: number,
  { eosId, minNewTokens = 0, noRepeatNgram = 0, repetitionPenalty = 1 }: ProcessorOptions,
): Candidates {
  const banned = repeatingTokens(sequence, noRepeatNgram);
  if (eosId !== undefined && made < minNewTokens) banned.add(eosId);
  if (banned.size === 0 && repetitionPenalty === 1) return candidates;
  const penalty = Math.fround(repetitionPenalty);
  const seen = new Set(penalty === 1 ? [] : sequence);
  const scores = candidates.scores.map((score, i) => {
    const id = candidates.ids[i]!;
    if (banned.has(id)) return -Infinity;
    return seen.has(id) ? (score < 0 ? score * penalty : score / penalty) : score;
  });
  const order = Array.from(scores, (_, i) => i).sort((a, b) => descending(scores[a]!, scores[b]!));
  return {
    ids: Int32Array.from(order, (i) => candidates.ids[i]!),
    scores: Float32Array.from(order, (i) => scores[i]!),
  };
}

/** Orders numbers from large to small; unlike a difference it knows infinities. */
export function descending(a: number, b: number): number {
  return a > b ? -1 : a < b ? 1 : 0;
}
