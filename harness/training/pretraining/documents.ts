/** Turns documents into pieces of token ids and fills rows with them. runs/pretrain uses it. */
import { encodeLabelled } from '../../data/examples/encode-labelled.ts';
import { encodePair } from '../../data/examples/encode-pair.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { Architecture } from '../../models/architecture.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';

/** A text to learn from, or an input with its target. */
export type Document = { readonly text: string } | { readonly input: string; readonly target: string };

/** A document, or a stretch of one, as token ids. */
export interface Piece {
  readonly ids: readonly number[];
  /** Token types: which text of a pair each token belongs to; absent where the family has none. */
  readonly types?: readonly number[];
  /** The target of an encoder-decoder; where absent, spans of `ids` are hidden and become the target. */
  readonly target?: readonly number[];
}

/**
 * A document as pieces of at most `length` tokens, laid out like a task's examples. A pair is one piece, cut
 * where it is longer.
 */
export function encodeDocument(
  document: Document,
  kind: Architecture['kind'],
  tokenizer: Tokenizer,
  length: number,
): Piece[] {
  if (kind === 'encoder') {
    const texts = 'text' in document ? [document.text] : [document.input, document.target];
    if (texts.length === 2) {
      const { ids, types } = encodeLabelled({ id: '', texts, label: 0 }, tokenizer, length);
      return [{ ids, types }];
    }
    const special = tokenizer.template([[]]).ids.length;
    return cutInto(tokenizer.encode(texts[0]!), length - special).map((ids) => tokenizer.template([ids]));
  }
  if ('text' in document) {
    // Laid out like an input: the tokens that precede every text, the text, the end token.
    const { prompt } = encodePair(document.text, undefined, tokenizer, {
      promptLength: Infinity,
      targetLength: 0,
    });
    // An encoder-decoder's source gets its end token when its spans are drawn.
    return kind === 'decoder'
      ? cutInto(prompt, length).map((ids) => ({ ids }))
      : cutInto(prompt.slice(0, -1), length - 1).map((ids) => ({ ids }));
  }
  const { input, target } = document;
  const uncut = encodePair(input, target, tokenizer, { promptLength: length, targetLength: length });
  if (kind === 'encoder-decoder') return [{ ids: uncut.prompt, target: uncut.target }];
  if (uncut.prompt.length + uncut.target.length <= length)
    return [{ ids: [...uncut.prompt, ...uncut.target] }];
  const half = Math.floor(length / 2);
  const cut = encodePair(input, target, tokenizer, { promptLength: half, targetLength: length - half });
  return [{ ids: [...cut.prompt, ...cut.target] }];
}

function cutInto(ids: readonly number[], length: number): number[][] {
  return Array.from({ length: Math.ceil(ids.length / length) }, (_, i) =>
    ids.slice(i * length, (i + 1) * length),
  );
}

/**
 * Puts whole pieces, in an order drawn from the seed, into rows of at most `length` tokens, so that a step
 * costs the same however short documents are. Each piece keeps its own positions and attends to itself alone.
 */
export function packPieces(pieces: readonly Piece[], length: number, seed: number): Piece[][] {
  const rows: Piece[][] = [];
  let [filled, answered] = [Infinity, Infinity];
  for (const i of randomStream(seed, 'pieces').permutation(pieces.length)) {
    const piece = pieces[i]!;
    const answer = piece.target?.length ?? 0;
    // The end token that a source gets later is not counted.
    const taken = piece.ids.length;
    if (filled + taken > length || answered + answer > length) {
      rows.push([]);
      [filled, answered] = [0, 0];
    }
    rows.at(-1)!.push(piece);
    filled += taken;
    answered += answer;
  }
  return rows;
}
