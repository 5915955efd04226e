/**
 * The three pretraining tasks: what is hidden from a model and predicted. runs/pretrain draws with a stream
 * for each piece and epoch; the order of draws decides numbers, so it must not change.
 */
import type { Random } from '../../support/numbers/random-stream.ts';
import type { Piece } from './documents.ts';

/** A piece as a model learns it: the tokens it reads, and the token to predict at each of them. */
export interface Sequence {
  readonly ids: readonly number[];
  readonly types?: readonly number[];
  /** The token to predict at each place of `ids`; NOTHING where there is none. */
  readonly targets: readonly number[];
  /** The tokens that the encoder of an encoder-decoder reads. */
  readonly source?: readonly number[];
}
/** Stands where no token is to be predicted. */
export const NOTHING = -1;

/**
 * The shares of tokens that are predicted. Encoders get more than BERT's 15 %: small ones on little text
 * learn more from it in the same time (Wettig et al., 2023, arXiv:2202.08005). Encoder-decoders get T5's own
 * 15 %.
 */
const MASKED_SHARE = 0.4;
const NOISE_SHARE = 0.15;
/** The mean length of T5's hidden spans, in tokens. */
const MEAN_SPAN = 3;

/** Causal language modelling: each token is predicted from all before it. */
export function causalSequence({ ids }: Piece): Sequence {
  return { ids, targets: [...ids.slice(1), NOTHING] };
}

/** The tokens of a vocabulary that masking needs. */
export interface MaskingTokens {
  readonly mask: number;
  readonly vocabulary: number;
  readonly isSpecial: (id: number) => boolean;
}

/**
 * Masked language modelling (Devlin et al., 2019): 40 % of the tokens, at least one a piece and no special
 * ones, are predicted. Of these 80 % become the mask, 10 % a random token, and 10 % stay.
 */
export function maskedSequence(
  { ids, types }: Piece,
  random: Random,
  { mask, vocabulary, isSpecial }: MaskingTokens,
): Sequence {
  const places = ids.flatMap((id, i) => (isSpecial(id) ? [] : [i]));
  const count = Math.min(places.length, Math.max(1, Math.round(MASKED_SHARE * places.length)));
  const order = random.permutation(places.length);
  // Each call starts the stream anew: drop as many values as the draws before have used.
  const chance = random.uniform(places.length + count, 0, 1).subarray(places.length);
  const others = random.integers(places.length + 2 * count, vocabulary).subarray(places.length + count);
  const read = [...ids];
  const targets = ids.map(() => NOTHING);
  for (let n = 0; n < count; n++) {
    const place = places[order[n]!]!;
    targets[place] = ids[place]!;
    if (chance[n]! < 0.8) read[place] = mask;
    else if (chance[n]! < 0.9) read[place] = others[n]!;
  }
  return { ids: read, ...(types && { types }), targets };
}

/** The tokens of a vocabulary that span corruption needs. */
export interface SpanTokens {
  /** The first token of every target. */
  readonly start: number;
  readonly end: number;
  /** <extra_id_0>, <extra_id_1>, … */
  readonly sentinels: readonly number[];
}

/**
 * Span corruption (Raffel et al., 2020): spans of three tokens in the mean, 15 % of all tokens, are each
 * replaced by a sentinel; the target is each sentinel followed by its span. A piece with a target of its own
 * is not corrupted.
 */
export function corruptedSequence(
  piece: Piece,
  random: Random,
  { start, end, sentinels }: SpanTokens,
): Sequence {
  const { source, target } = piece.target
    ? { source: [...piece.ids], target: [...piece.target] }
    : corruptSpans(piece.ids, random, { end, sentinels });
  return { source, ids: [start, ...target.slice(0, -1)], targets: target };
}

/** The source and the target of a text with hidden spans; both end with the end token. */
export function corruptSpans(
  ids: readonly number[],
  random: Random,
  { end, sentinels }: Omit<SpanTokens, 'start'>,
): { source: number[]; target: number[] } {
  // Like T5's random_spans_noise_mask, kept and hidden spans alternate, a kept one first.
  const hidden = Math.min(Math.max(Math.round(NOISE_SHARE * ids.length), 1), ids.length - 1);
  const most = Math.min(hidden, ids.length - hidden, sentinels.length);
  const spans = Math.min(Math.max(Math.round(hidden / MEAN_SPAN), 1), most);
  const source: number[] = [];
  const target: number[] = [];
  if (spans > 0) {
    const order = [...random.permutation(ids.length)];
    const kept = segments(ids.length - hidden, spans, order);
    const hiddenSpans = segments(hidden, spans, order);
    let at = 0;
    for (let i = 0; i < spans; i++) {
      const [from, to] = [at + kept[i]!, at + kept[i]! + hiddenSpans[i]!];
      source.push(...ids.slice(at, from), sentinels[i]!);
      target.push(sentinels[i]!, ...ids.slice(from, to));
      at = to;
    }
  } else source.push(...ids);
  return { source: [...source, end], target: [...target, end] };
}

/** Lengths, at least 1, of `count` stretches of a total, cut at the first valid places of a random order. */
function segments(total: number, count: number, order: readonly number[]): number[] {
  const cuts = order.filter((i) => i > 0 && i < total).slice(0, count - 1);
  const ends = [...cuts.sort((a, b) => a - b), total];
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}
