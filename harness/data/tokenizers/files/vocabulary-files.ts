/**
 * Reads the vocabulary of a tokenizer's folder in any of its five forms and converts it to a tokenizer.json.
 */
import { join } from 'node:path';
import { UsageError } from '../../../support/errors.ts';
import { isObject, type JsonObject } from '../../../support/json/json-object.ts';
import { isFile, readBytes, readJson } from '../../../support/read-files.ts';
import { byteLevelBpe } from './byte-level-bpe.ts';
import { checkTokenizerJson, checkVocabulary } from './check-components.ts';
import { type ConvertedPieces, convertSentencePiece, convertUnigram } from './sentencepiece.ts';
import type { NamedObject, TokenizerFiles } from './tokenizer-files.ts';

/** A vocabulary as a tokenizer.json, with the names of the files that it was read from. */
export interface VocabularyFiles extends Pick<
  TokenizerFiles,
  'path' | 'json' | 'isTokenizerJson' | 'pieces' | 'unknownId'
> {
  readonly names: readonly string[];
}

/**
 * Reads tokenizer.json, else vocab.json with merges.txt, else a SentencePiece model, else BERT's vocab.txt. `convert`
 * converts the model spiece.model, which has another form by class. Throws UsageError where the folder has none of
 * them or one is broken.
 */
export async function readVocabularyFiles(
  folder: string,
  convert: (path: string, bytes: Uint8Array) => ConvertedPieces,
): Promise<VocabularyFiles> {
  const at = (name: string): string => join(folder, name);
  const has = (name: string): Promise<boolean> => isFile(at(name));
  if (await has('tokenizer.json')) {
    const path = at('tokenizer.json');
    const json = await readObject(path);
    checkTokenizerJson(path, json);
    return { names: ['tokenizer.json'], path, isTokenizerJson: true, json };
  }
  if ((await has('vocab.json')) && (await has('merges.txt'))) {
    const path = at('vocab.json');
    const vocab = await readObject(path);
    checkVocabulary(path, vocab);
    const json = byteLevelBpe(vocab, (await readBytes(at('merges.txt'))).toString());
    return { names: ['vocab.json', 'merges.txt'], path, isTokenizerJson: false, json };
  }
  const models = {
    'tokenizer.model': convertSentencePiece,
    'spiece.model': convert,
    'spm.model': convertUnigram,
    'sentencepiece.bpe.model': convertUnigram,
  };
  for (const [name, converted] of Object.entries(models)) {
    if (!(await has(name))) continue;
    const path = at(name);
    return { names: [name], path, isTokenizerJson: false, ...converted(path, await readBytes(path)) };
  }
  if (await has('vocab.txt')) {
    const path = at('vocab.txt');
    const vocab = readWordPieces((await readBytes(path)).toString());
    checkVocabulary(path, vocab);
    return {
      names: ['vocab.txt'],
      path,
      isTokenizerJson: false,
      json: { model: { type: 'WordPiece', vocab } },
    };
  }
  throw new UsageError(
    `${folder} holds no tokenizer: looked for tokenizer.json, for vocab.json with merges.txt, ` +
      'for tokenizer.model, for spiece.model, for spm.model, for sentencepiece.bpe.model and for vocab.txt. ' +
      "Add them from the model's page, or give a folder that has them.",
  );
}

/**
 * The ids of BERT's word pieces, one a line of vocab.txt, as the Rust library reads them: without white space at
 * a line's end; of equal lines the last one counts.
 */
function readWordPieces(text: string): Record<string, number> {
  const lines = text.replace(/\n$/, '').split('\n');
  return Object.fromEntries(lines.map((line, id) => [line.replace(/\p{White_Space}+$/u, ''), id]));
}

/**
 * Returns how many tokens <extra_id_…> a T5 tokenizer adds: 100 unless tokenizer_config.json says otherwise.
 * Throws UsageError where that is not a whole number from 0 to 10,000.
 */
export function extraIdsOf(config: NamedObject | undefined): number {
  const count = config?.content.extra_ids ?? 100;
  if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= 10_000)
    return count as number;
  throw new UsageError(`${config!.path}: extra_ids must be a whole number from 0 to 10000.`);
}

/** Reads a JSON file if it exists. Throws UsageError where it does not hold an object. */
export async function readIfThere(path: string): Promise<NamedObject | undefined> {
  return (await isFile(path)) ? { path, content: await readObject(path) } : undefined;
}

async function readObject(path: string): Promise<JsonObject> {
  const value = await readJson(path);
  if (isObject(value)) return value;
  throw new UsageError(`${path} is not a JSON object; get the file again.`);
}
