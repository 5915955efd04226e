import type { TokenPair } from './task.ts';
import type { Tokenizer } from './tokenizer.ts';

/**
 * Input, end token, target, end token, cut to the lengths given; no target for a test input. The end tokens survive the
 * cut: without them a sequence would say something else. Throws RangeError where the tokenizer has none.
 */
export function encodePair(
  input: string,
  target: string | undefined,
  tokenizer: Tokenizer,
  { promptLength, targetLength }: { promptLength: number; targetLength: number },
): TokenPair {
  const end = tokenizer.eosId;
  if (end === undefined) throw new RangeError('the tokenizer names no end token');
  const cut = (text: string, length: number): number[] => [
    ...tokenizer.encode(text).slice(0, length - 1),
    end,
  ];
  return {
    prompt: cut(input, promptLength),
    target: target === undefined ? [] : cut(target, targetLength),
  };
}
