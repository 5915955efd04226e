/**
 * Divides the documents of an evaluation into batches that a model reads at once. Nothing is computed here,
 * so that a dry run can count tokens. runs/evaluate uses it; log-likelihoods.ts scores the batches.
 */
import type { LoadedModel } from '../../decoding/programs.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { type Delta, virtualTokens } from '../../models/method.ts';
import { roundUp, sum } from '../../support/numbers/arithmetic.ts';
import { sharedBeginnings } from './beginnings.ts';
import { packRows } from './pack-rows.ts';
import type { TreesShape } from './program.ts';
import { treeOf, type Request } from './token-tree.ts';

/** Sizes are rounded up to multiples of these, so that few programs serve many batches. */
const STEP = { predictions: 64, beginning: 64 } as const;

/** Some documents of an evaluation, whose requests a model reads at once. */
export interface LikelihoodBatch {
  readonly documents: readonly number[];
  /** Where the tree of each of `documents` begins among the nodes of all rows. */
  readonly begins: readonly number[];
  /** Number of tokens that the model computes, padding included. */
  readonly tokens: number;
  readonly shape: TreesShape;
  /** What all contexts of the batch begin with; one object for all batches that share it. */
  readonly beginning: Beginning | undefined;
  /** The requests of each of `documents`. */
  readonly requests: readonly (readonly Request[])[];
}

/** Tokens that many contexts begin with. */
export interface Beginning {
  readonly ids: readonly number[];
  /** The number of context tokens after them, where the method reads where prompts end; otherwise 0. */
  readonly tokensAfter: number;
}

/** The number of tokens that a base under a method can read. */
export const positionsFor = ({ architecture }: BaseModel, delta: Delta): number =>
  architecture.positions - virtualTokens(delta);

/**
 * The end of a request, as far as the model has positions. The very last token needs none: it is predicted,
 * not read.
 */
export function cutRequest(request: Request, positions: number): Request {
  const { context, continuation } = request;
  const kept = positions + 1 - continuation.length;
  if (kept >= context.length) return request;
  if (kept >= 1) return { context: context.slice(-kept), continuation };
  throw new RangeError(
    `a continuation of ${continuation.length} tokens leaves no room for its context among ${positions} positions`,
  );
}

/**
 * Divides the documents of an evaluation, a list of requests each, into batches. They depend on these
 * documents alone, so that an evaluation that goes on later, or beside others, has the same numbers.
 */
export function likelihoodBatches(
  { base, delta }: Pick<LoadedModel, 'base' | 'delta'>,
  documents: readonly (readonly Request[])[],
): LikelihoodBatch[] {
  const positions = positionsFor(base, delta);
  const separatesEnds = delta.readsPrompt === true;
  const cut = documents.map((requests) => requests.map((request) => cutRequest(request, positions)));
  return sharedBeginnings(cut, separatesEnds).flatMap((group) => {
    const { context } = cut[group.documents[0]!]![0]!;
    const tokensAfter = separatesEnds ? context.length - group.length : 0;
    const beginning = group.length > 0 ? { ids: context.slice(0, group.length), tokensAfter } : undefined;
    const slots = beginning ? roundUp(virtualTokens(delta) + group.length, STEP.beginning) : 0;
    const sizes = group.documents.map((document) => {
      const { ids, predictions } = treeOf(cut[document]!, separatesEnds, group.length);
      return { nodes: ids.length, predictions: predictions.length };
    });
    const nodes = sizes.map((size) => size.nodes);
    return packRows(nodes, slots).map(({ rows, length, trees: packed }, place): LikelihoodBatch => {
      const predictions = sum(packed.map(({ tree }) => sizes[tree]!.predictions));
      const read = place === 0 ? group.length : 0;
      const documents = packed.map(({ tree }) => group.documents[tree]!);
      return {
        documents,
        begins: packed.map(({ begin }) => begin),
        tokens: read + rows * length,
        shape: { rows, nodes: length, predictions: roundUp(predictions, STEP.predictions), beginning: slots },
        beginning,
        requests: documents.map((document) => cut[document]!),
      };
    });
  });
}
