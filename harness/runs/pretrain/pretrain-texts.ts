/**
 * Reads the texts of pretraining, trains a tokenizer on them, and packs them into rows to train on and to
 * hold out.
 */
import { join } from 'node:path';
import { preEncoded } from '../../data/tokenizers/pre-encoded.ts';
import { loadTokenizer, type Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { trainTokenizer } from '../../data/tokenizers/training/train.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { NewFamily } from '../../models/bases/new-base.ts';
import { writeFolderAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { hashFile, sha256 } from '../../support/hash.ts';
import { isFile } from '../../support/read-files.ts';
import {
  encodeDocument,
  packPieces,
  type Document,
  type Piece,
} from '../../training/pretraining/documents.ts';
import { readDocuments } from '../../training/pretraining/read-texts.ts';
import { writeJson } from './base-folder.ts';
import type { PretrainRequest } from './pretrain-record.ts';

/** One document in so many is held out for the evaluation loss, and at most so many rows of them. */
const HELD_OUT = 50;
const VALIDATION_ROWS = 128;

/** A file of texts. */
export interface TextFile {
  readonly path: string;
  readonly documents: readonly Document[];
  readonly sha256: string;
}

/** Reads files of texts; throws UsageError where one cannot be used. */
export function readTexts(paths: readonly string[]): Promise<TextFile[]> {
  return Promise.all(
    paths.map(async (path) => ({
      path,
      documents: await readDocuments(path),
      sha256: await hashFile(path),
    })),
  );
}

/** Loads the tokenizer that was given, or trains one on the texts, once for a working folder. */
export async function findTokenizer(
  { tokenizer, vocabulary }: PretrainRequest,
  family: NewFamily,
  documents: readonly Document[],
  work: string,
): Promise<Tokenizer> {
  if (tokenizer) return loadTokenizer(tokenizer);
  const folder = join(work, 'tokenizer');
  if (!(await isFile(join(folder, 'tokenizer.json')))) {
    const texts = documents.flatMap((each) => ('text' in each ? [each.text] : [each.input, each.target]));
    const files = trainTokenizer(family, texts, vocabulary);
    await writeFolderAtomic(folder, async (temporary) => {
      for (const [name, json] of Object.entries(files)) await writeJson(join(temporary, name), json);
    });
  }
  return loadTokenizer(folder);
}

/** Rows of a batch, each of several pieces of text. */
export interface PackedTexts {
  readonly train: readonly Piece[][];
  readonly validation: readonly Piece[][];
}

/**
 * Packs documents into rows of `length` tokens; throws UsageError where they are too few to hold some out.
 */
export function packTexts(
  documents: readonly Document[],
  base: BaseModel,
  tokenizer: Tokenizer,
  length: number,
  seed: number,
): PackedTexts {
  const parts = { train: [] as Piece[], validation: [] as Piece[] };
  const encoded = preEncoded(
    tokenizer,
    documents.flatMap((document) => ('text' in document ? document.text : [document.input, document.target])),
  );
  for (const document of documents) {
    const pieces = encodeDocument(document, base.architecture.kind, encoded, length);
    (isHeldOut(document) ? parts.validation : parts.train).push(...pieces);
  }
  if (parts.train.length === 0 || parts.validation.length === 0) {
    throw new UsageError(
      `${documents.length} documents are too few: one in ${HELD_OUT} is held out for the evaluation loss. ` +
        `Part texts by blank lines, or give more.`,
    );
  }
  return {
    train: packPieces(parts.train, length, seed),
    validation: packPieces(parts.validation, length, seed).slice(0, VALIDATION_ROWS),
  };
}

/** Whether a document is held out, by its text or input: documents that share one stay together. */
function isHeldOut(document: Document): boolean {
  const text = 'text' in document ? document.text : document.input;
  return parseInt(sha256(text).slice(0, 8), 16) % HELD_OUT === 0;
}
