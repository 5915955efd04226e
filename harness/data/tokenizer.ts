import * as library from '@huggingface/tokenizers';
import { dirname, join } from 'node:path';
import { charactersMap } from './characters-map.ts';
import { renderChat, type ChatMessage } from './chat-template.ts';
import { UsageError } from './errors.ts';
import { isFile, readBytes, readJson } from './files.ts';
import { hashFiles } from './hash.ts';
import { convertSentencePiece, convertT5 } from './sentencepiece.ts';
import { templateOf, type Template, type TypedTokens } from './template.ts';

/** Text to token ids and back. */
export interface Tokenizer {
  /** Special tokens written in the text are recognised; those of the template (<s> … </s>) are added only on request. */
  encode(text: string, options?: { readonly specialTokens?: boolean }): number[];
  /** Ids that the vocabulary lacks are left out. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** Puts the special tokens around the tokens of a text or of a pair (<s> … </s></s> … </s>). */
  readonly template: Template;
  /** A conversation as the model was taught to read it; throws UsageError where the tokenizer has no chat template. */
  chat(messages: readonly ChatMessage[]): string;
  /** One more than the largest id. */
  readonly vocabSize: number;
  tokenId(token: string): number | undefined;
  readonly eosId?: number;
  readonly bosId?: number;
  readonly padId?: number;
  /** The files it was read from, and their sha256. */
  readonly files: readonly string[];
  readonly hash: string;
}

type JsonObject = Record<string, unknown>;

/** What is used of the package's Tokenizer. Its own types import without extensions, so TypeScript cannot follow them. */
interface LibraryTokenizer {
  encode(
    text: string,
    options: { add_special_tokens: boolean; text_pair?: string; return_token_type_ids?: true },
  ): { ids: number[]; token_type_ids?: number[] };
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
  pre_tokenizer: ((text: string) => string[]) | null;
  normalizer: Normalize | null;
}
type Normalize = (text: string) => string;
const LibraryTokenizer = library.Tokenizer as unknown as new (
  json: JsonObject,
  config: JsonObject,
) => LibraryTokenizer;

const configFiles = ['tokenizer_config.json', 'special_tokens_map.json'];

/** The tokenizer of a folder in Hugging Face layout: tokenizer.json, else byte-level BPE from vocab.json + merges.txt, else SentencePiece's tokenizer.model (Llama) or spiece.model (T5); throws UsageError where neither is there or sound. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const has = async (name: string) => isFile(join(folder, name));
  const bare = ['vocab.json', 'merges.txt'];
  let files: string[];
  let json: JsonObject;
  if (await has('tokenizer.json')) {
    files = ['tokenizer.json'];
    json = await readObject(join(folder, 'tokenizer.json'));
  } else if ((await has(bare[0]!)) && (await has(bare[1]!))) {
    files = bare;
    json = byteLevelBpe(
      await readVocabulary(join(folder, 'vocab.json')),
      (await readBytes(join(folder, 'merges.txt'))).toString(),
    );
  } else if (await has('tokenizer.model')) {
    files = ['tokenizer.model'];
    const path = join(folder, 'tokenizer.model');
    json = convertSentencePiece(path, await readBytes(path));
  } else if (await has('spiece.model')) {
    files = ['spiece.model'];
    const path = join(folder, 'spiece.model');
    json = convertT5(path, await readBytes(path), await extraIdsOf(folder));
  } else {
    throw new UsageError(
      `${folder} holds no tokenizer: looked for tokenizer.json, for vocab.json with merges.txt, for tokenizer.model and for spiece.model. Add them from the model's page, or give a folder that has them.`,
    );
  }
  const config: JsonObject = {};
  for (const name of configFiles) {
    if (!(await has(name))) continue;
    files.push(name);
    for (const [key, value] of Object.entries(await readObject(join(folder, name)))) config[key] ??= value;
  }
  const hash = await hashFiles(Object.fromEntries(files.map((name) => [name, join(folder, name)])));
  const paths = files.map((name) => join(folder, name));
  return { ...build(paths[0]!, json, config), files: paths, hash };
}

/** How many tokens <extra_id_…> a T5 tokenizer adds: 100 unless its configuration says so. */
async function extraIdsOf(folder: string): Promise<number> {
  const path = join(folder, 'tokenizer_config.json');
  const { extra_ids: count = 100 } = (await isFile(path)) ? await readObject(path) : {};
  if (Number.isSafeInteger(count) && (count as number) >= 0 && (count as number) <= 10_000) return count as number; // prettier-ignore
  throw new UsageError(`${path}: extra_ids must be a whole number from 0 to 10000.`);
}

/** How a tokenizer.json normalises a text and splits it into the words that its model spells: what a trainer counts. */
export function wordSplitter(json: JsonObject): Words {
  const { normalizer, pre_tokenizer: split } = createInner(json, {});
  return (text) => {
    const normalized = normalizer ? normalizer(text) : text;
    return split ? split(normalized) : [normalized];
  };
}

function createInner(json: JsonObject, config: JsonObject): LibraryTokenizer {
  const inner = new LibraryTokenizer({ added_tokens: [], ...json }, config);
  mapCharacters(inner, json.normalizer);
  const words = wordsOf(json.pre_tokenizer);
  if (words) inner.pre_tokenizer = words;
  return inner;
}

function build(path: string, json: JsonObject, config: JsonObject): Omit<Tokenizer, 'files' | 'hash'> {
  let inner: LibraryTokenizer;
  try {
    inner = createInner(json, config);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${path} is not a tokenizer that can be read: ${why}`, { cause: error });
  }
  let vocabSize = 0;
  for (const id of inner.get_vocab().values()) vocabSize = Math.max(vocabSize, id + 1);
  const cleanUp = config.clean_up_tokenization_spaces === true;
  /** The token that the configuration names, else the first of the usual ones that is there. */
  const named = (key: string): string | undefined => {
    const given = config[key];
    const name = isObject(given) ? given.content : given;
    return typeof name === 'string' ? name : undefined;
  };
  const special = (key: string, usual: string[]): number | undefined => {
    const name = named(key);
    if (name !== undefined) return inner.token_to_id(name);
    return usual.map((token) => inner.token_to_id(token)).find((id) => id !== undefined);
  };
  const eosId = special('eos_token', ['</s>', '<|endoftext|>']);
  const bosId = special('bos_token', ['<s>', '<|endoftext|>']);
  const padId = special('pad_token', ['<pad>', '[PAD]']);
  const encode = (text: string, specialTokens: boolean): number[] =>
    inner.encode(text, { add_special_tokens: specialTokens }).ids;
  const withTypes = ([text = '', pair]: readonly string[]): TypedTokens => {
    const options = { add_special_tokens: true, return_token_type_ids: true } as const;
    const made = inner.encode(text, pair === undefined ? options : { ...options, text_pair: pair });
    // The package counts a second text apart; RoBERTa's processor does not.
    const apart = isObject(json.post_processor) && json.post_processor.type !== 'RobertaProcessing';
    return { ids: made.ids, types: (apart ? made.token_type_ids : undefined) ?? made.ids.map(() => 0) };
  };
  return {
    encode: (text, { specialTokens = false } = {}) => encode(text, specialTokens),
    template: templateOf(withTypes, (text) => encode(text, false)),
    chat(messages) {
      const { chat_template: template } = config;
      if (typeof template !== 'string') {
        throw new UsageError(
          `${dirname(path)} has no chat template (chat_template in tokenizer_config.json).`,
        );
      }
      const keys = ['bos_token', 'eos_token', 'pad_token', 'unk_token'];
      const tokens = keys.flatMap((key) => {
        const token = named(key);
        return token === undefined ? [] : [[key, token]];
      });
      return renderChat(template, messages, Object.fromEntries(tokens) as Record<string, string>);
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const known = ids.filter((id) => inner.id_to_token(id) !== undefined);
      // The library refuses an empty list, and cleans up spaces unless told otherwise.
      if (known.length === 0) return '';
      return inner.decode(known, {
        skip_special_tokens: skipSpecialTokens,
        clean_up_tokenization_spaces: cleanUp,
      });
    },
    vocabSize,
    tokenId: (token) => inner.token_to_id(token),
    ...(eosId !== undefined && { eosId }),
    ...(bosId !== undefined && { bosId }),
    ...(padId !== undefined && { padId }),
  };
}

/** Lets a map of characters be followed to the letter, for which the package takes NFKC. */
function mapCharacters(inner: LibraryTokenizer, spec: unknown): void {
  if (!isObject(spec)) return;
  const mapOf = (part: unknown): Normalize | undefined =>
    isObject(part) && part.type === 'Precompiled' && typeof part.precompiled_charsmap === 'string'
      ? charactersMap(part.precompiled_charsmap)
      : undefined;
  const map = mapOf(spec);
  if (map) inner.normalizer = map;
  if (spec.type !== 'Sequence' || !Array.isArray(spec.normalizers)) return;
  const parts = (inner.normalizer as unknown as { normalizers: { normalize: Normalize }[] }).normalizers;
  spec.normalizers.forEach((part, i) => {
    const map = mapOf(part);
    if (map) parts[i] = { normalize: map };
  });
}

type Words = (text: string) => string[];

/** How a text falls into words, where the package's own way differs from the reference's or is slow. */
function wordsOf(spec: unknown): Words | undefined {
  if (!isObject(spec)) return undefined;
  if (spec.type === 'ByteLevel' && spec.use_regex !== false) {
    return byteLevelWords(spec.add_prefix_space === true);
  }
  // The reference counts ², ½ and Ⅷ among the digits.
  if (spec.type === 'Digits') {
    const pattern = spec.individual_digits === true ? /\p{N}|\P{N}+/gu : /\p{N}+|\P{N}+/gu;
    return (text) => text.match(pattern) ?? [];
  }
  // JavaScript's \s differs from the reference's by U+0085 and U+FEFF.
  if (spec.type === 'WhitespaceSplit') return (text) => text.match(/\P{White_Space}+/gu) ?? [];
  // Older files say add_prefix_space for it.
  if (
    spec.type === 'Metaspace' &&
    (spec.prepend_scheme ?? (spec.add_prefix_space === false ? 'never' : 'always')) === 'always' &&
    spec.replacement === '▁' &&
    spec.split !== false
  ) {
    return (text) =>
      text
        .replaceAll(' ', '▁')
        .replace(/^(?!▁)/, '▁')
        .match(/▁[^▁]*/g) ?? [];
  }
  if (spec.type !== 'Sequence' || !Array.isArray(spec.pretokenizers)) return undefined;
  const steps = spec.pretokenizers.map(wordsOf);
  return steps.every((step) => step !== undefined)
    ? (text) => steps.reduce((parts, step) => parts.flatMap((part) => step(part)), [text])
    : undefined;
}

/** GPT-2's split into words, each written in the 256 letters that stand for bytes; words are remembered, which halves the time. */
function byteLevelWords(prefixSpace: boolean): Words {
  // The package's own pattern has JavaScript's \s, which differs from the reference's by U+0085 and U+FEFF.
  const pattern =
    /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
  const known = new Map<string, string>();
  const spell = (word: string) => {
    const spelled = Array.from(Buffer.from(word), (byte) => byteLetters[byte]).join('');
    if (known.size === 100_000) known.clear();
    known.set(word, spelled);
    return spelled;
  };
  return (text) =>
    ((prefixSpace && !text.startsWith(' ') ? ` ${text}` : text).match(pattern) ?? []).map(
      (word) => known.get(word) ?? spell(word),
    );
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
  const roberta = '<s>' in vocab && '</s>' in vocab;
  const special = roberta ? ['<s>', '<pad>', '</s>', '<unk>', '<mask>'] : ['<|endoftext|>'];
  return {
    added_tokens: special
      .filter((content) => content in vocab)
      .map((content) => ({
        id: vocab[content]!,
        content,
        special: true,
        normalized: false,
        // RoBERTa's mask takes the space before it along.
        lstrip: content === '<mask>',
      })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: roberta
      ? { type: 'RobertaProcessing', cls: ['<s>', vocab['<s>']], sep: ['</s>', vocab['</s>']] }
      : byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      unk_token: '<unk>' in vocab ? '<unk>' : null,
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
  for (const [token, id] of Object.entries(vocab)) {
    if (!Number.isSafeInteger(id) || (id as number) < 0) {
      throw new UsageError(`${path}: the id of ${JSON.stringify(token)} is not a whole number.`);
    }
  }
  return vocab as Record<string, number>;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
