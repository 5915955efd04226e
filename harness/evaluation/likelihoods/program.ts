/** The program that reads trees of tokens, and the inputs of trees. log-likelihoods.ts runs it. */
import type { DecodingSetup } from '../../decoding/programs.ts';
import * as ops from '../../engine/ops.ts';
import type { NamedArrays, Program, TensorTypes } from '../../engine/types.ts';
import { causalBias, MASKED } from '../../models/families/layers.ts';
import { headWeight, runDecoder } from '../../models/delta/forward.ts';
import type { TokenTree } from './token-tree.ts';

/** B trees of at most T nodes; R nodes predict, P tokens in all. */
export interface TreesShape {
  readonly trees: number;
  readonly nodes: number;
  readonly rows: number;
  readonly predictions: number;
}

const ints = (...shape: number[]): TensorTypes[string] => ({ shape, dtype: 'int32' });
const floats = (...shape: number[]): TensorTypes[string] => ({ shape, dtype: 'float32' });

/**
 * Compiles the program for a shape. Inputs: ids, positions and the context's masks of all B·T nodes; `ends`
 * [B, 1, 1, T], the ends of subtrees; `rows` [R], the nodes that predict; `predictors` [P], which of those
 * predicts a token; `targetIds` [P], the token's id. Outputs, [P] each: `logProbability`, and `isLargest`, 1
 * where no token is likelier.
 */
export function likelihoodProgram(setup: DecodingSetup, shape: TreesShape): Promise<Program> {
  const { trees, nodes, rows, predictions } = shape;
  const all = trees * nodes;
  const mask = floats(all, 1);
  const inputs: TensorTypes = {
    ids: ints(all),
    positions: ints(all),
    tokens: mask,
    prompt: mask,
    fromStart: mask,
    fromEnd: mask,
    ends: floats(trees, 1, 1, nodes),
    rows: ints(rows),
    predictors: ints(predictions),
    targetIds: ints(predictions),
  };
  const name = `trees ${trees}x${nodes}, ${predictions} tokens of ${rows} nodes`;
  return setup.engine.compile({ name, frozen: setup.frozen, state: {}, inputs }, (x) => {
    const { base, delta } = setup;
    const use = { base, delta, tensors: x.frozen, training: false, dropout: false, totalSteps: 1 };
    const places = Float32Array.from({ length: nodes }, (_, i) => i);
    // A node sees itself and the nodes before it whose subtree has not ended: its ancestors.
    const seen = ops.less(ops.tensor(places, [1, 1, nodes, 1]), x.inputs.ends!);
    const bias = ops.choose(seen, causalBias(nodes), ops.scalar(MASKED));
    // Nothing is differentiated: no gradient comes back to any place.
    const outputRows = { rows: x.inputs.rows!, places: ops.zeros([all], 'int32') };
    const { hidden } = runDecoder(x, use, { batch: trees, length: nodes, bias, outputRows });
    const scores = ops.logSoftmax(ops.matMul(hidden, headWeight(x, use), false, true));
    const predictors = x.inputs.predictors!;
    const { vocabulary } = base.architecture;
    const flat = predictors.mul(ops.scalar(vocabulary, 'int32')).add(x.inputs.targetIds!);
    const logProbability = ops.gather(scores.reshape([-1]), flat);
    const largest = ops.gather(ops.max(scores, 1), predictors);
    return { outputs: { logProbability, isLargest: logProbability.greaterEqual(largest).cast('float32') } };
  });
}

/** The inputs of some trees; padding reads token 0 and sees itself alone. */
export function fillTrees(trees: readonly TokenTree[], shape: TreesShape): NamedArrays {
  const all = shape.trees * shape.nodes;
  const ids = new Int32Array(all);
  const positions = new Int32Array(all);
  const tokens = new Float32Array(all);
  const prompt = new Float32Array(all);
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  const ends = Float32Array.from({ length: all }, (_, i) => (i % shape.nodes) + 1);
  const rows = new Int32Array(shape.rows);
  const predictors = new Int32Array(shape.predictions);
  const targetIds = new Int32Array(shape.predictions);
  let [row, prediction] = [0, 0];
  trees.forEach((tree, number) => {
    const start = number * shape.nodes;
    tree.ids.forEach((id, node) => {
      const at = start + node;
      ids[at] = id;
      positions[at] = tree.depths[node]!;
      tokens[at] = 1;
      ends[at] = tree.ends[node]!;
      const tokensAfter = tree.fromEnds[node]!;
      if (tokensAfter < 0) return;
      prompt[at] = 1;
      fromStart[at] = tree.depths[node]!;
      fromEnd[at] = tokensAfter;
    });
    const rowOf = new Map<number, number>();
    for (const { node, id } of tree.predictions) {
      let place = rowOf.get(node);
      if (place === undefined) {
        place = row++;
        rowOf.set(node, place);
        rows[place] = start + node;
      }
      predictors[prediction] = place;
      targetIds[prediction++] = id;
    }
  });
  return { ids, positions, tokens, prompt, fromStart, fromEnd, ends, rows, predictors, targetIds };
}
