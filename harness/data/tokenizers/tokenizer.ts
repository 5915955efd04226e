/**
 * Opens tokenizers of folders in Hugging Face layout, with the token ids and texts of AutoTokenizer in
 * transformers 5.24. files/ reads and combines the folder's files, classes/ holds what transformers'
 * tokenizer classes decide, rust-library.ts encodes.
 */
import { basename, dirname, join } from 'node:path';
import { messageOf, UsageError } from '../../support/errors.ts';
import { hashFiles } from '../../support/hash.ts';
import { isObject, type JsonObject } from '../../support/json/json-object.ts';
import { readChatTemplate, renderChat, type ChatMessage, type ChatOptions } from './chat-template.ts';
import { bert } from './classes/bert.ts';
import { deberta, gpt2, gptNeox, qwen2, roberta } from './classes/byte-level.ts';
import { tokenizerClass } from './classes/find-class.ts';
import { albert, debertaV2, llama, t5, xlmRoberta } from './classes/sentencepiece.ts';
import type { TokenizerClass } from './classes/tokenizer-class.ts';
import { decoderOf } from './decode.ts';
import { combineFiles, type CombinedTokenizer } from './files/combine-files.ts';
import { convertT5, convertUnigram } from './files/sentencepiece.ts';
import { extraIdsOf, readIfThere, readVocabularyFiles } from './files/vocabulary-files.ts';
import { type Components, openTokenizer, readComponents, type LibraryTokenizer } from './rust-library.ts';
import { readTemplate, type Template } from './template.ts';

/** Turns text into token ids and back. */
export interface Tokenizer {
  /**
   * Returns a text's token ids. Special tokens written in the text are recognised; the template's (<s> …
   * </s>) are added only with `specialTokens`. Throws UsageError where the vocabulary has no tokens for the
   * text.
   */
  encode(text: string, options?: { readonly specialTokens?: boolean }): number[];
  /** Returns the token ids of each text as `encode` does, faster than one by one. */
  encodeAll(texts: readonly string[], options?: { readonly specialTokens?: boolean }): number[][];
  /** Returns the text of token ids; ids that the vocabulary lacks are left out. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** Puts the special tokens around the tokens of one text or two (<s> … </s></s> … </s>). */
  readonly template: Template;
  /** The chat template's text; absent where the tokenizer has none. */
  readonly chatTemplate?: string;
  /** Writes a conversation by the chat template; throws UsageError where the tokenizer has none. */
  chat(messages: readonly ChatMessage[], options?: ChatOptions): string;
  /**
   * One more than the largest id that the files name. A special token from the class's defaults (such as a
   * BERT's [MASK]) may have a larger id, even one that the base has no row for; this is so in transformers
   * too.
   */
  readonly vocabSize: number;
  /** Returns the id of a token; undefined where the vocabulary lacks it. */
  tokenId(token: string): number | undefined;
  readonly eosId?: number;
  readonly bosId?: number;
  readonly padId?: number;
  /** Paths of the files that the tokenizer was read from, and one sha256 of them all. */
  readonly files: readonly string[];
  readonly hash: string;
}

/**
 * Opens the tokenizer of a folder: tokenizer.json, else vocab.json with merges.txt, else SentencePiece's
 * tokenizer.model (Llama), spiece.model (T5, ALBERT), spm.model (DeBERTa 2) or sentencepiece.bpe.model (XLM-RoBERTa),
 * else BERT's vocab.txt, with the settings beside it, as transformers does. Throws UsageError where no vocabulary is
 * there or a file is broken.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const read = (name: string) => readIfThere(join(folder, name));
  const config = await read('tokenizer_config.json');
  const named = config?.content.tokenizer_class ?? undefined;
  // config.json names a class where tokenizer_config.json does not, and its model type may overrule either.
  const model = await read('config.json');
  const className = named ?? model?.content.tokenizer_class ?? undefined;
  const namesClass = (named === undefined ? model : config)?.path ?? folder;
  const classFor = (modelType: unknown, isByteLevel: boolean): TokenizerClass | undefined =>
    tokenizerClass({ name: className, modelType, isByteLevel, path: namesClass });
  const isAlbert = classFor(model?.content.model_type, false) === albert;
  const { names, ...vocabulary } = await readVocabularyFiles(folder, (path, bytes) =>
    isAlbert ? convertUnigram(path, bytes) : convertT5(path, bytes, extraIdsOf(config)),
  );
  const specialTokens = await read('special_tokens_map.json');
  const addedTokens = await read('added_tokens.json');
  const isByteLevel = JSON.stringify(vocabulary.json).includes('"ByteLevel"');
  const found = classFor(model?.content.model_type, isByteLevel);
  requireReadBy(found, vocabulary.path, className, !config && !model);
  const isModelsChoice =
    named === undefined ? found !== undefined : found !== classFor(undefined, isByteLevel);
  const used = [config, specialTokens, addedTokens, isModelsChoice ? model : undefined].flatMap((file) =>
    file ? [file.path] : [],
  );
  const files = [...names.map((file) => join(folder, file)), ...used];
  const combined = combineFiles({ ...vocabulary, config, specialTokens, addedTokens, tokenizerClass: found });
  const hash = await hashFiles(Object.fromEntries(files.map((path) => [basename(path), path])));
  const chatTemplate = await readChatTemplate(folder, combined.settings.chat_template);
  return { ...createTokenizer(vocabulary.path, combined, chatTemplate), files, hash };
}

/** What vocabularies of these forms hold, whose tokenizers read them, and those tokenizers' classes. */
const readers: Readonly<
  Record<string, readonly [content: string, whose: string, classes: readonly TokenizerClass[]]>
> = {
  'vocab.json': ['byte pairs', "GPT-2's and its like", [gpt2, gptNeox, roberta, deberta, qwen2]],
  'tokenizer.model': ["SentencePiece's byte pairs", "Llama's", [llama]],
  'spiece.model': ["SentencePiece's unigrams", "T5's and ALBERT's", [t5, albert]],
  'spm.model': ["SentencePiece's unigrams", "DeBERTa 2's", [debertaV2]],
  'sentencepiece.bpe.model': ["SentencePiece's unigrams", "XLM-RoBERTa's", [xlmRoberta]],
  'vocab.txt': ['word pieces', "BERT's", [bert]],
};

/**
 * Throws UsageError where transformers does not read a vocabulary of this form by the class of the files, or not
 * as it is read here.
 */
function requireReadBy(
  found: TokenizerClass | undefined,
  path: string,
  className: unknown,
  isAlone: boolean,
): void {
  const form = basename(path);
  const [content, whose, classes] = readers[form] ?? [];
  if (!classes || (found && classes.includes(found))) return;
  // Where no class is named transformers reads no other form, so that nothing differs from it.
  if (found === undefined && (form === 'vocab.json' || form === 'spiece.model')) return;
  // Llama 2 was published as this file alone.
  if (form === 'tokenizer.model' && isAlone) return;
  throw new UsageError(
    `${path} holds ${content}, which ${whose} tokenizers alone read, and the files beside it name ` +
      `${typeof className === 'string' ? className : 'none of them'}. Save the tokenizer with transformers: ` +
      'its tokenizer.json is read whatever the class.',
  );
}

/** Makes a tokenizer of its combined files; `path` is the vocabulary file's path, for messages. */
function createTokenizer(
  path: string,
  combined: CombinedTokenizer,
  chatTemplate: string | undefined,
): Omit<Tokenizer, 'files' | 'hash'> {
  const { tokens, tokenId } = combined;
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
    ...(chatTemplate !== undefined && { chatTemplate }),
    chat(messages, options) {
      if (chatTemplate === undefined) {
        throw new UsageError(
          `${dirname(path)} has no chat template (chat_template.jinja, or chat_template in ` +
            'tokenizer_config.json). Take a base that was tuned for conversations, or go without the template.',
        );
      }
      return renderChat(chatTemplate, messages, tokens, options);
    },
    vocabSize: vocabularySize(combined),
    tokenId,
    ...idsOfRoles(combined),
  };
}

/**
 * Returns the ids of end, begin and padding tokens: the tokens that the files name, else the first usual
 * token that the vocabulary has.
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

/** Opens encoder, decoder and template. Throws UsageError where the library cannot read the tokenizer. */
function open(
  path: string,
  combined: CombinedTokenizer,
): Pick<Tokenizer, 'decode' | 'template'> & { library: LibraryTokenizer } {
  const { json } = combined;
  try {
    const components = readComponents(json);
    const decode = decoderOf(components, combined);
    const added = json.added_tokens as AddedToken[];
    requireNormalized(components, added);
    const library = openTokenizer(json);
    checkIds(library, added);
    return { library, decode, template: readTemplate(library, json) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} is not a tokenizer that can be read: ${oneLine(error)}.`, { cause: error });
  }
}

interface AddedToken {
  readonly content: string;
  readonly id: number;
  readonly normalized?: boolean;
}

/**
 * Throws RangeError where the normalizer leaves nothing of an added token, which the library then finds inside of
 * letters and dies, or makes the same of two, of which its versions find the first or the last.
 */
function requireNormalized({ normalizer }: Components, added: readonly AddedToken[]): void {
  const found = new Map<string, string>();
  for (const { content } of added.filter(({ normalized }) => normalized)) {
    const text = normalizer?.normalizeString(content) ?? content;
    const token = JSON.stringify(content);
    if (text === '')
      throw new RangeError(
        `its normalizer leaves nothing of the added token ${token}, which is "normalized"`,
      );
    const other = found.get(text);
    if (other !== undefined)
      throw new RangeError(
        `its normalizer makes the same of the added tokens ${other} and ${token}, which are "normalized"`,
      );
    found.set(text, token);
  }
}

/** Throws RangeError where the library gave an added token another id than `AddedTokens` computed. */
function checkIds(library: LibraryTokenizer, added: readonly AddedToken[]): void {
  const given = library.ids(added.map(({ content }) => content));
  const wrong = added.find(({ id }, i) => given[i] !== id);
  if (!wrong) return;
  const token = JSON.stringify(wrong.content);
  throw new RangeError(`the ids of its vocabulary leave gaps, so that ${token} has none`);
}

/** The library's message in one line; it may quote line breaks from a file. */
const oneLine = (error: unknown): string => messageOf(error).replace(/\s+/g, ' ').replace(/\.$/, '');

/** Computes one more than the largest id of the vocabulary and of the added tokens that the files name. */
function vocabularySize({ json: { model, added_tokens: added }, assumed }: CombinedTokenizer): number {
  const { vocab } = model as JsonObject;
  let size = Array.isArray(vocab) ? vocab.length : 0;
  if (isObject(vocab)) for (const id of Object.values(vocab) as number[]) size = Math.max(size, id + 1);
  for (const { id, content } of added as { id: number; content: string }[])
    if (!assumed.has(content)) size = Math.max(size, id + 1);
  return size;
}
