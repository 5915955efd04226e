/**
 * Log-likelihoods of many requests: packs them into trees of tokens, puts trees into batches and runs these.
 * runs/evaluate uses it. A request's numbers may depend on its set, by rounding, but never on other sets.
 */
import { freezeAll, type TrainedTensors } from '../../decoding/programs.ts';
import type { Engine, Program } from '../../engine/types.ts';
import { type Delta, virtualTokens } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { fillTrees, likelihoodProgram, type TreesShape } from './program.ts';
import type { Likelihood } from '../measures.ts';
import { treeOf, type Request, type TokenTree } from './token-tree.ts';
import { roundUp, sum } from '../../support/arithmetic.ts';

/** Most nodes that one run of a program reads, unless one tree has more. */
const NODES = 4096;
/** Most predicting nodes of one run: each has a row of scores as wide as the vocabulary. */
const ROWS = 512;
/** Sizes are rounded up to multiples of these, so that few programs serve many batches. */
const STEP = { nodes: 64, rows: 16, predictions: 16 } as const;
/** Most compiled programs that are kept: each has memory of its own. */
const PROGRAMS = 3;

/** The requests to score, and the model that scores them. */
export interface LikelihoodJob {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  /** The method's tensors and the base's trained ones. */
  readonly tensors: TrainedTensors;
  /**
   * Sets of documents; a document is a list of requests. A batch never mixes sets, so no set's numbers depend
   * on others.
   */
  readonly sets: readonly (readonly (readonly Request[])[])[];
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether a document is scored already. Its batch is still computed where another of its documents is not.
   */
  isDone?(set: number, document: number): boolean;
  /** Called with each document's scores, in any order. */
  onDocument(set: number, document: number, likelihoods: readonly Likelihood[]): void | Promise<void>;
}

/** The number of tokens that a base under a method can read. */
export const positionsFor = ({ architecture }: BaseModel, delta: Delta): number =>
  architecture.positions - virtualTokens(delta);

/**
 * The end of a request, as far as the model has positions. The very last token needs none: it is predicted,
 * not read.
 */
export function cutRequest({ context, continuation }: Request, positions: number): Request {
  const kept = positions + 1 - continuation.length;
  if (kept >= 1) return { context: context.slice(-kept), continuation };
  throw new RangeError(
    `a continuation of ${continuation.length} tokens leaves no room for its context among ${positions} positions`,
  );
}

/**
 * Scores all requests; scores are not finite where the model's numbers are not. Throws the signal's reason
 * where it is aborted.
 */
export async function logLikelihoods(job: LikelihoodJob): Promise<void> {
  const { engine, base, delta, tensors, signal } = job;
  const positions = positionsFor(base, delta);
  const frozen = await freezeAll(engine, base, delta, tensors);
  const state = engine.state({});
  const programs = new Map<string, Promise<Program>>();
  const programOf = async (shape: TreesShape): Promise<Program> => {
    const key = JSON.stringify(shape);
    const known = programs.get(key);
    if (known) return known;
    for (const [oldest, program] of programs) {
      if (programs.size < PROGRAMS) break;
      programs.delete(oldest);
      await (await program).dispose();
    }
    const program = likelihoodProgram({ engine, frozen, base, delta, normalized: true }, shape);
    programs.set(key, program);
    return program;
  };
  try {
    for (const [set, uncut] of job.sets.entries()) {
      const documents = uncut.map((requests) => requests.map((request) => cutRequest(request, positions)));
      const packed = packTrees(documents, base.architecture.width, delta.readsPrompt === true);
      for (const batch of batchesOf(packed)) {
        if (documentsOf(batch).every((document) => job.isDone?.(set, document))) continue;
        signal?.throwIfAborted();
        const shape = shapeOf(batch);
        const program = await programOf(shape);
        const trees = batch.map(({ tree }) => tree);
        const out = await program.run(state, fillTrees(trees, shape));
        const found = sumsOf(batch, out.logProbability as Float32Array, out.isLargest as Float32Array);
        for (const [document, likelihoods] of found)
          if (!job.isDone?.(set, document)) await job.onDocument(set, document, likelihoods);
      }
    }
  } finally {
    for (const program of programs.values()) await (await program).dispose();
    state.dispose();
    frozen.dispose();
  }
}

/** A tree with the documents whose requests it holds, in order: [document, number of its requests]. */
interface PackedTree {
  readonly tree: TokenTree;
  readonly documents: readonly (readonly [number, number])[];
}

/**
 * Puts successive documents into one tree as long as that makes each cheaper. A shared beginning is read
 * once, but every node attends to all nodes of its tree, which costs about nodes / 3·width times what a
 * token's matrix products cost.
 */
function packTrees(
  documents: readonly (readonly Request[])[],
  width: number,
  separatesEnds: boolean,
): PackedTree[] {
  const costOf = (nodes: number, count: number): number => (nodes * (1 + nodes / (3 * width))) / count;
  const packed: PackedTree[] = [];
  let open: { requests: Request[]; documents: [number, number][]; tree: TokenTree } | undefined;
  documents.forEach((requests, document) => {
    const alone = treeOf(requests, separatesEnds);
    if (open && shareBeginning(open.requests.at(-1)!, requests[0]!)) {
      const all = [...open.requests, ...requests];
      const tree = treeOf(all, separatesEnds);
      const count = open.documents.length;
      const separate = (costOf(open.tree.ids.length, 1) + costOf(alone.ids.length, 1)) / (count + 1);
      if (tree.ids.length <= NODES && costOf(tree.ids.length, count + 1) < separate) {
        open = { requests: all, documents: [...open.documents, [document, requests.length]], tree };
        return;
      }
    }
    if (open) packed.push(open);
    open = { requests: [...requests], documents: [[document, requests.length]], tree: alone };
  });
  if (open) packed.push(open);
  return packed;
}

/** Whether two requests begin with the same four tokens, so that packing them together may pay. */
const shareBeginning = (a: Request, b: Request): boolean =>
  [0, 1, 2, 3].every((i) => a.context[i] === b.context[i]);

/** Batches of trees of like size. */
function batchesOf(packed: readonly PackedTree[]): PackedTree[][] {
  const sorted = [...packed].sort((a, b) => b.tree.ids.length - a.tree.ids.length);
  const batches: PackedTree[][] = [];
  for (const tree of sorted) {
    const last = batches.at(-1);
    if (last) {
      const { trees, nodes, rows } = shapeOf([...last, tree]);
      if (trees * nodes <= NODES && rows <= ROWS) {
        last.push(tree);
        continue;
      }
    }
    batches.push([tree]);
  }
  return batches;
}

function shapeOf(batch: readonly PackedTree[]): TreesShape {
  const total = (count: (tree: TokenTree) => number): number => sum(batch.map(({ tree }) => count(tree)));
  return {
    trees: batch.length,
    nodes: roundUp(Math.max(...batch.map(({ tree }) => tree.ids.length)), STEP.nodes),
    rows: roundUp(
      total(({ predictions }) => new Set(predictions.map(({ node }) => node)).size),
      STEP.rows,
    ),
    predictions: roundUp(
      total(({ predictions }) => predictions.length),
      STEP.predictions,
    ),
  };
}

const documentsOf = (batch: readonly PackedTree[]): number[] =>
  batch.flatMap(({ documents }) => documents.map(([document]) => document));

/** The scores of each document's requests, summed over their tokens in float64. */
function sumsOf(
  batch: readonly PackedTree[],
  logProbability: Float32Array,
  isLargest: Float32Array,
): (readonly [number, Likelihood[]])[] {
  let place = 0;
  return batch.flatMap(({ tree, documents }) => {
    const count = documents.reduce((sum, [, requests]) => sum + requests, 0);
    const sums = Array.from({ length: count }, () => ({ logLikelihood: 0, isGreedy: true }));
    for (const { request } of tree.predictions) {
      const own = sums[request]!;
      own.logLikelihood += logProbability[place]!;
      own.isGreedy = own.isGreedy && isLargest[place] === 1;
      place++;
    }
    let first = 0;
    return documents.map(
      ([document, requests]) => [document, sums.slice(first, (first += requests))] as const,
    );
  });
}
