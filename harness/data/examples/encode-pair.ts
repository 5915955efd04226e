import type { TextPair, TokenPair } from './task.ts';
import type { Tokenizer } from '../tokenizers/tokenizer.ts';
import { truncatedLengths } from './truncate-pair.ts';

/** Stands for a text in what surrounds it. */
const TEXT = -1;

/**
 * Input, end token, target, end token, cut to the lengths given; no target for a test input. What the tokenizer puts
 * before every text (Llama's <s>) comes first. Of an input of two texts each ends with an end token, and the
 * longer one is
 * cut first. The end tokens survive the cut: without them a sequence would say something else. Throws
 * RangeError where the
 * tokenizer has none.
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
