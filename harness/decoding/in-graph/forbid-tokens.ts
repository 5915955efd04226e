/** The rules of on-host/processors.ts as operations of a program: tokens that must not come next. */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { NEVER } from '../on-host/beam.ts';
import type { ForcedTokens } from '../../models/base-model.ts';
import { countTo } from './row-numbers.ts';

export interface ForbidRules {
  readonly eosId: number | undefined;
  readonly minNewTokens: number;
  readonly noRepeatNgram: number;
  readonly forced?: ForcedTokens | undefined;
  readonly maxNewTokens: number;
}

/** Whether any rule may change scores. */
export const hasRules = ({ minNewTokens, noRepeatNgram, forced }: ForbidRules): boolean =>
  noRepeatNgram > 0 || minNewTokens > 0 || forced !== undefined;

/** The tokens before the next one, as n-gram rules see them. */
export interface History {
  /** [R, L] int32: a row's tokens from its start, negative numbers after them. */
  readonly tokens: Tensor;
  /** [R] int32: the number of a row's tokens. */
  readonly ends: Tensor;
}

/** Fills places after a sequence's last token. */
export const NONE = -1;

/**
 * Adds NEVER to the scores [R, V] of tokens that must not come next; `generated` ([] int32) counts the new
 * tokens before.
 */
export function forbid(scores: Tensor, history: History, generated: Tensor, rules: ForbidRules): Tensor {
  const allowed = allowedBy(scores, history, generated, rules);
  const { forced, maxNewTokens } = rules;
  const begun = forcedAt(allowed, scores, { turn: generated, at: 0, token: forced?.first });
  return forcedAt(begun, scores, { turn: generated, at: maxNewTokens - 1, token: forced?.last });
}

/**
 * At turn `at` leaves one token alone, with the logarithm of the sum of all exponentials for a score: its
 * log-probability then is 0, as transformers has it.
 */
function forcedAt(
  allowed: Tensor,
  scores: Tensor,
  { turn, at, token }: { readonly turn: Tensor; readonly at: number; readonly token: number | undefined },
): Tensor {
  if (token === undefined) return allowed;
  const isToken = ops.equal(countTo([1, scores.shape[1]!]), ops.scalar(token, 'int32'));
  const most = ops.max(scores, 1, true);
  const all = scores.sub(most).exp().sum(1, true).log().add(most);
  const alone = ops.choose(isToken, all, ops.scalar(NEVER));
  return ops.choose(ops.equal(turn, ops.scalar(at, 'int32')), alone, allowed);
}

function allowedBy(scores: Tensor, history: History, generated: Tensor, rules: ForbidRules): Tensor {
  const { eosId, minNewTokens, noRepeatNgram } = rules;
  const withoutRepeats = noRepeatNgram > 0 ? withoutRepeating(scores, history, noRepeatNgram) : scores;
  if (eosId === undefined || minNewTokens === 0) return withoutRepeats;
  const isEnd = ops.equal(countTo([1, scores.shape[1]!]), ops.scalar(eosId, 'int32'));
  const early = ops.choose(
    ops.less(generated, ops.scalar(minNewTokens, 'int32')),
    ops.scalar(NEVER),
    ops.scalar(0),
  );
  return withoutRepeats.add(ops.choose(isEnd, early, ops.scalar(0)));
}

/** Adds NEVER to tokens that would complete an n-gram of the history a second time. */
function withoutRepeating(scores: Tensor, { tokens, ends }: History, n: number): Tensor {
  const [rows, length] = tokens.shape as [number, number];
  const starts = length - n + 1;
  if (starts <= 0) return scores;
  const from = (offset: number): Tensor => ops.slice(tokens, [0, offset], [rows, starts]);
  const nothing = ops.scalar(NONE - 1, 'int32');
  let value = ops.fill([rows, starts], NEVER);
  for (let i = 0; i < n - 1; i++) {
    // Token i of the last n − 1; `nothing` where the history is shorter.
    const at = ends.add(ops.scalar(i - (n - 1), 'int32')).reshape([rows, 1]);
    const own = ops.max(ops.choose(ops.equal(countTo([1, length]), at), tokens, nothing), 1, true);
    value = ops.choose(ops.equal(from(i), own), value, ops.scalar(0));
  }
  const last = from(n - 1);
  // After the history's end there is no token to forbid.
  value = ops.choose(ops.less(ops.scalar(NONE, 'int32'), last), value, ops.scalar(0));
  const ids = ops.maximum(last, ops.scalar(0, 'int32'));
  return ops.scatterAdd(scores, ids, value, 1);
}
