/**
 * Log-likelihoods of many requests: packs them into trees of tokens, puts trees into batches and runs these.
 * runs/evaluate uses it. A request's numbers may depend on its batch, by rounding.
 */
import type { LoadedModel } from '../../decoding/programs.ts';
import type { Program, State } from '../../engine/types.ts';
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

/** Some documents of an evaluation, whose requests a model reads at once. */
export interface LikelihoodBatch {
  readonly documents: readonly number[];
  /** Number of tokens that the model computes, padding included. */
  readonly tokens: number;
  readonly shape: TreesShape;
  readonly trees: readonly PackedTree[];
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
 * Divides the documents of an evaluation, a list of requests each, into batches. Batches never mix
 * evaluations, so that no evaluation's numbers depend on others.
 */
export function likelihoodBatches(
  { base, delta }: Pick<LoadedModel, 'base' | 'delta'>,
  documents: readonly (readonly Request[])[],
): LikelihoodBatch[] {
  const positions = positionsFor(base, delta);
  const cut = documents.map((requests) => requests.map((request) => cutRequest(request, positions)));
  const packed = packTrees(cut, base.architecture.width, delta.readsPrompt === true);
  return batchesOf(packed).map((trees) => {
    const shape = shapeOf(trees);
    return { documents: documentsOf(trees), tokens: shape.trees * shape.nodes, shape, trees };
  });
}

/** Reads batches with a model; keeps the programs that it compiles, for batches of any evaluation. */
export class LikelihoodScorer {
  readonly #model: LoadedModel;
  readonly #programs = new Map<string, Promise<Program>>();
  readonly #state: State;

  constructor(model: LoadedModel) {
    this.#model = model;
    this.#state = model.engine.state({});
  }

  /** Scores the documents of a batch; scores are not finite where the model's numbers are not. */
  async score({ shape, trees }: LikelihoodBatch): Promise<(readonly [document: number, Likelihood[]])[]> {
    const program = await this.#programOf(shape);
    const inputs = fillTrees(
      trees.map(({ tree }) => tree),
      shape,
    );
    const out = await program.run(this.#state, inputs);
    return sumsOf(trees, out.logProbability as Float32Array, out.isLargest as Float32Array);
  }

  async #programOf(shape: TreesShape): Promise<Program> {
    const key = JSON.stringify(shape);
    const known = this.#programs.get(key);
    if (known) return known;
    for (const [oldest, program] of this.#programs) {
      if (this.#programs.size < PROGRAMS) break;
      this.#programs.delete(oldest);
      await (await program).dispose();
    }
    const program = likelihoodProgram({ ...this.#model, normalized: true }, shape);
    this.#programs.set(key, program);
    return program;
  }

  /** Disposes of the programs; the model's tensors stay. */
  async close(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).dispose();
    this.#state.dispose();
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
