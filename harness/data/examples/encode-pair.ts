/**
 * How a pair or an item becomes the token ids that a model which generates text reads. Tasks whose answers
 * are text use it as their `encode`.
 */
import type { TextPair, TokenPair } from './task.ts';
import type { Tokenizer } from '../tokenizers/tokenizer.ts';
import { truncatedLengths } from './truncate-pair.ts';

/** Marks where the text stands in the tokenizer's template; no token has this id. */
const TEXT = -1;

/**
 * Encodes a pair as prompt (input, end token) and target (target text, end token), each cut to its length in
 * tokens. The target is empty for a test input. The prompt begins with what the tokenizer puts before every
 * text, such as Llama's <s>. If the input has two texts, each ends with an end token and the longer one is
 * cut first. End tokens are never cut, because the model tells by them where a text ends. Throws RangeError
 * where the tokenizer has no end token.
 */
export function encodePair(
  input: TextPair['input'],
  target: string | undefined,
  tokenizer: Tokenizer,
  { promptLength, targetLength }: { promptLength: number; targetLength: number },
): TokenPair {
  const end = tokenizer.eosId;
  if (end === undefined) throw new RangeError('the tokenizer names no end token');
  const encode = (texts: readonly string[], limit: number): number[] => {
    const tokens = texts.map((text) => tokenizer.encode(text));
    const kept = truncatedLengths(
      tokens.map(({ length }) => length),
      limit - texts.length,
    );
    return tokens.flatMap((ids, i) => [...ids.slice(0, kept[i]), end]);
  };
  const around = tokenizer.template([[TEXT]]).ids;
  const begin = around.slice(0, around.indexOf(TEXT));
  const texts = typeof input === 'string' ? [input] : input;
  return {
    prompt: [...begin, ...encode(texts, promptLength - begin.length)],
    target: target === undefined ? [] : encode([target], targetLength),
  };
}
