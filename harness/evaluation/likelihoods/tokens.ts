/** Encodes prompts, contexts and continuations as lm-eval does. runs/evaluate uses it. */
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { hasSpecialTokens, type Alternative, type EvaluationProtocol } from '../evaluation.ts';
import { stripEnd } from '../../support/python-text.ts';
import type { Request } from './token-tree.ts';

/**
 * The tokens of each context, and those that the whole text has after as many. White space at a context's end
 * is scored with the continuation, such as the line's end of a chat template. Where a token spans the border,
 * the continuation begins with what the whole text has there. Special tokens are the tokenizer's, where the
 * protocol has any.
 */
export function encodeAlternatives(
  tokenizer: Tokenizer,
  alternatives: readonly Alternative[],
  protocol: EvaluationProtocol,
): Request[] {
  const encode = promptEncoder(tokenizer, protocol);
  const contexts = new Map<string, number[]>();
  return alternatives.map(({ context, continuation }) => {
    const own = contexts.get(context) ?? encode(stripEnd(context));
    contexts.set(context, own);
    return { context: own, continuation: encode(context + continuation).slice(own.length) };
  });
}

/**
 * Encodes prompts with the tokenizer's special tokens, where the protocol has any; a text that begins with the
 * first token, as a chat template may write it, gets no second one.
 */
export function promptEncoder(
  tokenizer: Tokenizer,
  protocol: EvaluationProtocol,
): (text: string) => number[] {
  // lm-eval takes the end token for the first one where there is no other.
  const firstId = tokenizer.bosId ?? tokenizer.eosId;
  const first = firstId === undefined ? '' : tokenizer.decode([firstId], { skipSpecialTokens: false });
  const hasFirst = (text: string): boolean => first !== '' && text.startsWith(first);
  return (text) => tokenizer.encode(text, { specialTokens: hasSpecialTokens(protocol) && !hasFirst(text) });
}
