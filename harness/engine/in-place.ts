import { readBy, type Node, type Value } from './graph.ts';

/** Operations that compute each element of their result from the same one of their operands. */
const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Where', 'Scan']);

/**
 * Whether `made` may be written where `old` lies: in whatever order the nodes run, all that reads `old` is computed before,
 * or reads each element before it writes the same one. onnxruntime leaves a reshaped tensor where it was, so what reads that
 * reads `old`.
 */
export function mayOverwrite(nodes: readonly Node[], old: Value, made: Value): boolean {
  const at = nodes.findIndex(({ outputs }) => outputs.includes(made));
  const maker = nodes[at];
  if (!maker || old.shape.join() !== made.shape.join()) return false;

  const views = new Set([old]);
  const readers = new Set<Node>();
  for (const node of nodes) {
    if (!readBy(node).some((value) => views.has(value))) continue;
    if (node.op === 'Reshape') views.add(node.outputs[0]!);
    else readers.add(node);
  }
  if (readers.delete(maker)) {
    const { op, inputs, outputs, body } = maker;
    const operand = inputs.indexOf(old);
    if (operand < 0 || readBy(maker).filter((value) => views.has(value)).length > 1) return false;
    if (op === 'ScatterElements' ? operand > 0 : !ELEMENTWISE.has(op)) return false;
    if (body && !mayOverwrite(body.nodes, body.inputs[operand]!, body.outputs[outputs.indexOf(made)]!))
      return false;
  }
  const before = new Set(readBy(maker));
  for (const node of nodes.slice(0, at).toReversed()) {
    if (!node.outputs.some((value) => before.has(value))) continue;
    readers.delete(node);
    for (const value of readBy(node)) before.add(value);
  }
  return readers.size === 0;
}
