/** The program that reads trees of tokens, and the inputs of trees. log-likelihoods.ts runs it. */
import { queriesAtOnce, type LoadedModel } from '../../decoding/programs.ts';
import * as ops from '../../engine/ops.ts';
import type { NamedArrays, Program, ProgramTensors, TensorTypes } from '../../engine/types.ts';
import type { PrefixStates } from '../../models/architecture.ts';
import { MASKED } from '../../models/families/parts/layers.ts';
import { outputHead, type OutputHead, runDecoder } from '../../models/delta/forward.ts';
import type { TokenTree } from './token-tree.ts';

/**
 * B rows of T nodes, each with one tree or more; P predicted tokens in all; l slots of a beginning that all
 * trees share, or 0.
 */
export interface TreesShape {
  readonly rows: number;
  readonly nodes: number;
  readonly predictions: number;
  readonly beginning: number;
}

/** Scores that are computed at once, V for each prediction. */
const SCORES = 2 ** 24;

const ints = (...shape: number[]): TensorTypes[string] => ({ shape, dtype: 'int32' });
const floats = (...shape: number[]): TensorTypes[string] => ({ shape, dtype: 'float32' });

/** The name of an input for the beginning's bias, or for its keys or values in a layer. */
export const beginningKey = (kind: 'bias' | 'key' | 'value', layer?: number): string =>
  layer === undefined ? `beginning ${kind}` : `beginning ${kind} ${layer}`;

/**
 * Compiles the program for a shape. Inputs: ids, positions and the context's masks of all B·T nodes; `ends`
 * [B, 1, 1, T], the ends of subtrees; `predictors` [P], the nodes that predict; `targetIds` [P], the ids that
 * they predict. With a beginning its bias [1, 1, 1, l], and its key and value [l, kvHeads·h] of each layer.
 * Outputs, [P] each: `logProbability`, and `isLargest`, 1 where no token is likelier.
 */
export function likelihoodProgram(model: LoadedModel, shape: TreesShape): Promise<Program> {
  const { rows, nodes, predictions, beginning } = shape;
  const { engine, base, delta, frozen } = model;
  const name = `trees ${rows}x${nodes} after ${beginning}, ${predictions} tokens`;
  return engine.compile({ name, frozen, state: {}, inputs: inputTypes(model, shape) }, (x) => {
    const use = { base, delta, tensors: x.frozen, training: false, dropout: false, totalSteps: 1 };
    const predictors = x.inputs.predictors!;
    const { hidden } = runDecoder(x, use, {
      batch: rows,
      length: nodes,
      bias: biasOf(x, shape),
      ...(beginning > 0 && { beginning: beginningOf(x, base.architecture.layers) }),
      ...queriesAtOnce(engine),
      // Nothing is differentiated: no gradient comes back to any place.
      outputRows: { rows: predictors, places: ops.zeros([rows * nodes], 'int32') },
    });
    return { outputs: predictionsOf(hidden, outputHead(x, use), x.inputs.targetIds!, predictions) };
  });
}

function inputTypes({ base }: LoadedModel, shape: TreesShape): TensorTypes {
  const { rows, nodes, predictions, beginning } = shape;
  const all = rows * nodes;
  const mask = floats(all, 1);
  const types: Record<string, TensorTypes[string]> = {
    ids: ints(all),
    positions: ints(all),
    tokens: mask,
    prompt: mask,
    fromStart: mask,
    fromEnd: mask,
    ends: floats(rows, 1, 1, nodes),
    predictors: ints(predictions),
    targetIds: ints(predictions),
  };
  if (beginning === 0) return types;
  const { layers, kvHeads, headWidth } = base.architecture;
  types[beginningKey('bias')] = floats(1, 1, 1, beginning);
  for (let layer = 0; layer < layers; layer++)
    for (const kind of ['key', 'value'] as const)
      types[beginningKey(kind, layer)] = floats(beginning, kvHeads * headWidth);
  return types;
}

/** The bias of the scores [B, 1, T, l + T]: a node sees the beginning, its ancestors and itself. */
function biasOf({ inputs }: ProgramTensors, { rows, nodes, beginning }: TreesShape): ops.Tensor {
  const places = Float32Array.from({ length: nodes }, (_, i) => i);
  const [queries, keys] = [ops.tensor(places, [1, 1, nodes, 1]), ops.tensor(places, [1, 1, 1, nodes])];
  const [zero, masked] = [ops.scalar(0), ops.scalar(MASKED)];
  // Ancestors are the nodes before it whose subtree has not ended.
  const isOpen = ops.choose(ops.less(queries, inputs.ends!), zero, masked);
  const own = ops.choose(ops.less(queries, keys), masked, isOpen);
  if (beginning === 0) return own;
  return ops.concat([ops.zeros([rows, 1, nodes, 1]).add(inputs[beginningKey('bias')]!), own], 3);
}

const beginningOf = ({ inputs }: ProgramTensors, layers: number): PrefixStates[] =>
  Array.from({ length: layers }, (_, layer) => ({
    key: inputs[beginningKey('key', layer)]!,
    value: inputs[beginningKey('value', layer)]!,
  }));

/** Scores target tokens [P] after hidden states [P, d], in parts, since every state has V scores. */
function predictionsOf(
  hidden: ops.Tensor,
  head: OutputHead,
  targetIds: ops.Tensor,
  count: number,
): Record<string, ops.Tensor> {
  const [vocabulary, width] = head.weight.shape as [number, number];
  const most = Math.max(1, Math.floor(SCORES / vocabulary));
  const parts = Array.from({ length: Math.ceil(count / most) }, (_, i) => {
    const [first, rows] = [i * most, Math.min(most, count - i * most)];
    const states = ops.slice(hidden, [first, 0], [rows, width]);
    const scores = ops.logSoftmax(head.scores(states, (own) => ops.matMul(own, head.weight, false, true)));
    const offsets = ops.tensor(
      Int32Array.from({ length: rows }, (_, row) => row * vocabulary),
      [rows],
      'int32',
    );
    const places = ops.slice(targetIds, [first], [rows]).add(offsets);
    const logProbability = ops.gather(scores.reshape([-1]), places);
    const isLargest = logProbability.greaterEqual(ops.max(scores, 1)).cast('float32');
    return { logProbability, isLargest };
  });
  const joined = (own: readonly ops.Tensor[]): ops.Tensor =>
    own.length > 1 ? ops.concat([...own], 0) : own[0]!;
  return {
    logProbability: joined(parts.map(({ logProbability }) => logProbability)),
    isLargest: joined(parts.map(({ isLargest }) => isLargest)),
  };
}

/**
 * The inputs of some trees, which begin at the nodes `begins`; padding reads token 0 and sees the beginning and
 * itself. `virtual` is the number of a method's tokens in a beginning, which positions count.
 */
export function fillTrees(
  trees: readonly TokenTree[],
  begins: readonly number[],
  shape: TreesShape,
  virtual: number,
): NamedArrays {
  const all = shape.rows * shape.nodes;
  const ids = new Int32Array(all);
  const positions = new Int32Array(all);
  const tokens = new Float32Array(all);
  const prompt = new Float32Array(all);
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  const ends = Float32Array.from({ length: all }, (_, i) => (i % shape.nodes) + 1);
  const predictors = new Int32Array(shape.predictions);
  const targetIds = new Int32Array(shape.predictions);
  let prediction = 0;
  trees.forEach((tree, number) => {
    const start = begins[number]!;
    const inRow = start % shape.nodes;
    tree.ids.forEach((id, node) => {
      const at = start + node;
      ids[at] = id;
      positions[at] = virtual + tree.depths[node]!;
      tokens[at] = 1;
      ends[at] = inRow + tree.ends[node]!;
      const tokensAfter = tree.fromEnds[node]!;
      if (tokensAfter < 0) return;
      prompt[at] = 1;
      fromStart[at] = tree.depths[node]!;
      fromEnd[at] = tokensAfter;
    });
    for (const { node, id } of tree.predictions) {
      predictors[prediction] = start + node;
      targetIds[prediction++] = id;
    }
  });
  return { ids, positions, tokens, prompt, fromStart, fromEnd, ends, predictors, targetIds };
}
