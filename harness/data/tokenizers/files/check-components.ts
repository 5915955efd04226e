/**
 * Checks a tokenizer's files before the Rust library reads them, because the library accepts some faults
 * silently and ends the process at others.
 */
import { charactersMapFault } from './precompiled-charsmap.ts';
import { UsageError } from '../../../support/errors.ts';
import { isObject, type JsonObject } from '../../../support/json/json-object.ts';

/**
 * Upper limit of ids, so that a slip in a file cannot make a vocabulary of billions; the largest known
 * vocabulary has 262,144 tokens.
 */
const ID_LIMIT = 4_000_000;

/** Throws UsageError, naming file, token and id, where the id is not a whole number from 0 to 3,999,999. */
export function checkId(path: string, token: string, id: unknown): asserts id is number {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < ID_LIMIT) return;
  throw new UsageError(
    `${path}: the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}; ` +
      `ids are whole numbers from 0 to ${ID_LIMIT - 1}.`,
  );
}

/** Checks the ids of a vocabulary or of added_tokens.json (tokens to ids); throws as `checkId` does. */
export function checkVocabulary(path: string, vocab: JsonObject): asserts vocab is Record<string, number> {
  for (const [token, id] of Object.entries(vocab)) checkId(path, token, id);
}

/**
 * Checks the model, the added tokens and the components of a tokenizer.json. Throws UsageError that names the
 * token or component at fault.
 */
export function checkTokenizerJson(path: string, json: JsonObject): void {
  const refuse = (why: string): UsageError =>
    new UsageError(`${path} is not a tokenizer that can be read: ${why}.`);
  const { model, added_tokens: added = [] } = json;
  if (!isObject(model)) throw refuse('it has no model');
  checkModel(path, model, refuse);
  if (!Array.isArray(added)) throw refuse('its added_tokens are no list');
  for (const token of added) {
    if (!isObject(token) || typeof token.content !== 'string') throw refuse('an added token has no content');
    checkId(path, token.content, token.id);
  }
  const frames = partsOf(json.post_processor).filter(({ type }) => framing.includes(type));
  if (frames.length > 1)
    throw refuse('post_processor "Sequence": only one of it may put tokens around a text');
  for (const role of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder']) {
    for (const part of partsOf(json[role])) {
      const fault = typeof part.type === 'string' ? faultOf(part, path) : 'it names no type';
      if (fault !== undefined) throw refuse(`${role} ${JSON.stringify(part.type)}: ${fault}`);
    }
  }
}

/** Types of post-processors that put special tokens around a text. */
const framing: readonly unknown[] = ['TemplateProcessing', 'BertProcessing', 'RobertaProcessing'];

function checkModel(path: string, model: JsonObject, refuse: (why: string) => UsageError): void {
  const { vocab } = model;
  if (Array.isArray(vocab)) {
    vocab.forEach((entry: unknown, id) => {
      const [piece, score] = Array.isArray(entry) ? (entry as unknown[]) : [];
      if (typeof piece !== 'string' || typeof score !== 'number')
        throw refuse(`entry ${id} of its vocabulary is no piece with a score`);
    });
    const { unk_id: unknown } = model;
    if (unknown !== null && unknown !== undefined) checkId(path, 'unk_id', unknown);
  } else {
    if (!isObject(vocab)) throw refuse('its model has no vocabulary');
    checkVocabulary(path, vocab);
  }
  if (typeof model.dropout === 'number' && model.dropout !== 0)
    throw refuse('model BPE: with dropout the same text has other tokens every time');
  const { continuing_subword_prefix: prefix, merges } = model;
  if (typeof prefix !== 'string' || prefix === '' || !Array.isArray(merges)) return;
  for (const merge of merges) {
    const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const second: unknown = Array.isArray(parts) ? parts[1] : undefined;
    if (typeof second !== 'string' || !second.startsWith(prefix))
      throw refuse(`model BPE: the merge ${JSON.stringify(merge)} joins no piece that begins with ${prefix}`);
  }
}

/** Returns a component, and all components inside it if it is a sequence. */
function partsOf(spec: unknown): JsonObject[] {
  const found: JsonObject[] = [];
  const waiting = [spec];
  while (waiting.length > 0) {
    const part = waiting.pop();
    if (!isObject(part)) continue;
    found.push(part);
    for (const key of ['normalizers', 'pretokenizers', 'processors', 'decoders']) {
      if (Array.isArray(part[key])) waiting.push(...(part[key] as unknown[]));
    }
  }
  return found;
}

/**
 * Returns a fault of a component that the library would meet only when it uses the component; undefined if it
 * has none.
 */
function faultOf(part: JsonObject, path: string): string | undefined {
  switch (part.type) {
    case 'Precompiled':
      return typeof part.precompiled_charsmap === 'string'
        ? charactersMapFault(part.precompiled_charsmap)
        : undefined;
    case 'FixedLength':
      return part.length === 0 ? 'a length of 0 never ends' : undefined;
    case 'Strip':
      return Number(part.stop) > 0 ? 'what it takes from the end may be more than there is' : undefined;
    case 'TemplateProcessing':
      return templateFault(part, path);
    case 'BertProcessing':
    case 'RobertaProcessing':
      for (const pair of [part.cls, part.sep]) {
        if (Array.isArray(pair) && typeof pair[0] === 'string') checkId(path, pair[0], pair[1]);
      }
      return undefined;
    default:
      return undefined;
  }
}

function templateFault(
  { single, pair, special_tokens: tokens }: JsonObject,
  path: string,
): string | undefined {
  const known = isObject(tokens) ? tokens : {};
  for (const [name, token] of Object.entries(known)) {
    if (!isObject(token) || !Array.isArray(token.ids)) return `its special token ${name} has no ids`;
    for (const id of token.ids) checkId(path, name, id);
  }
  for (const piece of [single, pair].flat()) {
    const id = isObject(piece) && isObject(piece.SpecialToken) ? piece.SpecialToken.id : undefined;
    if (typeof id === 'string' && !Object.hasOwn(known, id)) return `${id} is none of its special tokens`;
  }
  for (const piece of [single].flat()) {
    if (isObject(piece) && isObject(piece.Sequence) && piece.Sequence.id !== 'A')
      return 'what stands around a single text names a second one';
  }
  return undefined;
}
