/**
 * Converts SentencePiece models (Llama's tokenizer.model, T5's and ALBERT's spiece.model, DeBERTa's spm.model,
 * XLM-RoBERTa's sentencepiece.bpe.model) to a tokenizer.json, as transformers does. Reads the protocol buffer itself
 * and must check every length in it.
 */
import { UsageError } from '../../../support/errors.ts';
import type { JsonObject } from '../../../support/json/json-object.ts';
import { metaspaceDecoder } from '../classes/components.ts';

// Field numbers of sentencepiece_model.proto that Llama's byte-pair models and T5's unigram models need.
const MODEL = { pieces: 1, trainer: 2, normalizer: 3 } as const;
const PIECE = { text: 1, score: 2, type: 3 } as const;
const TRAINER = { modelType: 3, byteFallback: 35, unknownId: 40 } as const;
const NORMALIZER = { charsMap: 2, dummyPrefix: 3, removeExtraSpaces: 4, escapeSpaces: 5 } as const;
const TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
const [UNIGRAM, BYTE_PAIR] = [1, 2];

/** A field's value: a whole number if its wire type is varint, else its bytes. */
type Field = number | Uint8Array;

interface Piece {
  readonly text: string;
  readonly score: number;
  readonly type: number;
}

/** The content of a model file; fields that it lacks have the format's defaults. */
interface Model {
  readonly pieces: readonly Piece[];
  readonly kind: Field;
  readonly byteFallback: boolean;
  readonly unknownId: number;
  readonly charsMap: Uint8Array;
  readonly dummyPrefix: boolean;
  readonly removesSpaces: boolean;
  readonly escapesSpaces: boolean;
}

/** Reads a model file. Throws UsageError where it is broken. */
function readModel(path: string, bytes: Uint8Array): Model {
  const broken = (why: string): UsageError =>
    new UsageError(`${path} is not a sound SentencePiece model: ${why}. Get the file again.`);
  const message = (part: Field): Map<number, Field[]> => {
    if (typeof part === 'number') throw broken('a message is a number');
    return readFields(part, broken);
  };
  const flag = (fields: ReadonlyMap<number, Field[]>, key: number, missing: boolean): boolean => {
    const value = fields.get(key)?.at(-1);
    return value === undefined ? missing : value === 1;
  };

  const model = message(bytes);
  const pieces = (model.get(MODEL.pieces) ?? []).map((part) => readPiece(message(part), broken));
  if (pieces.length === 0) throw broken('it has no pieces');
  const trainer = message(model.get(MODEL.trainer)?.at(-1) ?? new Uint8Array());
  const normalizer = message(model.get(MODEL.normalizer)?.at(-1) ?? new Uint8Array());
  const charsMap = normalizer.get(NORMALIZER.charsMap)?.at(-1);
  return {
    pieces,
    kind: trainer.get(TRAINER.modelType)?.at(-1) ?? UNIGRAM,
    byteFallback: flag(trainer, TRAINER.byteFallback, false),
    unknownId: Number(trainer.get(TRAINER.unknownId)?.at(-1) ?? 0),
    charsMap: charsMap instanceof Uint8Array ? charsMap : new Uint8Array(),
    dummyPrefix: flag(normalizer, NORMALIZER.dummyPrefix, true),
    removesSpaces: flag(normalizer, NORMALIZER.removeExtraSpaces, true),
    escapesSpaces: flag(normalizer, NORMALIZER.escapeSpaces, true),
  };
}

const isSpecial = (type: number): boolean => type === TYPE.control || type === TYPE.unknown;

/** Makes the added token of a piece that is matched in a text before the text is split. */
const added = (id: number, content: string, special: boolean): JsonObject => ({
  id,
  content,
  special,
  normalized: false,
  lstrip: false,
  rstrip: false,
  single_word: false,
});

/** The result of converting a SentencePiece model. */
export interface ConvertedPieces {
  readonly json: JsonObject;
  /** Pieces matched in a text before it is split: control pieces (special tokens) and user-defined pieces. */
  readonly pieces: readonly JsonObject[];
  /** The unknown piece's id that the model was trained with, for classes that read it. */
  readonly unknownId?: number;
}
const markedPieces = (pieces: readonly Piece[]): JsonObject[] =>
  pieces.flatMap(({ text, type }, id) =>
    type === TYPE.control || type === TYPE.userDefined ? [added(id, text, type === TYPE.control)] : [],
  );

/**
 * Converts a unigram model for a class that builds all other components (DeBERTa 2, ALBERT, XLM-RoBERTa). Throws
 * UsageError where the file is broken.
 */
export function convertUnigram(path: string, bytes: Uint8Array): ConvertedPieces {
  const { pieces, unknownId, charsMap } = readModel(path, bytes);
  const vocab = pieces.map(({ text, score }) => [text, score]);
  const json = { normalizer: precompiled(charsMap), model: { type: 'Unigram', unk_id: unknownId, vocab } };
  return { json, pieces: markedPieces(pieces), unknownId };
}

const precompiled = (charsMap: Uint8Array): JsonObject | null =>
  charsMap.length > 0
    ? { type: 'Precompiled', precompiled_charsmap: Buffer.from(charsMap).toString('base64') }
    : null;

/**
 * Converts T5's spiece.model as transformers does: its pieces, then `extraIds` tokens <extra_id_…> in falling
 * order; words are split at spaces. Throws UsageError where the file is broken or another kind of model.
 */
export function convertT5(path: string, bytes: Uint8Array, extraIds: number): ConvertedPieces {
  const { pieces, kind, byteFallback, charsMap } = readModel(path, bytes);
  const unknown = pieces.findIndex(({ type }) => type === TYPE.unknown);
  const end = pieces.findIndex(({ text }) => text === '</s>');
  const unlike = [
    ...(kind !== UNIGRAM ? ['it is no unigram model'] : []),
    ...(byteFallback ? ['it spells unknown characters in bytes'] : []),
    ...(unknown < 0 || end < 0 ? ['it has no <unk> or no </s>'] : []),
  ];
  if (unlike.length > 0) throw notRead(path, unlike);
  const extra = Array.from({ length: extraIds }, (_, i) => `<extra_id_${extraIds - 1 - i}>`);
  const spaces = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
  const sequence = (id: string): object[] => [
    { Sequence: { id, type_id: 0 } },
    { SpecialToken: { id: '</s>', type_id: 0 } },
  ];
  const json = {
    added_tokens: [
      ...pieces.flatMap(({ text, type }, id) => (isSpecial(type) ? [added(id, text, true)] : [])),
      ...extra.map((text, i) => added(pieces.length + i, text, true)),
    ],
    normalizer: precompiled(charsMap),
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, spaces] },
    post_processor: {
      type: 'TemplateProcessing',
      single: sequence('A'),
      pair: [...sequence('A'), ...sequence('B')],
      special_tokens: { '</s>': { id: '</s>', ids: [end], tokens: ['</s>'] } },
    },
    decoder: spaces,
    model: {
      type: 'Unigram',
      unk_id: unknown,
      byte_fallback: false,
      vocab: [...pieces.map(({ text, score }) => [text, score]), ...extra.map((text) => [text, 0])],
    },
  };
  return { json, pieces: markedPieces(pieces) };
}

const notRead = (path: string, why: readonly string[]): UsageError =>
  new UsageError(
    `${path} is a SentencePiece model that is not read here: ${why.join(', ')}. ` +
      'Save its tokenizer.json with transformers beside it.',
  );

/**
 * Converts a byte-pair model (Llama 2's tokenizer.model) as transformers does: merges in the order of scores,
 * unknown characters as bytes, a space before the text. Throws UsageError where the file is broken or another
 * kind of model.
 */
export function convertSentencePiece(path: string, bytes: Uint8Array): ConvertedPieces {
  const model = readModel(path, bytes);
  const { pieces, dummyPrefix: dummy } = model;
  const unlike = [
    ...(model.kind !== BYTE_PAIR ? ['it is no byte-pair model'] : []),
    ...(model.charsMap.length > 0 ? ['it rewrites characters'] : []),
    ...(model.removesSpaces ? ['it removes spaces'] : []),
    ...(model.escapesSpaces ? [] : ['it keeps spaces as they are']),
  ];
  if (unlike.length > 0) throw notRead(path, unlike);

  const vocab = new Map(pieces.map(({ text }, id) => [text, id]));
  const unknown = pieces.find(({ type }) => type === TYPE.unknown)?.text;
  const begin = pieces.findIndex(({ text, type }) => text === '<s>' && type === TYPE.control);
  const part = (id: string, type_id: number): object[] => [
    { SpecialToken: { id: '<s>', type_id } },
    { Sequence: { id, type_id } },
  ];
  const space = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  const json = {
    added_tokens: pieces.flatMap(({ text, type }, id) =>
      isSpecial(type) || type === TYPE.userDefined ? [added(id, text, isSpecial(type))] : [],
    ),
    normalizer: {
      type: 'Sequence',
      normalizers: [...(dummy ? [{ type: 'Prepend', prepend: '▁' }] : []), space],
    },
    pre_tokenizer: null,
    post_processor:
      begin < 0
        ? null
        : {
            type: 'TemplateProcessing',
            single: part('A', 0),
            pair: [...part('A', 0), ...part('B', 1)],
            special_tokens: { '<s>': { id: '<s>', ids: [begin], tokens: ['<s>'] } },
          },
    decoder: metaspaceDecoder(dummy),
    model: {
      type: 'BPE',
      unk_token: unknown ?? null,
      fuse_unk: true,
      byte_fallback: model.byteFallback,
      vocab: Object.fromEntries(vocab),
      merges: mergesOf(pieces, vocab),
    },
  };
  return { json, pieces: markedPieces(pieces) };
}

function readPiece(fields: ReadonlyMap<number, Field[]>, broken: (why: string) => UsageError): Piece {
  const text = fields.get(PIECE.text)?.at(-1);
  const score = fields.get(PIECE.score)?.at(-1) ?? new Uint8Array(4);
  const type = fields.get(PIECE.type)?.at(-1) ?? TYPE.normal;
  if (!(text instanceof Uint8Array)) throw broken('a piece has no text');
  if (!(score instanceof Uint8Array) || score.length !== 4) throw broken('a score is no float');
  if (typeof type !== 'number') throw broken('a type is no number');
  return {
    text: Buffer.from(text).toString(),
    score: new DataView(score.buffer, score.byteOffset).getFloat32(0, true),
    type,
  };
}

/**
 * Returns every pair of pieces whose texts join to a third piece, best score first, as transformers orders
 * merges.
 */
function mergesOf(pieces: readonly Piece[], vocab: ReadonlyMap<string, number>): [string, string][] {
  const merges: { left: string; right: string; score: number; ids: [number, number] }[] = [];
  for (const { text, score, type } of pieces) {
    if (type !== TYPE.normal) continue;
    for (let cut = 1; cut < text.length; cut++) {
      const [left, right] = [text.slice(0, cut), text.slice(cut)];
      const ids = [vocab.get(left), vocab.get(right)];
      if (ids[0] === undefined || ids[1] === undefined) continue;
      merges.push({ left, right, score, ids: [ids[0], ids[1]] });
    }
  }
  merges.sort((a, b) => b.score - a.score || a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1]);
  return merges.map(({ left, right }) => [left, right]);
}

/** Reads a protocol buffer's fields by number, in order; checks every length against the bytes left. */
function readFields(bytes: Uint8Array, broken: (why: string) => UsageError): Map<number, Field[]> {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw broken('it was cut short');
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw broken('a number has no end');
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw broken('it was cut short');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    let value: Field;
    if (wire === 0) value = varint();
    else if (wire === 1) value = take(8);
    else if (wire === 2) value = take(varint());
    else if (wire === 5) value = take(4);
    else throw broken(`a field is of the unknown form ${wire}`);
    const all = fields.get(number);
    if (all) all.push(value);
    else fields.set(number, [value]);
  }
  return fields;
}
