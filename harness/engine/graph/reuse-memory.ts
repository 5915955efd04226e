/**
 * Decides where results of a run on the CPU may reuse memory: over the state that they replace, or in buffers
 * that are kept between runs. A buffer above 32 MiB goes back to the system when it is free, and its pages
 * fault in the next run; that takes longer than the sums that are written into it. `lower` applies these
 * passes.
 */
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import type { Graph } from './graph.ts';
import { neededOf, type Node, readBy, type Value } from './node.ts';
import type { Outputs } from './recorder.ts';

/** Operations that compute each element of their result from the same element of their operands. */
const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Where', 'Scan']);

/** Bytes above which malloc hands a freed buffer back to the system. */
const RETURNED = 32 * 2 ** 20;

/** An old value, and the one that takes its place after the run. */
export interface Successor {
  readonly old: Value;
  readonly next: Value;
}

/** A sum of rows under its output's name; it is written onto the input `zeros`, in the same buffer. */
export interface OwnSum {
  readonly name: string;
  readonly zeros: string;
  readonly value: Value;
}

/**
 * The successors that may be written over their old values. In whatever order the nodes run, every read of
 * the old value has to come before the write, or has to read each element before the same one is written.
 */
export function writtenInPlace<S extends Successor>(nodes: readonly Node[], successors: readonly S[]): S[] {
  const reads = readsOf(
    nodes,
    successors.map(({ old }) => old),
  );
  return successors.filter((successor) => overwrites(successor, reads));
}

/** Who reads old values, and which of these reads are sure to come before each value is computed. */
interface Reads {
  readonly makers: ReadonlyMap<Value, Node>;
  /** Old values by the values that share their buffer: themselves and their reshapes. */
  readonly oldOf: ReadonlyMap<Value, Value>;
  /** Every read of an old value is one bit. */
  readonly bits: ReadonlyMap<Value, bigint>;
  /** The bits of the reads that each value depends on. */
  readonly before: ReadonlyMap<Value, bigint>;
}

function readsOf(nodes: readonly Node[], olds: readonly Value[]): Reads {
  const oldOf = new Map(olds.map((old) => [old, old]));
  const bits = new Map<Value, bigint>();
  const before = new Map<Value, bigint>();
  const makers = new Map<Value, Node>();
  let bit = 1n;
  for (const node of nodes) {
    const operands = readBy(node);
    let dependsOn = operands.reduce((all, value) => all | (before.get(value) ?? 0n), 0n);
    for (const old of new Set(operands.flatMap((value) => oldOf.get(value) ?? []))) {
      // onnxruntime reshapes without a copy, so a reader of the result reads the old value.
      if (node.op === 'Reshape') {
        oldOf.set(node.outputs[0]!, old);
        continue;
      }
      bits.set(old, (bits.get(old) ?? 0n) | bit);
      dependsOn |= bit;
      bit <<= 1n;
    }
    for (const value of node.outputs) {
      makers.set(value, node);
      before.set(value, dependsOn);
    }
  }
  return { makers, oldOf, bits, before };
}

function overwrites({ old, next }: Successor, { makers, oldOf, bits, before }: Reads): boolean {
  const maker = makers.get(next);
  if (!maker || old.shape.join() !== next.shape.join()) return false;
  const later = (bits.get(old) ?? 0n) & ~before.get(next)!;
  if (later !== 0n) return false;
  const { op, inputs, outputs, body } = maker;
  const ownReads = readBy(maker).filter((value) => oldOf.get(value) === old);
  if (ownReads.length === 0) return true;
  const operand = inputs.indexOf(old);
  if (operand < 0 || ownReads.length > 1) return false;
  if (op === 'ScatterElements') return operand === 0;
  if (!body) return ELEMENTWISE.has(op);
  const part = { old: body.inputs[operand]!, next: body.outputs[outputs.indexOf(next)]! };
  return ELEMENTWISE.has(op) && writtenInPlace(body.nodes, [part]).length > 0;
}

/**
 * Replaces the zeros that rows are summed onto by an input of zeros, where the sum is large (the gradient of
 * a word embedding) and no output. Besides the page faults, every session would hold zeros of that size.
 */
export function sumInOwnMemory(
  nodes: readonly Node[],
  outputs: readonly Value[],
): { nodes: readonly Node[]; sums: OwnSum[] } {
  const opOf = new Map(nodes.flatMap((node) => node.outputs.map((value) => [value, node.op])));
  const sums: OwnSum[] = [];
  const changed = nodes.map((node) => {
    const [onto, ...added] = node.inputs;
    const value = node.outputs[0]!;
    const fromZeros = node.op === 'ScatterElements' && opOf.get(onto!) === 'ConstantOfShape';
    if (!fromZeros || 4 * sizeOf(value.shape) <= RETURNED || outputs.includes(value)) return node;
    const zeros = `zeros/${sums.length}`;
    sums.push({ name: `sum/${sums.length}`, zeros, value });
    return { ...node, inputs: [{ ...onto!, input: zeros }, ...added] };
  });
  return { nodes: neededOf(changed, outputs), sums };
}

/**
 * The values to keep between runs that these nodes compute, as outputs of the graph; without those in
 * `outputs`.
 */
export function keptOutputs(
  { keptBetweenRuns }: Graph,
  nodes: readonly Node[],
  outputs: readonly Value[],
): Outputs {
  const computed = new Set(nodes.flatMap((node) => node.outputs));
  return [...keptBetweenRuns]
    .filter((value) => value.dtype === 'float32' && computed.has(value) && !outputs.includes(value))
    .map((value, i) => ({ name: `kept/${i}`, value }));
}
