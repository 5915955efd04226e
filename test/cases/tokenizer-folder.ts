// Makes folders of small tokenizers; used by the tests of tokenizers.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadTokenizer, type Tokenizer } from '../../harness/data/tokenizers/tokenizer.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Loads the tokenizer of these files, given by name as text or JSON. */
export async function tokenizerOf(files: Readonly<Record<string, unknown>>): Promise<Tokenizer> {
  return loadTokenizer(await folderOf(files));
}

export async function folderOf(files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

/** Makes an added token that matches its text literally; it is special unless `flags` say otherwise. */
export const addedToken = (id: number, content: string, flags: object = {}): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...flags,
});

/** Makes a tokenizer.json of whole words after BERT's special tokens; `parts` override its components. */
export function wordTokenizer(words: readonly string[], parts: object): Record<string, unknown> {
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  const vocab = Object.fromEntries([...special, ...words].map((token, id) => [token, id]));
  return {
    version: '1.0',
    added_tokens: special.map((content, id) => addedToken(id, content)),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
    ...parts,
  };
}

/** Makes GPT-2's vocab.json: `first`, the 256 letters for bytes, and `last` (tokens of merges). */
export function byteVocabulary(
  first: readonly string[],
  last: readonly string[] = [],
): Record<string, number> {
  return Object.fromEntries([...first, ...byteLetters, ...last].map((token, id) => [token, id]));
}
const printable = (byte: number): boolean =>
  (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 255 && byte !== 173);
const bytes = Array.from({ length: 256 }, (_, byte) => byte);
const others = bytes.filter((byte) => !printable(byte));
const byteLetters = bytes.map((byte) =>
  String.fromCharCode(printable(byte) ? byte : 256 + others.indexOf(byte)),
);
