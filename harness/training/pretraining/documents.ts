import { encodeLabelled } from '../../data/examples/encode-labelled.ts';
import { encodePair } from '../../data/examples/encode-pair.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { Architecture } from '../../models/architecture.ts';
import { randomStream } from '../../support/random-stream.ts';

/** A text to learn from, or an input and what follows from it. */
export type Document = { readonly text: string } | { readonly input: string; readonly target: string };

/** A document, or a piece of one, as token ids. */
export interface Piece {
  readonly ids: readonly number[];
  /** Which part of a pair each token belongs to, where the family knows parts. */
  readonly types?: readonly number[];
  /** What an encoder-decoder is to answer; without it, what spans of `ids` were is the answer. */
  readonly target?: readonly number[];
}

/** A document as pieces of at most `length` tokens, laid out as a task's examples are; a pair is one piece, cut if need be. */
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
    // Laid out as an input is: what comes before every text, the text, the end token.
    const { prompt } = encodePair(document.text, undefined, tokenizer, {
      promptLength: Infinity,
      targetLength: 0,
    });
    // An encoder-decoder's source ends with the end token, which is put there when its spans are drawn.
    return kind === 'decoder'
      ? cutInto(prompt, length).map((ids) => ({ ids }))
      : cutInto(prompt.slice(0, -1), length - 1).map((ids) => ({ ids }));
  }
  const { input, target } = document;
  const whole = encodePair(input, target, tokenizer, { promptLength: length, targetLength: length });
  if (kind === 'encoder-decoder') return [{ ids: whole.prompt, target: whole.target }];
  if (whole.prompt.length + whole.target.length <= length)
    return [{ ids: [...whole.prompt, ...whole.target] }];
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
 * Puts whole pieces, in an order drawn by the seed, into rows of at most `length` tokens, so that a step costs the same
 * however short documents are. Pieces keep their own positions and see no other piece.
 */
export function packPieces(pieces: readonly Piece[], length: number, seed: number): Piece[][] {
  const rows: Piece[][] = [];
  let [filled, answered] = [Infinity, Infinity];
  for (const i of randomStream(seed, 'pieces').permutation(pieces.length)) {
    const piece = pieces[i]!;
    const answer = piece.target?.length ?? 0;
    // A source takes a token more than its piece: the end token.
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
