/**
 * What a base of each kind learns from: a decoder predicts the next token, an encoder masked tokens (Devlin
 * et al. 2019), an encoder-decoder masked spans (Raffel et al. 2020).
 */
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { maskedHead } from '../../models/delta/masked-head.ts';
import type { Delta } from '../../models/method.ts';
import { UsageError } from '../../support/errors.ts';
import type { randomStream } from '../../support/numbers/random-stream.ts';
import type { Piece } from '../../training/pretraining/documents.ts';
import {
  causalSequence,
  corruptedSequence,
  maskedSequence,
  type Sequence,
} from '../../training/pretraining/draw.ts';
import { pretraining } from '../../training/pretraining/objective.ts';

type RandomStream = ReturnType<typeof randomStream>;

/** How a base is trained. */
export interface PretrainObjective {
  /** Makes a sequence to learn from of a piece of text; masks are drawn from the stream. */
  draw(piece: Piece, random: () => RandomStream): Sequence;
  /** Trains the whole base, and the head of masked tokens where there is one. */
  readonly delta: Delta;
  readonly objective: ReturnType<typeof pretraining>;
}

/** The objective of a base; throws UsageError where its tokenizer lacks the tokens that it needs. */
export function pretrainObjective(base: BaseModel, tokenizer: Tokenizer): PretrainObjective {
  const { architecture } = base;
  const everything: Delta = { trained: {}, unfreezes: () => true };
  switch (architecture.kind) {
    case 'decoder':
      return { draw: causalSequence, delta: everything, objective: pretraining(architecture, undefined) };
    case 'encoder': {
      const head = maskedHead(base);
      const tokens = maskTokens(tokenizer, architecture.vocabulary);
      return {
        draw: (piece, random) => maskedSequence(piece, random(), tokens),
        delta: { ...everything, trained: head.tensors },
        objective: pretraining(architecture, head),
      };
    }
    case 'encoder-decoder': {
      const tokens = { start: architecture.startToken, ...spanTokens(tokenizer) };
      return {
        draw: (piece, random) => corruptedSequence(piece, random(), tokens),
        delta: everything,
        objective: pretraining(architecture, undefined),
      };
    }
  }
}

function maskTokens(tokenizer: Tokenizer, vocabulary: number): Parameters<typeof maskedSequence>[2] {
  const mask = tokenizer.tokenId('<mask>') ?? tokenizer.tokenId('[MASK]');
  if (mask === undefined) throw new UsageError('The tokenizer has no mask token (<mask> or [MASK]).');
  const special = new Set([...tokenizer.template([[], []]).ids, mask]);
  return { mask, vocabulary, isSpecial: (id: number) => special.has(id) };
}

function spanTokens(tokenizer: Tokenizer): { end: number; sentinels: number[] } {
  const end = tokenizer.eosId;
  if (end === undefined) throw new UsageError('The tokenizer names no end token.');
  const sentinels: number[] = [];
  for (let id; (id = tokenizer.tokenId(`<extra_id_${sentinels.length}>`)) !== undefined;) sentinels.push(id);
  if (sentinels.length === 0) throw new UsageError('The tokenizer has no sentinels (<extra_id_0>, …).');
  return { end, sentinels };
}
