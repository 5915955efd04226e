/** Converts the vocabulary files of GPT-2 and RoBERTa, vocab.json and merges.txt, to a tokenizer.json. */
import type { JsonObject } from '../../../support/json/json-object.ts';

/**
 * GPT-2's letter for each byte: printable Latin-1 characters stay, other bytes get letters from U+0100 on.
 */
export const byteLetters = ((): string[] => {
  let next = 256;
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 255 && b !== 173);
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(printable(b) ? b : next++));
})();

/**
 * Builds the tokenizer.json of both files; <s> and </s> in the vocabulary show that they are RoBERTa's, not
 * GPT-2's.
 */
export function byteLevelBpe(vocab: Record<string, number>, merges: string): JsonObject {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  // RoBERTa's vocabulary holds GPT-2's <|endoftext|> too, as ordinary text, so that token decides nothing.
  const has = (token: string) => Object.hasOwn(vocab, token);
  const isRoberta = has('<s>') && has('</s>');
  const special = isRoberta ? ['<s>', '<pad>', '</s>', '<unk>', '<mask>'] : ['<|endoftext|>'];
  const robertaProcessing = {
    type: 'RobertaProcessing',
    trim_offsets: true,
    add_prefix_space: false,
    cls: ['<s>', vocab['<s>']],
    sep: ['</s>', vocab['</s>']],
  };
  return {
    added_tokens: special.filter(has).map((content) => ({
      id: vocab[content]!,
      content,
      special: true,
      normalized: false,
      single_word: false,
      rstrip: false,
      // RoBERTa's mask token takes in the space before it.
      lstrip: content === '<mask>',
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: isRoberta ? robertaProcessing : byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      unk_token: has('<unk>') ? '<unk>' : null,
      vocab,
      merges: merges.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version')),
    },
  };
}
