/**
 * Tokenizers of folders in Hugging Face layout: text to token ids and back, as AutoTokenizer of transformers
 * 5.24 does. This
 * file opens one; files/ reads the folder, classes/ holds what transformers' classes decide, rust-library.ts encodes.
 */
import { basename, dirname, join } from 'node:path';
import { messageOf, UsageError } from '../../support/errors.ts';
import { hashFiles } from '../../support/hash.ts';
import { isObject, type JsonObject } from '../../support/json-object.ts';
import { chatTemplateOf, renderChat, type ChatMessage } from './chat-template.ts';
import { tokenizerClass } from './classes/find-class.ts';
import { decoderOf } from './decode.ts';
import { combineFiles, type CombinedTokenizer } from './files/combine-files.ts';
import { extraIdsOf, readIfThere, readVocabularyFiles } from './files/vocabulary-files.ts';
import { openTokenizer, readComponents, type LibraryTokenizer } from './rust-library.ts';
import { readTemplate, type Template } from './template.ts';

/** Text to token ids and back. */
export interface Tokenizer {
  /**
   * A text's token ids. Special tokens written in the text are recognised; those of the template (<s> … </s>)
   * are added only
   * on request. Throws UsageError where the vocabulary has no tokens for the text.
   */
  encode(text: string, options?: { readonly specialTokens?: boolean }): number[];
  /** The token ids of each text as `encode` gives them, faster than one by one. */
  encodeAll(texts: readonly string[], options?: { readonly specialTokens?: boolean }): number[][];
  /** The text of token ids; those that the vocabulary lacks are left out. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** Puts the special tokens around the tokens of a text or of a pair (<s> … </s></s> … </s>). */
  readonly template: Template;
  /** A conversation as the model was taught to read it; throws UsageError where the tokenizer has no chat template. */
  chat(messages: readonly ChatMessage[]): string;
  /**
   * One more than the largest id that the files name. A special token that transformers' class has by default (a BERT's
   * [MASK]) may have a larger id, even one that the base lacks, as it has there.
   */
  readonly vocabSize: number;
  tokenId(token: string): number | undefined;
  readonly eosId?: number;
  readonly bosId?: number;
  readonly padId?: number;
  /** Paths of the files that it was read from, and one sha256 for all of them. */
  readonly files: readonly string[];
  readonly hash: string;
}

/**
 * The tokenizer of a folder in Hugging Face layout: tokenizer.json, else byte-level BPE from vocab.json +
 * merges.txt, else
 * SentencePiece's tokenizer.model (Llama) or spiece.model (T5); the settings beside it are followed as
 * transformers does.
 * Throws UsageError where none is there or one is not sound.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const read = (name: string) => readIfThere(join(folder, name));
  const config = await read('tokenizer_config.json');
  const { names, ...vocabulary } = await readVocabularyFiles(folder, extraIdsOf(config));
  const specialTokens = await read('special_tokens_map.json');
  const addedTokens = await read('added_tokens.json');
  const named = config?.content.tokenizer_class ?? undefined;
  // The model's configuration names the class where the tokenizer's does not.
  const model = named === undefined ? await read('config.json') : undefined;
  const className = named ?? model?.content.tokenizer_class ?? undefined;
  // As transformers does: it ignores a Llama class that is named for a byte-level vocabulary.
  const isMistaken = isLlama(className) && JSON.stringify(vocabulary.json).includes('"ByteLevel"');
  const found = isMistaken ? undefined : tokenizerClass(className, model?.content.model_type);
  const used = [config, specialTokens, addedTokens, found && model].flatMap((file) =>
    file ? [file.path] : [],
  );
  const files = [...names.map((file) => join(folder, file)), ...used];
  const combined = combineFiles({ ...vocabulary, config, specialTokens, addedTokens, tokenizerClass: found });
  const hash = await hashFiles(Object.fromEntries(files.map((path) => [basename(path), path])));
  return { ...createTokenizer(vocabulary.path, combined), files, hash };
}

const isLlama = (name: unknown): boolean => name === 'LlamaTokenizer' || name === 'LlamaTokenizerFast';

/** A tokenizer from its combined files; `path` is that of the vocabulary, for messages. */
function createTokenizer(path: string, combined: CombinedTokenizer): Omit<Tokenizer, 'files' | 'hash'> {
  const { tokens, settings, tokenId } = combined;
  const { library, decode, template } = open(path, combined);
  const encodeAll: Tokenizer['encodeAll'] = (texts, { specialTokens = false } = {}) => {
    try {
      return library.encode(texts, specialTokens);
    } catch (error) {
      const text = texts.length === 1 ? JSON.stringify(texts[0]) : 'one of the texts';
      throw new UsageError(`${path} has no tokens for ${text}: ${oneLine(error)}.`, { cause: error });
    }
  };
  return {
    encode: (text, options) => encodeAll([text], options)[0]!,
    encodeAll,
    decode,
    template,
    chat(messages) {
      const chatTemplate = chatTemplateOf(settings.chat_template);
      if (chatTemplate === undefined) {
        const folder = dirname(path);
        throw new UsageError(`${folder} has no chat template (chat_template in tokenizer_config.json).`);
      }
      return renderChat(chatTemplate, messages, tokens);
    },
    vocabSize: vocabularySize(combined),
    tokenId,
    ...idsOfRoles(combined),
  };
}

/**
 * The ids of end, begin and padding: of the tokens that the files name, else of the first usual ones that are
 * there.
 */
function idsOfRoles({ tokens, tokenId }: CombinedTokenizer): Pick<Tokenizer, 'eosId' | 'bosId' | 'padId'> {
  const idOf = (role: string, usual: readonly string[]): number | undefined => {
    const names = tokens[role] === undefined ? usual : [tokens[role]];
    return names.map(tokenId).find((id) => id !== undefined);
  };
  const eosId = idOf('eos_token', ['</s>', '<|endoftext|>']);
  const bosId = idOf('bos_token', ['<s>', '<|endoftext|>']);
  const padId = idOf('pad_token', ['<pad>', '[PAD]']);
  return {
    ...(eosId !== undefined && { eosId }),
    ...(bosId !== undefined && { bosId }),
    ...(padId !== undefined && { padId }),
  };
}

/** Opens encoding, decoding and template, each tried once; throws UsageError where the library cannot do it. */
function open(
  path: string,
  combined: CombinedTokenizer,
): Pick<Tokenizer, 'decode' | 'template'> & { library: LibraryTokenizer } {
  const { json } = combined;
  try {
    const decode = decoderOf(readComponents(json), combined);
    const library = openTokenizer(json);
    checkIds(library, json.added_tokens as { content: string; id: number }[]);
    return { library, decode, template: readTemplate(library, json) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} is not a tokenizer that can be read: ${oneLine(error)}.`, { cause: error });
  }
}

/** Throws RangeError where the library gave an added token another id than `AddedTokens` computed. */
function checkIds(library: LibraryTokenizer, added: readonly { content: string; id: number }[]): void {
  const given = library.ids(added.map(({ content }) => content));
  const wrong = added.find(({ id }, i) => given[i] !== id);
  if (!wrong) return;
  const token = JSON.stringify(wrong.content);
  throw new RangeError(`the ids of its vocabulary leave gaps, so that ${token} has none`);
}

/** The library's message without the line breaks that it may quote from a file. */
const oneLine = (error: unknown): string => messageOf(error).replace(/\s+/g, ' ').replace(/\.$/, '');

/** One more than the largest id of the vocabulary and of the added tokens that the files name. */
function vocabularySize({ json: { model, added_tokens: added }, assumed }: CombinedTokenizer): number {
  const { vocab } = model as JsonObject;
  let size = Array.isArray(vocab) ? vocab.length : 0;
  if (isObject(vocab)) for (const id of Object.values(vocab) as number[]) size = Math.max(size, id + 1);
  for (const { id, content } of added as { id: number; content: string }[])
    if (!assumed.has(content)) size = Math.max(size, id + 1);
  return size;
}
