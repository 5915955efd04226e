import { basename, dirname, join } from 'node:path';
import { renderChat, type ChatMessage } from './chat-template.ts';
import { cleanUpSpaces } from './clean-up-spaces.ts';
import { UsageError, messageOf } from '../../support/errors.ts';
import { isFile, readBytes, readJson } from '../../support/read-files.ts';
import { hashFiles } from '../../support/hash.ts';
import { isObject, type JsonObject } from '../../support/json-object.ts';
import { convertSentencePiece, convertT5 } from './files/sentencepiece.ts';
import { templateOf, type Template } from './template.ts';
import { checkTokenizerJson, checkVocabulary } from './files/check-components.ts';
import { tokenizerClass } from './classes/find-class.ts';
import { openTokenizer, readComponents, type Components, type LibraryTokenizer } from './rust-library.ts';
import {
  combineFiles,
  type CombinedTokenizer,
  type NamedObject,
  type TokenizerFiles,
} from './files/combine-files.ts';

/** Text to token ids and back. */
export interface Tokenizer {
  /**
   * Special tokens written in the text are recognised; those of the template (<s> … </s>) are added only on request. Throws
   * UsageError where the vocabulary cannot say the text.
   */
  encode(text: string, options?: { readonly specialTokens?: boolean }): number[];
  /** Many texts at once, as `encode` does each. */
  encodeAll(texts: readonly string[], options?: { readonly specialTokens?: boolean }): number[][];
  /** Ids that the vocabulary lacks are left out. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** Puts the special tokens around the tokens of a text or of a pair (<s> … </s></s> … </s>). */
  readonly template: Template;
  /** A conversation as the model was taught to read it; throws UsageError where the tokenizer has no chat template. */
  chat(messages: readonly ChatMessage[]): string;
  /**
   * One more than the largest id that the files name. A special token that the class in transformers has by itself (a BERT's
   * [MASK]) may lie behind it, and behind what the base knows, as it does there.
   */
  readonly vocabSize: number;
  tokenId(token: string): number | undefined;
  readonly eosId?: number;
  readonly bosId?: number;
  readonly padId?: number;
  /** The files it was read from, and their sha256. */
  readonly files: readonly string[];
  readonly hash: string;
}

/**
 * The tokenizer of a folder in Hugging Face layout: tokenizer.json, else byte-level BPE from vocab.json + merges.txt, else
 * SentencePiece's tokenizer.model (Llama) or spiece.model (T5); the settings beside it are followed as transformers does.
 * Throws UsageError where none is there or one is not sound.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const read = async (name: string): Promise<NamedObject | undefined> => {
    const path = join(folder, name);
    return (await isFile(path)) ? { path, content: await readObject(path) } : undefined;
  };
  const config = await read('tokenizer_config.json');
  const extraIds = extraIdsOf(config);
  const { names, ...vocabulary } = await readVocabularyFiles(folder, extraIds);
  const specialTokens = await read('special_tokens_map.json');
  const addedTokens = await read('added_tokens.json');
  const own = config?.content.tokenizer_class;
  // The model's configuration tells the class where the tokenizer's does not.
  const model = own === undefined || own === null ? await read('config.json') : undefined;
  const name = own ?? model?.content.tokenizer_class ?? undefined;
  // As transformers: a class of SentencePiece's with the vocabulary of another kind is a mistake of the file.
  const mistaken = isLlama(name) && JSON.stringify(vocabulary.json).includes('"ByteLevel"');
  const made = mistaken ? undefined : tokenizerClass(name, model?.content.model_type);
  const used = [config, specialTokens, addedTokens, made && model].flatMap((file) =>
    file ? [file.path] : [],
  );
  const files = [...names.map((file) => join(folder, file)), ...used];
  const combined = combineFiles({ ...vocabulary, config, specialTokens, addedTokens, tokenizerClass: made });
  const hash = await hashFiles(Object.fromEntries(files.map((path) => [basename(path), path])));
  return { ...build(vocabulary.path, combined), files, hash };
}

const isLlama = (name: unknown): boolean => name === 'LlamaTokenizer' || name === 'LlamaTokenizerFast';

/** The files that hold a folder's vocabulary, by name, and what they say. */
async function readVocabularyFiles(
  folder: string,
  extraIds: number,
): Promise<Pick<TokenizerFiles, 'path' | 'json' | 'isTokenizerJson' | 'pieces'> & { names: string[] }> {
  const has = async (name: string) => isFile(join(folder, name));
  const at = (name: string) => ({
    names: [name],
    path: join(folder, name),
    isTokenizerJson: name === 'tokenizer.json',
  });
  if (await has('tokenizer.json')) {
    const { path, ...file } = at('tokenizer.json');
    const json = await readObject(path);
    checkTokenizerJson(path, json);
    return { ...file, path, json };
  }
  if ((await has('vocab.json')) && (await has('merges.txt'))) {
    const { path, ...file } = at('vocab.json');
    const merges = await readBytes(join(folder, 'merges.txt'));
    const json = byteLevelBpe(await readVocabulary(path), merges.toString());
    return { ...file, names: ['vocab.json', 'merges.txt'], path, json };
  }
  for (const name of ['tokenizer.model', 'spiece.model']) {
    if (!(await has(name))) continue;
    const { path, ...file } = at(name);
    const bytes = await readBytes(path);
    const converted =
      name === 'spiece.model' ? convertT5(path, bytes, extraIds) : convertSentencePiece(path, bytes);
    return { ...file, path, ...converted };
  }
  throw new UsageError(
    `${folder} holds no tokenizer: looked for tokenizer.json, for vocab.json with merges.txt, for tokenizer.model and for spiece.model. Add them from the model's page, or give a folder that has them.`,
  );
}

/** How many tokens <extra_id_…> a T5 tokenizer adds: 100 unless its configuration says so. */
function extraIdsOf(config: NamedObject | undefined): number {
  const count = config?.content.extra_ids ?? 100;
  if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= 10_000)
    return count as number;
  throw new UsageError(`${config!.path}: extra_ids must be a whole number from 0 to 10000.`);
}

/** How a tokenizer.json normalises a text and splits it into the words that its model spells: what a trainer counts. */
export function wordSplitter(json: JsonObject): (text: string) => string[] {
  const { normalizer, preTokenizer } = readComponents(json);
  return (text) => {
    const normalized = normalizer ? normalizer.normalizeString(text) : text;
    return preTokenizer ? preTokenizer.preTokenizeString(normalized).map(([word]) => word) : [normalized];
  };
}

function build(path: string, combined: CombinedTokenizer): Omit<Tokenizer, 'files' | 'hash'> {
  const { tokens, settings, tokenId } = combined;
  const { library, decode, template } = open(path, combined);
  const firstOf = (usual: readonly string[]): number | undefined =>
    usual.map(tokenId).find((id) => id !== undefined);
  /** The token that the files name, else the first of the usual ones that is there. */
  const idOf = (role: string, usual: readonly string[]): number | undefined =>
    tokens[role] === undefined ? firstOf(usual) : tokenId(tokens[role]);
  const eosId = idOf('eos_token', ['</s>', '<|endoftext|>']);
  const bosId = idOf('bos_token', ['<s>', '<|endoftext|>']);
  const padId = idOf('pad_token', ['<pad>', '[PAD]']);
  const encodeAll: Tokenizer['encodeAll'] = (texts, { specialTokens = false } = {}) => {
    try {
      return library.encode(texts, specialTokens);
    } catch (error) {
      const text = texts.length === 1 ? JSON.stringify(texts[0]) : 'one of the texts';
      throw new UsageError(`${path} has no tokens for ${text}: ${oneLine(error)}.`, {
        cause: error,
      });
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
        throw new UsageError(
          `${dirname(path)} has no chat template (chat_template in tokenizer_config.json).`,
        );
      }
      return renderChat(chatTemplate, messages, tokens);
    },
    vocabSize: sizeOf(combined),
    tokenId,
    ...(eosId !== undefined && { eosId }),
    ...(bosId !== undefined && { bosId }),
    ...(padId !== undefined && { padId }),
  };
}

/** What a tokenizer does, tried once; throws UsageError where it cannot. */
function open(
  path: string,
  combined: CombinedTokenizer,
): Pick<Tokenizer, 'decode' | 'template'> & { library: LibraryTokenizer } {
  const { json } = combined;
  try {
    const decode = decoderOf(readComponents(json), combined);
    const library = openTokenizer(json);
    const added = json.added_tokens as { content: string; id: number }[];
    const given = library.ids(added.map(({ content }) => content));
    const wrong = added.find(({ id }, i) => given[i] !== id);
    if (wrong)
      throw new RangeError(
        `the ids of its vocabulary leave gaps, so that ${JSON.stringify(wrong.content)} has none`,
      );
    return { library, decode, template: readTemplate(library, json) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path} is not a tokenizer that can be read: ${oneLine(error)}.`, {
      cause: error,
    });
  }
}

/** What the library says, which may quote line breaks of a file. */
const oneLine = (error: unknown): string => messageOf(error).replace(/\s+/g, ' ').replace(/\.$/, '');

/** The template of a tokenizer; throws the library's Error or RangeError where it cannot encode. */
function readTemplate(library: LibraryTokenizer, { model }: JsonObject): Template {
  const { vocab } = model as JsonObject;
  const entries = isObject(vocab)
    ? Object.keys(vocab)
    : (vocab as [string, number][]).map(([piece]) => piece);
  let failed: unknown = new RangeError('it has no tokens for any text');
  // Some vocabularies have nothing for an "a".
  for (const text of ['a', ...entries.slice(0, 100)]) {
    try {
      if (library.encode([text], false)[0]!.length === 0) continue;
    } catch (error) {
      failed = error;
      continue;
    }
    return templateOf((count) => library.frame(text, count === 2 ? text : null));
  }
  throw failed;
}

/** Ids to text, as transformers decodes. */
function decoderOf(
  { decoder, normalizer }: Components,
  { json, special, settings }: CombinedTokenizer,
): Tokenizer['decode'] {
  const { model, added_tokens: added } = json as { model: JsonObject; added_tokens: { id: number; content: string; normalized: boolean }[] }; // prettier-ignore
  const entries: [string, number][] = Array.isArray(model.vocab)
    ? (model.vocab as [string, number][]).map(([piece], id) => [piece, id])
    : Object.entries(model.vocab as Record<string, number>);
  const tokens = new Map(entries.map(([token, id]) => [id, token]));
  for (const { id, content, normalized } of added) {
    // A token that is looked for in the normalised text is decoded as it stands there: so does the library from 0.23 on.
    tokens.set(id, normalized && normalizer ? normalizer.normalizeString(content) : content);
  }
  const cleanUp = settings.clean_up_tokenization_spaces === true && model.type !== 'BPE';
  return (ids, { skipSpecialTokens = false } = {}) => {
    const found = ids.flatMap((id) => {
      const token = tokens.get(id);
      return token === undefined || (skipSpecialTokens && special.has(token)) ? [] : [token];
    });
    const text = decoder ? decoder.decode(found) : found.join(' ');
    return cleanUp ? cleanUpSpaces(text) : text;
  };
}

/** One more than the largest id of a vocabulary and of the added tokens that its files name. */
function sizeOf({ json: { model, added_tokens: added }, assumed }: CombinedTokenizer): number {
  const { vocab } = model as JsonObject;
  let size = Array.isArray(vocab) ? vocab.length : 0;
  if (isObject(vocab)) for (const id of Object.values(vocab) as number[]) size = Math.max(size, id + 1);
  for (const { id, content } of added as { id: number; content: string }[])
    if (!assumed.has(content)) size = Math.max(size, id + 1);
  return size;
}

/** A chat template may be one of a list, of which the default serves. */
function chatTemplateOf(given: unknown): string | undefined {
  const named: unknown = Array.isArray(given) ? given.find((entry: unknown) => isObject(entry) && entry.name === 'default') : undefined; // prettier-ignore
  const template = isObject(named) ? named.template : given;
  return typeof template === 'string' ? template : undefined;
}

/** GPT-2's letter for every byte: printable Latin-1 stands for itself, the rest for U+0100 on. */
export const byteLetters = ((): string[] => {
  let next = 256;
  const printable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 255 && b !== 173);
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(printable(b) ? b : next++));
})();

/** The tokenizer.json that GPT-2's and RoBERTa's vocab.json and merges.txt stand for; which of the two, the special tokens tell. */
function byteLevelBpe(vocab: Record<string, number>, merges: string): JsonObject {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  // RoBERTa's vocabulary holds GPT-2's <|endoftext|> too, as ordinary text.
  const has = (token: string) => Object.hasOwn(vocab, token);
  const roberta = has('<s>') && has('</s>');
  const special = roberta ? ['<s>', '<pad>', '</s>', '<unk>', '<mask>'] : ['<|endoftext|>'];
  return {
    added_tokens: special.filter(has).map((content) => ({
      id: vocab[content]!,
      content,
      ...{ special: true, normalized: false, single_word: false, rstrip: false },
      // RoBERTa's mask takes the space before it along.
      lstrip: content === '<mask>',
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: roberta
      ? {
          ...{ type: 'RobertaProcessing', trim_offsets: true, add_prefix_space: false },
          ...{ cls: ['<s>', vocab['<s>']], sep: ['</s>', vocab['</s>']] },
        }
      : byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      unk_token: has('<unk>') ? '<unk>' : null,
      vocab,
      merges: merges.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version')),
    },
  };
}

async function readObject(path: string): Promise<JsonObject> {
  const value = await readJson(path);
  if (isObject(value)) return value;
  throw new UsageError(`${path} is not a JSON object; get the file again.`);
}

async function readVocabulary(path: string): Promise<Record<string, number>> {
  const vocab = await readObject(path);
  checkVocabulary(path, vocab);
  return vocab;
}
