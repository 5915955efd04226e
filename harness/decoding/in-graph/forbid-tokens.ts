import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { NEVER } from '../on-host/beam.ts';
import { countTo } from './row-numbers.ts';

// What processors.ts forbids, inside a program.

export interface ForbidRules {
  readonly eosId: number | undefined;
  readonly minNewTokens: number;
  readonly noRepeatNgram: number;
}
/** What the choice takes for the tokens before the next one. */
export interface History {
  /** [R, L] int32: a row's tokens from its start, a negative number behind them. */
  readonly tokens: Tensor;
  /** [R] int32: how many they are. */
  readonly ends: Tensor;
}

/** Stands where a sequence has no token. */
export const NONE = -1;

/** Scores [R, V] of the next tokens, `made` ([] int32) behind the prompts, with NEVER added to what is forbidden. */
export function forbid(scores: Tensor, history: History, made: Tensor, rules: ForbidRules): Tensor {
  const { eosId, minNewTokens, noRepeatNgram } = rules;
  const withoutRepeats = noRepeatNgram > 0 ? withoutRepeating(scores, history, noRepeatNgram) : scores;
  if (eosId === undefined || minNewTokens === 0) return withoutRepeats;
  const isEnd = ops.equal(countTo([1, scores.shape[1]!]), ops.scalar(eosId, 'int32'));
  const early = ops.choose(
    ops.less(made, ops.scalar(minNewTokens, 'int32')),
    ops.scalar(NEVER),
    ops.scalar(0),
  );
  return withoutRepeats.add(ops.choose(isEnd, early, ops.scalar(0)));
}

/** Less the tokens that would complete an n-gram of the history a second time. */
function withoutRepeating(scores: Tensor, { tokens, ends }: History, n: number): Tensor {
  const [rows, length] = tokens.shape as [number, number];
  const starts = length - n + 1;
  if (starts <= 0) return scores;
  const from = (offset: number): Tensor => ops.slice(tokens, [0, offset], [rows, starts]);
  const nothing = ops.scalar(NONE - 1, 'int32');
  let value = ops.fill([rows, starts], NEVER);
  for (let i = 0; i < n - 1; i++) {
    // The last n − 1 tokens, one by one; nothing where there are fewer.
    const at = ends.add(ops.scalar(i - (n - 1), 'int32')).reshape([rows, 1]);
    const own = ops.max(ops.choose(ops.equal(countTo([1, length]), at), tokens, nothing), 1, true);
    value = ops.choose(ops.equal(from(i), own), value, ops.scalar(0));
  }
  const last = from(n - 1);
  // Behind the end there is no token to forbid.
  value = ops.choose(ops.less(ops.scalar(NONE, 'int32'), last), value, ops.scalar(0));
  const ids = ops.maximum(last, ops.scalar(0, 'int32'));
  return ops.scatterAdd(scores, ids, value, 1);
}
