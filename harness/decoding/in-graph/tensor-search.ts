/**
 * Greedy and beam search as tensor operations, for the loop of graph-search.ts. B prompts have K beams each;
 * M is the most new tokens. Results are those of the searches on the host, which tests compare them with.
 */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { NEVER, type EarlyStopping } from '../on-host/beam.ts';
import { NONE, type ForbidRules } from './forbid-tokens.ts';
import { countTo, groupOf, rowsAt, type Rows } from './row-numbers.ts';

/** The rules of a search. */
export interface SearchRules extends ForbidRules {
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: EarlyStopping;
}
/** The rules of a search with the sizes of its program. */
export interface SearchShape extends SearchRules {
  /** B prompts, padded to T tokens. */
  readonly prompts: number;
  readonly length: number;
  /** Most tokens of a history before the first new one. */
  readonly history: number;
}

/** A search whose state is tensors that a loop carries. */
export interface TensorSearch {
  /** C: the number of candidates of each beam that a choice sees. */
  readonly candidates: number;
  start(open: Tensor): Tensor[];
  /**
   * Chooses from the candidates of each beam [B·K, C]. Returns the next tokens [B·K]; the rows that they
   * continue, where rows change; and whether any search goes on.
   */
  choose(
    turn: Tensor,
    candidates: { ids: Tensor; scores: Tensor },
    state: readonly Tensor[],
  ): { next: Tensor; parents?: Rows; again: Tensor; state: Tensor[] };
  found(state: readonly Tensor[]): { tokens: Tensor; scores: Tensor };
}

const anyOpen = (open: Tensor): Tensor => ops.less(0, open.sum());
const noTokens = (rows: number, count: number): Tensor => ops.fill([rows, count], NONE, 'int32');

/** Greedy search; computes what on-host/greedy.ts does. */
export function greedySearch({ prompts, maxNewTokens, eosId }: SearchShape): TensorSearch {
  return {
    candidates: 1,
    start: (open) => [noTokens(prompts, maxNewTokens), open],
    choose(turn, { ids }, [tokens, open]) {
      const next = ids.reshape([prompts]);
      const goesOn =
        eosId === undefined
          ? open!
          : ops.choose(ops.equal(next, ops.scalar(eosId, 'int32')), ops.scalar(0), open!);
      const isNew = ops.choose(
        ops.equal(countTo([1, maxNewTokens]), turn),
        goesOn.reshape([prompts, 1]),
        ops.scalar(0),
      );
      const grown = ops.choose(ops.less(0, isNew), next.reshape([prompts, 1]), tokens!);
      return { next, again: anyOpen(goesOn), state: [grown, goesOn] };
    },
    found: ([tokens]) => ({ tokens: tokens!, scores: ops.zeros([prompts]) }),
  };
}

/** Beam search; computes what on-host/beam.ts does. */
export function beamSearch(shape: SearchShape): TensorSearch {
  const { prompts: B, beams: K, maxNewTokens: M, eosId } = shape;
  const C = 2 * K;
  const penalty = lengthPenaltyOf(shape);
  const ended = (ids: Tensor): Tensor =>
    eosId === undefined ? ops.zeros([B, C]) : ops.cast(ops.equal(ids, ops.scalar(eosId, 'int32')), 'float32');
  const firstOf = (y: Tensor): Tensor => ops.slice(y, [0, 0], [B, K]);
  return {
    candidates: C,
    // All beams begin as the prompt; the others' scores keep them from being chosen.
    start: (open) => [
      noTokens(B * K, M),
      ops.tensor(
        Float32Array.from({ length: B * K }, (_, i) => (i % K === 0 ? 0 : NEVER)),
        [B, K],
      ),
      noTokens(B * K, M),
      ops.fill([B, K], NEVER),
      open.reshape([B, 1]),
    ],
    choose(turn, candidates, [running, before, finished, finishedScores, open]) {
      const best = bestCandidates(candidates, before!, C);
      const isEnd = ended(best.ids);
      const isLast = ops.cast(ops.equal(turn, ops.scalar(M - 1, 'int32')), 'float32');

      const isHere = ops.equal(countTo([1, M]), turn);
      const sequences = pick(running!, best.parents, K).reshape([B, C, M]);
      const written = ops.choose(ops.less(0, isEnd), ops.scalar(NONE, 'int32'), best.ids);
      const grown = ops.choose(isHere, written.reshape([B, C, 1]), sequences);

      // Only the best K candidates may finish; the others replace those that do.
      const finishes = ops.maximum(firstOf(isEnd), isLast).mul(open!);
      const scored = ops.choose(
        ops.less(0, finishes),
        firstOf(best.scores).div(penalty(turn)),
        ops.scalar(NEVER),
      );
      const kept = ops.largest(ops.concat([finishedScores!, scored], 1), K);
      const merged = ops.concat([finished!.reshape([B, K, M]), ops.slice(grown, [0, 0, 0], [B, K, M])], 1);
      const finishedNow = pick(merged.reshape([B * C, M]), kept.indices, C);

      const next = ops.largest(best.scores.add(isEnd.mul(NEVER)), K);
      const chosen = pick(best.parents.reshape([-1]), next.indices, C).reshape([B, K]);
      const mayImprove = hopes(shape, turn, kept.values, next.values, penalty);
      const goesOn = mayImprove.mul(open!);
      return {
        next: pick(best.ids.reshape([-1]), next.indices, C),
        parents: rowsAt(chosen, K),
        again: anyOpen(goesOn),
        state: [
          pick(grown.reshape([B * C, M]), next.indices, C),
          next.values,
          finishedNow,
          kept.values,
          goesOn,
        ],
      };
    },
    found: ([, , finished, scores]) => ({ tokens: finished!, scores: scores!.reshape([B * K]) }),
  };
}

/** Picks rows of [B·n, …] by their indices among the n of each group: indices [B, m] → [B·m, …]. */
const pick = (rows: Tensor, at: Tensor, n: number): Tensor => ops.gather(rows, rowsAt(at, n));

/** A function from a turn, the number of new tokens less one, to the divisor of the scores, [1]. */
function lengthPenaltyOf({ maxNewTokens: M, lengthPenalty }: SearchShape): (turn: Tensor) => Tensor {
  const powers = ops.tensor(
    Float32Array.from({ length: M }, (_, i) => (i + 1) ** lengthPenalty),
    [M],
  );
  return (turn) => ops.gather(powers, turn.reshape<Rows>([1]));
}

/**
 * The best C of all beams' candidates [B·K, C], best first: their tokens, scores and beams (among the K of
 * their prompt), [B, C] each. `before` [B, K] is the beams' score.
 */
function bestCandidates(
  { ids, scores }: { ids: Tensor; scores: Tensor },
  before: Tensor,
  C: number,
): { ids: Tensor; scores: Tensor; parents: Tensor } {
  const [B, K] = before.shape as [number, number];
  const all = scores
    .reshape([B, K, C])
    .add(before.reshape([B, K, 1]))
    .reshape([B, K * C]);
  const best = ops.largest(all, C);
  const parents = ops.gather(groupOf(K, C), best.indices);
  const chosen = pick(ids.reshape([-1]), best.indices, K * C).reshape([B, C]);
  return { ids: chosen, scores: best.values, parents };
}

/** Whether a running beam may still come to surpass the worst finished one, as 1 or 0 [B, 1]. */
function hopes(
  { beams: K, maxNewTokens: M, lengthPenalty, earlyStopping }: SearchShape,
  turn: Tensor,
  finished: Tensor,
  running: Tensor,
  penalty: (turn: Tensor) => Tensor,
): Tensor {
  const B = finished.shape[0];
  const worst = ops.slice(finished, [0, K - 1], [B, 1]);
  const isFull = ops.less(NEVER / 2, worst);
  const length = earlyStopping === 'never' && lengthPenalty > 0 ? ops.scalar(M - 1, 'int32') : turn;
  const hope = ops.slice(running, [0, 0], [B, 1]).div(penalty(length));
  const surpasses = earlyStopping === true ? ops.scalar(0) : ops.cast(ops.less(worst, hope), 'float32');
  return ops.choose(isFull, surpasses, ops.scalar(1));
}
