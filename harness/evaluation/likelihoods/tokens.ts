/** How contexts and continuations become tokens, as lm-eval's `_encode_pair` does it. */
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { hasSpecialTokens, type Alternative, type EvaluationProtocol } from '../evaluation.ts';
import type { Request } from './token-tree.ts';

/**
 * The tokens of each context and of what the whole text has behind as many: where the tokenizer merges over the border,
 * the continuation begins with what the whole text has there. Special tokens are the tokenizer's own,
 * where the protocol has any.
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
