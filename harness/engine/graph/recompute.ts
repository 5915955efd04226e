import type { Graph } from './graph.ts';
import type { Node, Value } from './node.ts';

/**
 * Trades time for memory in a recorded training step (Chen et al., 2016, "Training Deep Nets with Sublinear Memory Cost",
 * arXiv:1604.06174): what the backward pass reads of a stretch between two boundaries is computed again from the first of
 * them, right before it is read, so that only the boundaries are kept from the forward pass. The results are the same bits.
 * Gives `nodes`, the needed ones in order, with the copies among them. What stands before the first boundary and behind the
 * last one is kept.
 */
export function computeAgain(graph: Graph, nodes: readonly Node[]): Node[] {
  const { boundaries, forward } = graph;
  const stretches = new Map<Value, { readonly start: Value; readonly node: Node }>();
  let start: Value | undefined;
  let open: [Value, Node][] = [];
  for (const node of nodes.filter((each) => forward.has(each))) {
    const end = node.outputs.find((v) => boundaries.has(v));
    for (const value of node.outputs) if (value !== end) open.push([value, node]);
    if (!end) continue;
    if (start) for (const [value, made] of open) stretches.set(value, { start, node: made });
    start = end;
    open = [];
  }

  const out: Node[] = [];
  const copies = new Map<Value, Value>();
  /** What the backward pass made last. */
  let latest: Value | undefined;
  /** The value again, from the start of its stretch; what comes from elsewhere is there still. */
  function again(value: Value): Value {
    const known = copies.get(value);
    if (known) return known;
    const { start, node } = stretches.get(value)!;
    const operands = node.inputs.map((v) =>
      v === start ? gated(v) : stretches.get(v)?.start === start ? again(v) : v,
    );
    const copy = graph.fresh(node, operands);
    node.outputs.forEach((v, i) => copies.set(v, copy.outputs[i]!));
    out.push(copy);
    return copies.get(value)!;
  }
  /** A boundary that is not there before the gradient has come so far: onnxruntime runs what it can as soon as it can. */
  function gated(value: Value): Value {
    const known = copies.get(value);
    if (known) return known;
    if (!latest) return value;
    const one = { shape: [], dtype: 'float32' } as const;
    const add = (
      op: string,
      inputs: readonly Value[],
      { shape, dtype }: Pick<Value, 'shape' | 'dtype'>,
    ): Value => {
      const node = graph.fresh({ op, domain: '', attributes: {}, outputs: [{ shape, dtype }] }, inputs);
      out.push(node);
      return node.outputs[0]!;
    };
    const flat = add('Reshape', [latest, graph.integers([-1])], { shape: [-1], dtype: 'float32' });
    const first = add('Gather', [flat, graph.constant(Int32Array.of(0), [], 'int32')], one);
    const gate = add('Where', [graph.constant(Uint8Array.of(1), [], 'bool'), value, first], value);
    copies.set(value, gate);
    return gate;
  }
  for (const node of nodes) {
    if (forward.has(node)) {
      out.push(node);
      continue;
    }
    out.push({ ...node, inputs: node.inputs.map((v) => (stretches.has(v) ? again(v) : v)) });
    latest = node.outputs.find(({ dtype }) => dtype === 'float32') ?? latest;
  }
  return out;
}
