/**
 * Trades time for memory in a recorded training step (Chen et al., 2016, "Training Deep Nets with Sublinear
 * Memory Cost", arXiv:1604.06174). The values between two boundaries are computed again from the first
 * boundary, right before the backward pass reads them, so that only the boundaries are kept from the forward
 * pass. The results are the same bits. Values before the first boundary and after the last one are kept.
 */
import type { Graph } from './graph.ts';
import type { Node, TypedShape, Value } from './node.ts';

/** How a value between two boundaries is computed again. */
interface Recipe {
  /** The boundary that its stretch starts from. */
  readonly start: Value;
  readonly node: Node;
}

/** The nodes with the recomputation among them; `nodes` are the needed ones of the graph, in order. */
export function insertRecomputation(graph: Graph, nodes: readonly Node[]): Node[] {
  return new Recomputation(graph, recipesOf(graph, nodes)).insert(nodes);
}

/** The values of the forward pass that lie between two boundaries. */
function recipesOf({ boundaries, forward }: Graph, nodes: readonly Node[]): Map<Value, Recipe> {
  const recipes = new Map<Value, Recipe>();
  let start: Value | undefined;
  let stretch: [Value, Node][] = [];
  for (const node of nodes.filter((each) => forward.has(each))) {
    const end = node.outputs.find((value) => boundaries.has(value));
    for (const value of node.outputs) if (value !== end) stretch.push([value, node]);
    if (!end) continue;
    if (start) for (const [value, maker] of stretch) recipes.set(value, { start, node: maker });
    start = end;
    stretch = [];
  }
  return recipes;
}

class Recomputation {
  readonly #graph: Graph;
  readonly #recipes: ReadonlyMap<Value, Recipe>;
  readonly #out: Node[] = [];
  /** Recomputed values and delayed boundaries. */
  readonly #copies = new Map<Value, Value>();
  /** The gradient that the backward pass computed last. */
  #latest: Value | undefined;

  constructor(graph: Graph, recipes: ReadonlyMap<Value, Recipe>) {
    this.#graph = graph;
    this.#recipes = recipes;
  }

  insert(nodes: readonly Node[]): Node[] {
    for (const node of nodes) {
      if (this.#graph.forward.has(node)) {
        this.#out.push(node);
        continue;
      }
      const inputs = node.inputs.map((value) => (this.#recipes.has(value) ? this.#recompute(value) : value));
      this.#out.push({ ...node, inputs });
      this.#latest = node.outputs.find(({ dtype }) => dtype === 'float32') ?? this.#latest;
    }
    return this.#out;
  }

  /** Appends the nodes that compute a value again; operands from outside its stretch are still in memory. */
  #recompute(value: Value): Value {
    const known = this.#copies.get(value);
    if (known) return known;
    const { start, node } = this.#recipes.get(value)!;
    const operands = node.inputs.map((operand) => {
      if (operand === start) return this.#delayed(operand);
      return this.#recipes.get(operand)?.start === start ? this.#recompute(operand) : operand;
    });
    const copy = this.#graph.fresh(node, operands);
    node.outputs.forEach((output, i) => this.#copies.set(output, copy.outputs[i]!));
    this.#out.push(copy);
    return this.#copies.get(value)!;
  }

  /**
   * Delays a boundary by a data dependency on the latest gradient. Otherwise onnxruntime, which runs what it
   * can as soon as it can, would recompute early and save no memory.
   */
  #delayed(boundary: Value): Value {
    const known = this.#copies.get(boundary);
    if (known) return known;
    if (!this.#latest) return boundary;
    const list = this.#graph.integers([-1]);
    const flat = this.#append('Reshape', [this.#latest, list], { shape: [-1], dtype: 'float32' });
    const zero = this.#graph.constant(Int32Array.of(0), [], 'int32');
    const first = this.#append('Gather', [flat, zero], { shape: [], dtype: 'float32' });
    const always = this.#graph.constant(Uint8Array.of(1), [], 'bool');
    const gate = this.#append('Where', [always, boundary, first], boundary);
    this.#copies.set(boundary, gate);
    return gate;
  }

  #append(op: string, inputs: readonly Value[], { shape, dtype }: TypedShape): Value {
    const outputs = [{ shape, dtype }];
    const node = this.#graph.fresh({ op, domain: '', attributes: {}, outputs }, inputs);
    this.#out.push(node);
    return node.outputs[0]!;
  }
}
