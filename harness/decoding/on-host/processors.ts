/**
 * Logits processors as in transformers, on the host. in-graph/forbid-tokens.ts has the same rules inside a
 * program.
 */
import type { ForcedTokens } from '../../models/base-model.ts';
import type { Candidates } from '../candidates.ts';

/** Rules that change a model's scores before a search sees them. */
export interface ProcessorOptions {
  /** The end token; undefined where there is none. */
  readonly eosId: number | undefined;
  /** The number of tokens before which the end token is not chosen. */
  readonly minNewTokens?: number | undefined;
  /** The length of n-grams that must not occur twice, those of the prompt included; 0 allows all. */
  readonly noRepeatNgram?: number | undefined;
  /**
   * Above 1, tokens that occurred become less likely: negative scores are multiplied by it, others divided.
   */
  readonly repetitionPenalty?: number | undefined;
  /** Tokens that come first and last, whatever the other rules say; the last one wins where both are due. */
  readonly forced?: ForcedTokens | undefined;
  /** The most new tokens. */
  readonly maxNewTokens: number;
}

/** The token that must come after so many new ones; undefined where any may. */
function forcedToken(generated: number, { forced, maxNewTokens }: ProcessorOptions): number | undefined {
  const last = generated === maxNewTokens - 1 ? forced?.last : undefined;
  return last ?? (generated === 0 ? forced?.first : undefined);
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

/** The number of tokens whose scores rules may lower: a choice needs so many more candidates. */
export function loweredTokens(
  sequence: readonly number[],
  generated: number,
  options: ProcessorOptions,
): number {
  const penalty = options.repetitionPenalty ?? 1;
  // A penalty below 1 may lift any token to the top.
  if (penalty < 1) return Infinity;
  const early = generated < (options.minNewTokens ?? 0) ? 1 : 0;
  if (penalty > 1) return early + new Set(sequence).size;
  return early + repeatingTokens(sequence, options.noRepeatNgram ?? 0).size;
}

/**
 * Applies the rules to the candidates after `sequence`, of which `generated` tokens are new, and sorts them
 * again.
 */
export function processCandidates(
  candidates: Candidates,
  sequence: readonly number[],
  generated: number,
  options: ProcessorOptions,
): Candidates {
  const only = forcedToken(generated, options);
  if (only !== undefined) return { ids: Int32Array.of(only), scores: Float32Array.of(0) };
  const { eosId, minNewTokens = 0, noRepeatNgram = 0, repetitionPenalty = 1 } = options;
  const banned = repeatingTokens(sequence, noRepeatNgram);
  if (eosId !== undefined && generated < minNewTokens) banned.add(eosId);
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

/** Compares numbers for a descending order; a difference would fail on infinities. */
export function descending(a: number, b: number): number {
  return a > b ? -1 : a < b ? 1 : 0;
}
