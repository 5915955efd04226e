import { sizeOf } from '../../support/arithmetic.ts';
import type { Graph } from './graph.ts';
import { neededOf, type Node, readBy, type Value } from './node.ts';
import { LASTING } from '../onnxruntime/session-thread.ts';

/** Operations that compute each element of their result from the same one of their operands. */
const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Where', 'Scan']);

/** A value, and what takes its place after the run. */
export interface Successor {
  readonly old: Value;
  readonly made: Value;
}

/**
 * Those that may be written where the old value lies: in whatever order the nodes run, all that reads it is computed before,
 * or reads each element before it writes the same one. onnxruntime leaves a reshaped tensor where it was, so what reads that
 * reads the old one.
 */
export function writtenInPlace<S extends Successor>(nodes: readonly Node[], successors: readonly S[]): S[] {
  // Every read of an old value is a bit. A value comes after the reads that its own set of bits holds.
  const oldOf = new Map(successors.map(({ old }) => [old, old]));
  const reads = new Map<Value, bigint>();
  const after = new Map<Value, bigint>();
  const makers = new Map<Value, Node>();
  let bit = 1n;
  for (const node of nodes) {
    const operands = readBy(node);
    const lie = new Set(operands.flatMap((value) => oldOf.get(value) ?? []));
    let before = operands.reduce((bits, value) => bits | (after.get(value) ?? 0n), 0n);
    for (const old of lie) {
      if (node.op === 'Reshape') {
        oldOf.set(node.outputs[0]!, old);
        continue;
      }
      reads.set(old, (reads.get(old) ?? 0n) | bit);
      before |= bit;
      bit <<= 1n;
    }
    for (const value of node.outputs) {
      makers.set(value, node);
      after.set(value, before);
    }
  }
  return successors.filter(({ old, made }) => {
    const maker = makers.get(made);
    if (!maker || old.shape.join() !== made.shape.join()) return false;
    if (((reads.get(old) ?? 0n) & ~after.get(made)!) !== 0n) return false;
    const { op, inputs, outputs, body } = maker;
    const own = readBy(maker).filter((value) => oldOf.get(value) === old);
    if (own.length === 0) return true;
    const operand = inputs.indexOf(old);
    if (operand < 0 || own.length > 1) return false;
    if (op === 'ScatterElements') return operand === 0;
    if (!body) return ELEMENTWISE.has(op);
    const part = { old: body.inputs[operand]!, made: body.outputs[outputs.indexOf(made)]! };
    return ELEMENTWISE.has(op) && writtenInPlace(body.nodes, [part]).length > 0;
  });
}

/** Bytes above which malloc hands memory back when it is free, so that every page of it is fresh the next time. */
const FRESH = 32 * 2 ** 20;

/** A sum under its output's name, and the input that has to hold zeros, in whose place it may be written. */
export interface OwnSum {
  readonly name: string;
  readonly zeros: string;
  readonly value: Value;
}

/**
 * Has zeros given to the nodes that sum rows into a large tensor, as for the gradient of a word embedding, unless it is one
 * of `outputs`: fresh pages take longer than the sums, and every session would hold zeros of that size.
 */
export function sumInOwnMemory(
  nodes: readonly Node[],
  outputs: readonly Value[],
): { nodes: readonly Node[]; sums: OwnSum[] } {
  const made = new Map(nodes.flatMap((node) => node.outputs.map((value) => [value, node.op])));
  const sums: OwnSum[] = [];
  const changed = nodes.map((node) => {
    const [onto, ...added] = node.inputs;
    const value = node.outputs[0]!;
    const fresh = node.op === 'ScatterElements' && made.get(onto!) === 'ConstantOfShape';
    if (!fresh || 4 * sizeOf(value.shape) <= FRESH || outputs.includes(value)) return node;
    const zeros = `zeros/${sums.length}`;
    sums.push({ name: `sum/${sums.length}`, zeros, value });
    return { ...node, inputs: [{ ...onto!, input: zeros }, ...added] };
  });
  return { nodes: neededOf(changed, outputs), sums };
}

/** The lasting values of a graph that these nodes make, unless one of `outputs`, under their outputs' names. */
export function lastingOf(
  { keptBetweenRuns: lasting }: Graph,
  nodes: readonly Node[],
  outputs: readonly Value[],
): { name: string; value: Value }[] {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  return [...lasting]
    .filter((value) => value.dtype === 'float32' && made.has(value) && !outputs.includes(value))
    .map((value, i) => ({ name: `${LASTING}${i}`, value }));
}
