import { createHash } from 'node:crypto';
import type { Graph } from './graph.ts';
import { type Attribute, type Node, type TypedShape, typeOf, type Value } from './node.ts';
import type { Shape } from '../types.ts';

// Copies of a program in one graph, each on inputs of its own, become one program on stacked tensors: what is […] in every
// copy is [S, …] here, and the S equal operations are one. A product with a weight that they share sees the rows of all of
// them at once. An operation that has no such form here stays as S operations.

/** A value of every copy: apart, stacked on a first axis, or both once somebody has asked. */
interface Tuple extends TypedShape {
  parts?: readonly Value[];
  stacked?: Value;
}
/** What an operation reads: a value of every copy, or one that they share. */
type Operand = Tuple | Value;
const isTuple = (operand: Operand): operand is Tuple => !('id' in operand);

/** Which copy an input of the graph belongs to, and what all copies call it; other inputs are shared. */
export type CopyOf = ReadonlyMap<Value, { readonly copy: number; readonly name: string }>;
type Outputs = readonly { readonly name: string; readonly value: Value }[];

/** The same outputs of `copies` recordings of one program, computed together by operations that are appended to their graph. */
export function stackCopies(graph: Graph, outputs: Outputs, copies: number, copyOf: CopyOf): Outputs {
  const writer = new Writer(graph, copies);
  const found = new Map<Value, { tuple: Tuple; copy: number }>();
  const { groups, same } = matchCopies(graph.needed(outputs.map((o) => o.value)), copyOf);
  const original = (value: Value): Value => same.get(value) ?? value;
  const operandOf = (value: Value): Operand => found.get(original(value))?.tuple ?? original(value);
  for (const group of groups) {
    const each = group.kind === 'input' ? group.values.map((value) => [value]) : group.nodes.map((node) => node.outputs); // prettier-ignore
    if (each.length !== copies) throw new Error('the copies of a program differ');
    const tuples =
      group.kind === 'input'
        ? [{ ...typeOf(group.values[0]!), parts: group.values }]
        : writer.write(group.nodes, operandOf);
    each.forEach((values, copy) => {
      values.forEach((value, i) => found.set(value, { tuple: tuples[i]!, copy }));
    });
  }
  return outputs.map(({ name, value }) => {
    const { tuple, copy } = found.get(original(value)) ?? {};
    return { name, value: tuple ? writer.parts(tuple)[copy!]! : value };
  });
}

type Group =
  { readonly kind: 'input'; readonly values: Value[] } | { readonly kind: 'node'; readonly nodes: Node[] };

/**
 * Groups what is the same in every copy, in an order in which it can be computed; what depends on no copy is left out. Of
 * values that are the `same`, since they are made of equal constants, the first stands for all.
 */
function matchCopies(
  nodes: readonly Node[],
  copyOf: CopyOf,
): { groups: Group[]; same: ReadonlyMap<Value, Value> } {
  const groups = new Map<string, { group: Group; id: number }>();
  const at = <G extends Group>(key: string, make: () => G): { group: G; id: number } => {
    const known = groups.get(key) ?? { group: make(), id: groups.size };
    groups.set(key, known);
    return known as { group: G; id: number };
  };
  const owned = new Map<Value, { copy: number; key: string }>();
  const same = new Map<Value, Value>();
  const first = new Map<string, readonly Value[]>();
  const sharedKey = (value: Value): string => {
    if (value.constant && !same.has(value)) {
      const { buffer, byteOffset, byteLength } = value.constant;
      const hash = createHash('sha1')
        .update(new Uint8Array(buffer, byteOffset, byteLength))
        .digest('hex');
      const key = `${value.dtype} [${value.shape.join()}] ${hash}`;
      if (!first.has(key)) first.set(key, [value]);
      same.set(value, first.get(key)![0]!);
    }
    return `v${(same.get(value) ?? value).id}`;
  };
  for (const node of nodes) {
    for (const value of node.inputs) {
      const input = copyOf.get(value);
      if (!input || owned.has(value)) continue;
      const { group, id } = at(`input ${input.name}`, () => ({ kind: 'input', values: [] as Value[] }));
      group.values[input.copy] = value;
      owned.set(value, { copy: input.copy, key: `${id}.0` });
    }
    const copy = node.inputs.map((value) => owned.get(value)?.copy).find((one) => one !== undefined);
    // An operation and its operands tell what it computes, and so which belong together.
    const operands = node.inputs.map((value) => owned.get(value)?.key ?? sharedKey(value));
    const key = `${node.op}(${operands.join()})${JSON.stringify(node.attributes)}`;
    const whose = `${copy ?? 'all'} ${key}`;
    const known = first.get(whose);
    first.set(whose, known ?? node.outputs);
    if (known) node.outputs.forEach((value, i) => same.set(value, known[i]!));
    if (copy === undefined) continue;
    const { group, id } = at(key, () => ({ kind: 'node', nodes: [] as Node[] }));
    group.nodes[copy] ??= node;
    node.outputs.forEach((value, i) => owned.set(value, { copy, key: `${id}.${i}` }));
  }
  return { groups: [...groups.values()].map(({ group }) => group), same };
}

const listOf = (operand: Operand | undefined): number[] | undefined =>
  operand && !isTuple(operand) && operand.constant ? [...operand.constant] : undefined;

/** Operations on operands that broadcast, or on one, element by element. */
const ELEMENTWISE = new Set(
  'Exp Log Tanh Erf Sqrt Neg Relu Sigmoid HardSigmoid Abs Sin Cos Floor Reciprocal Not Cast Identity Add Sub Mul Div Pow Max Min Greater GreaterOrEqual Less LessOrEqual Equal And Where'.split(' '), // prettier-ignore
);

class Writer {
  readonly #graph: Graph;
  readonly #copies: number;

  constructor(graph: Graph, copies: number) {
    this.#graph = graph;
    this.#copies = copies;
  }

  /** One operation for those of all copies, or these. */
  write(nodes: readonly Node[], tupleOf: (value: Value) => Operand): Tuple[] {
    const [first] = nodes as [Node];
    const operands = first.inputs.map(tupleOf);
    const made = this.#stack(first, operands);
    if (made) return made.map((stacked, i) => ({ ...typeOf(first.outputs[i]!), stacked }));
    const each = nodes.map((node, copy) => {
      const inputs = node.inputs.map((value) => {
        const operand = tupleOf(value);
        return isTuple(operand) ? this.parts(operand)[copy]! : operand;
      });
      return this.#graph.node(node.op, inputs, node.outputs.map(typeOf), node.attributes);
    });
    return first.outputs.map((output, i) => ({ ...typeOf(output), parts: each.map((values) => values[i]!) }));
  }

  /** The value of each copy. */
  parts(tuple: Tuple): readonly Value[] {
    const ones = Array<number>(this.#copies).fill(1);
    return (tuple.parts ??= this.#graph
      .split(tuple.stacked!, ones, 0)
      .map((part) => this.#graph.reshape(part, tuple.shape)));
  }

  /** [S, …], also of what the copies share. */
  #stacked(operand: Operand): Value {
    const whole = (parts: readonly Value[]): Value =>
      this.#graph.concat(parts.map((part) => this.#graph.reshape(part, [1, ...part.shape])), 0); // prettier-ignore
    if (isTuple(operand)) return (operand.stacked ??= whole(operand.parts!));
    return whole(Array<Value>(this.#copies).fill(operand));
  }

  /** Stacked so that it broadcasts with others of at most `rank` axes behind the first one. */
  #aligned(operand: Operand, rank: number): Value {
    if (!isTuple(operand)) return operand;
    const ones = Array<number>(rank - operand.shape.length).fill(1);
    return this.#graph.reshape(this.#stacked(operand), [this.#copies, ...ones, ...operand.shape]);
  }

  /** Stacked with the first two axes as one: [S·n, …]. */
  #rows(tuple: Tuple): Value {
    const [n, ...rest] = tuple.shape as [number, ...number[]];
    return this.#graph.reshape(this.#stacked(tuple), [this.#copies * n, ...rest]);
  }

  /** The stacked outputs of an operation; undefined where it has no stacked form. */
  #stack(node: Node, operands: readonly Operand[]): readonly Value[] | undefined {
    const { op, attributes, outputs } = node;
    const [x, y] = operands as [Operand, Operand?];
    const [{ shape, dtype }] = outputs as [Value];
    const g = this.#graph;
    const S = this.#copies;
    const others = operands.slice(1);
    const one = (inputs: readonly Value[], changes: Readonly<Record<string, Attribute>> = {}): Value[] => [
      ...g.node(op, inputs, outputs.map((o) => ({ ...typeOf(o), shape: [S, ...o.shape] })), { ...attributes, ...changes }), // prettier-ignore
    ];
    const back = (value: Value, to: Shape = shape): Value => g.reshape(value, [S, ...to]);

    if (ELEMENTWISE.has(op)) return one(operands.map((operand) => this.#aligned(operand, shape.length)));
    if (op === 'Concat') return one(operands.map((operand) => this.#stacked(operand)), { axis: (attributes.axis as number) + 1 }); // prettier-ignore
    if (op === 'Gemm') return [this.#gemm(node, operands)];
    if (op === 'MatMul' || op === 'FusedMatMul') {
      const [a, b] = [x, y!];
      const lead = (operand: Operand): string => operand.shape.slice(0, -2).join();
      if (isTuple(a) && isTuple(b) && lead(a) === lead(b)) {
        const to = [S * shape[0]!, ...shape.slice(1)];
        return [back(g.one(op, [this.#rows(a), this.#rows(b)], to, dtype, attributes))];
      }
      return one([a, b].map((operand) => this.#aligned(operand, shape.length)));
    }
    if (op === 'Gather') {
      const axis = attributes.axis as number;
      if (isTuple(x) && isTuple(y!) && axis === 0) {
        const starts = Int32Array.from({ length: S }, (_, copy) => copy * x.shape[0]!);
        const first = g.constant(starts, [S, ...y.shape.map(() => 1)], 'int32');
        return one([this.#rows(x), g.add(this.#stacked(y), first)]);
      }
      if (isTuple(x) && !isTuple(y!)) return one([this.#stacked(x), y!], { axis: axis + 1 });
      return !isTuple(x) && axis === 0 ? one([x, this.#stacked(y!)]) : undefined;
    }
    if (op === 'RotaryEmbedding') {
      const [cos, sin] = operands.slice(2) as [Operand, Operand];
      if (!isTuple(x) || isTuple(y!) || !isTuple(cos) || !isTuple(sin)) return undefined;
      const batch = g.reshape(this.#stacked(x), [1, S * shape[1]!, shape[2]!]);
      return [back(g.one(op, [batch, y!, this.#rows(cos), this.#rows(sin)], batch.shape, dtype, attributes))];
    }
    if (op === 'GatherElements') {
      return isTuple(x) && isTuple(y!) ? one([this.#stacked(x), this.#stacked(y)], { axis: (attributes.axis as number) + 1 }) : undefined; // prettier-ignore
    }

    // What else there is reads one tensor and, besides, weights or lists that the copies share.
    if (!isTuple(x) || others.some(isTuple)) return undefined;
    const stacked = this.#stacked(x);
    const shared = others as Value[];
    const lists = others.map(listOf);
    const next = (axis: number): number => (axis < 0 ? axis : axis + 1);
    if (op === 'Reshape') return [back(stacked)];
    if (op === 'Transpose') return one([stacked], { perm: [0, ...(attributes.perm as number[]).map((p) => p + 1)] }); // prettier-ignore
    if (op === 'Softmax' || op === 'LogSoftmax') return one([stacked], { axis: next(attributes.axis as number) }); // prettier-ignore
    if (op === 'LayerNormalization' || op === 'SimplifiedLayerNormalization' || op === 'OneHot') return one([stacked, ...shared]); // prettier-ignore
    if (op === 'Split') return one([stacked, ...shared], { axis: next(attributes.axis as number) });
    if (op.startsWith('Reduce') && lists[0]) return one([stacked, g.integers(lists[0].map(next))]);
    if (op === 'Slice' && lists[2]) return one([stacked, shared[0]!, shared[1]!, g.integers(lists[2].map(next))]); // prettier-ignore
    if (op === 'Tile' && lists[0]) return one([stacked, g.integers([1, ...lists[0]])]);
    if (op === 'Pad' && lists[0]) {
      const [before, behind] = [lists[0].slice(0, shape.length), lists[0].slice(shape.length)];
      return one([stacked, g.integers([0, ...before, 0, ...behind]), ...shared.slice(1)]);
    }
    return undefined;
  }

  #gemm({ attributes, outputs }: Node, [a, b, c]: readonly Operand[]): Value {
    const g = this.#graph;
    const [m, n] = outputs[0]!.shape as [number, number];
    const [transA, transB] = [attributes.transA === 1, attributes.transB === 1];
    const whole = [this.#copies, m, n];
    if (isTuple(a!) && !transA && !isTuple(b!)) {
      const own = c && isTuple(c) ? c : undefined;
      const product = g.gemm(this.#rows(a), b!, { transB, c: own ? undefined : (c as Value | undefined) });
      return own ? g.add(g.reshape(product, whole), this.#aligned(own, 2)) : g.reshape(product, whole);
    }
    const product = g.matmul(this.#aligned(a!, 2), this.#aligned(b!, 2), { transA, transB });
    return c ? g.add(product, this.#aligned(c, 2)) : product;
  }
}
