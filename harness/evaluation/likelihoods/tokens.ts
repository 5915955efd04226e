/** Encodes contexts and continuations as lm-eval's `_encode_pair` does. runs/evaluate uses it. */
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { hasSpecialTokens, type Alternative, type EvaluationProtocol } from '../evaluation.ts';
import type { Request } from './token-tree.ts';

/**
 * The tokens of each context, and those that the whole text has after as many. Where a token spans the border,
 * the continuation begins with what the whole text has there. Special tokens are the tokenizer's, where the
 * protocol has any.
 */
export function encodeAlternatives(
  tokenizer: Tokenizer,
  alternatives: readonly Alternative[],
  protocol: EvaluationProtocol,
): Request[] {
  const encode = (text: string): number[] =>
    tokenizer.encode(text, { specialTokens: hasSpecialTokens(protocol) });
  const contexts = new Map<string, number[]>();
  return alternatives.map(({ context, continuation }) => {
    const own = contexts.get(context) ?? encode(context);
    contexts.set(context, own);
    return { context: own, continuation: encode(context + continuation).slice(own.length) };
  });
}
