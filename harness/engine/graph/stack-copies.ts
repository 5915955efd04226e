/**
 * Computes several copies of a program together. Copies in one graph, each on its own inputs, become one
 * program on stacked tensors: a value […] of every copy is [S, …] here, and S equal operations become one. A
 * product with a weight that the copies share sees the rows of all of them at once. An operation without a
 * stacked form stays as S operations. record-copies.ts uses it.
 */
import { createHash } from 'node:crypto';
import type { Graph } from './graph.ts';
import { type Attribute, type Node, type TypedShape, typeOf, type Value } from './node.ts';
import type { Outputs } from './recorder.ts';

/** One value of every copy: as separate values, stacked on a first axis, or both once both were read. */
interface Tuple extends TypedShape {
  separate?: readonly Value[];
  stacked?: Value;
}
/** An operand of an operation: a value of every copy, or one that they share. */
type Operand = Tuple | Value;
const isTuple = (operand: Operand): operand is Tuple => !('id' in operand);

/** The copy that a graph input belongs to, and its name in every copy; other inputs are shared. */
export type CopyOf = ReadonlyMap<Value, { readonly copy: number; readonly name: string }>;

/** The outputs of all copies, computed by stacked operations that are appended to their graph. */
export function stackCopies(graph: Graph, outputs: Outputs, copies: number, copyOf: CopyOf): Outputs {
  const writer = new Writer(graph, copies);
  const found = new Map<Value, { tuple: Tuple; copy: number }>();
  const { groups, same } = matchCopies(graph.needed(outputs.map((o) => o.value)), copyOf);
  const original = (value: Value): Value => same.get(value) ?? value;
  const operandOf = (value: Value): Operand => found.get(original(value))?.tuple ?? original(value);
  for (const group of groups) {
    const each =
      group.kind === 'input' ? group.values.map((value) => [value]) : group.nodes.map((node) => node.outputs);
    if (each.length !== copies) throw new Error('the copies of a program differ');
    const tuples =
      group.kind === 'input'
        ? [{ ...typeOf(group.values[0]!), separate: group.values }]
        : writer.write(group.nodes, operandOf);
    each.forEach((values, copy) => {
      values.forEach((value, i) => found.set(value, { tuple: tuples[i]!, copy }));
    });
  }
  return outputs.map(({ name, value }) => {
    const { tuple, copy } = found.get(original(value)) ?? {};
    return { name, value: tuple ? writer.separate(tuple)[copy!]! : value };
  });
}

/** An input or a node of every copy, by the number of the copy. */
type Group =
  { readonly kind: 'input'; readonly values: Value[] } | { readonly kind: 'node'; readonly nodes: Node[] };

/**
 * Groups the inputs and nodes that are the same in every copy, in an order in which they can be computed;
 * nodes that depend on no copy are left out. `same` maps values that equal constants make equal to the first
 * of them.
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
    // Nodes of two copies belong together where operation, attributes and operands are equal.
    const operands = node.inputs.map((value) => owned.get(value)?.key ?? sharedKey(value));
    const key = `${node.op}(${operands.join()})${JSON.stringify(node.attributes)}`;
    const ownKey = `${copy ?? 'all'} ${key}`;
    const known = first.get(ownKey);
    first.set(ownKey, known ?? node.outputs);
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

/** Elementwise operations; their operands broadcast. */
const ELEMENTWISE = new Set(
  (
    'Exp Log Tanh Erf Sqrt Neg Relu Sigmoid HardSigmoid Abs Sin Cos Floor Reciprocal Not Cast Identity ' +
    'Add Sub Mul Div Pow Max Min Greater GreaterOrEqual Less LessOrEqual Equal And Where'
  ).split(' '),
);

/** Appends the operations of stacked copies to their graph. */
class Writer {
  readonly #graph: Graph;
  readonly #copies: number;

  constructor(graph: Graph, copies: number) {
    this.#graph = graph;
    this.#copies = copies;
  }

  /** Appends one operation for those of all copies, or where it has no stacked form, each of them. */
  write(nodes: readonly Node[], tupleOf: (value: Value) => Operand): Tuple[] {
    const [first] = nodes as [Node];
    const operands = first.inputs.map(tupleOf);
    const results = this.#stack(first, operands);
    if (results) return results.map((stacked, i) => ({ ...typeOf(first.outputs[i]!), stacked }));
    const each = nodes.map((node, copy) => {
      const inputs = node.inputs.map((value) => {
        const operand = tupleOf(value);
        return isTuple(operand) ? this.separate(operand)[copy]! : operand;
      });
      return this.#graph.node(node.op, inputs, node.outputs.map(typeOf), node.attributes);
    });
    return first.outputs.map((output, i) => ({
      ...typeOf(output),
      separate: each.map((values) => values[i]!),
    }));
  }

  /** The separate values of the copies. */
  separate(tuple: Tuple): readonly Value[] {
    const ones = Array<number>(this.#copies).fill(1);
    return (tuple.separate ??= this.#graph
      .split(tuple.stacked!, ones, 0)
      .map((part) => this.#graph.reshape(part, tuple.shape)));
  }

  /** An operand stacked to [S, …]; a shared one is repeated. */
  #stacked(operand: Operand): Value {
    if (isTuple(operand)) return (operand.stacked ??= this.#concatenated(operand.separate!));
    return this.#concatenated(Array<Value>(this.#copies).fill(operand));
  }

  #concatenated(values: readonly Value[]): Value {
    const rows = values.map((value) => this.#graph.reshape(value, [1, ...value.shape]));
    return this.#graph.concat(rows, 0);
  }

  /** An operand stacked so that it broadcasts with others of at most `rank` axes after the first one. */
  #aligned(operand: Operand, rank: number): Value {
    if (!isTuple(operand)) return operand;
    const ones = Array<number>(rank - operand.shape.length).fill(1);
    return this.#graph.reshape(this.#stacked(operand), [this.#copies, ...ones, ...operand.shape]);
  }

  /** A value [n, …] of every copy, stacked to [S·n, …]. */
  #rows(tuple: Tuple): Value {
    const [n, ...others] = tuple.shape as [number, ...number[]];
    return this.#graph.reshape(this.#stacked(tuple), [this.#copies * n, ...others]);
  }

  /** The stacked outputs of an operation; undefined where it has no stacked form. */
  #stack(node: Node, operands: readonly Operand[]): readonly Value[] | undefined {
    const { op, attributes, outputs } = node;
    const rank = outputs[0]!.shape.length;
    if (ELEMENTWISE.has(op)) {
      const aligned = operands.map((operand) => this.#aligned(operand, rank));
      return this.#stackedNode(node, aligned);
    }
    if (op === 'Concat') {
      const stacked = operands.map((operand) => this.#stacked(operand));
      return this.#stackedNode(node, stacked, { axis: (attributes.axis as number) + 1 });
    }
    if (op === 'Gemm') return [this.#gemm(node, operands)];
    if (op === 'MatMul' || op === 'FusedMatMul') return this.#matmul(node, operands);
    if (op === 'Gather') return this.#gather(node, operands);
    if (op === 'GatherElements') {
      const [x, index] = operands as [Operand, Operand];
      if (!isTuple(x) || !isTuple(index)) return undefined;
      const axis = (attributes.axis as number) + 1;
      return this.#stackedNode(node, [this.#stacked(x), this.#stacked(index)], { axis });
    }
    if (op === 'RotaryEmbedding') return this.#rotary(node, operands);
    return this.#stackOne(node, operands);
  }

  /** The operation itself on stacked operands; its outputs are [S, …]. */
  #stackedNode(
    { op, attributes, outputs }: Node,
    inputs: readonly Value[],
    changes: Readonly<Record<string, Attribute>> = {},
  ): readonly Value[] {
    const types = outputs.map(({ shape, dtype }) => ({ shape: [this.#copies, ...shape], dtype }));
    return this.#graph.node(op, inputs, types, { ...attributes, ...changes });
  }

  /** Operations that read one tensor and, besides, only weights or lists that the copies share. */
  #stackOne(node: Node, [x, ...others]: readonly Operand[]): readonly Value[] | undefined {
    if (!x || !isTuple(x) || others.some(isTuple)) return undefined;
    const { op, attributes, outputs } = node;
    const { shape } = outputs[0]!;
    const g = this.#graph;
    const stacked = this.#stacked(x);
    const shared = others as Value[];
    const [first, , third] = others.map(listOf);
    const next = (axis: number): number => (axis < 0 ? axis : axis + 1);
    const nextAxis = { axis: next(attributes.axis as number) };
    switch (op) {
      case 'Reshape':
        return [g.reshape(stacked, [this.#copies, ...shape])];
      case 'Transpose':
        return this.#stackedNode(node, [stacked], {
          perm: [0, ...(attributes.perm as number[]).map((axis) => axis + 1)],
        });
      case 'Softmax':
      case 'LogSoftmax':
        return this.#stackedNode(node, [stacked], nextAxis);
      case 'LayerNormalization':
      case 'SimplifiedLayerNormalization':
      case 'OneHot':
        return this.#stackedNode(node, [stacked, ...shared]);
      case 'Split':
        return this.#stackedNode(node, [stacked, ...shared], nextAxis);
      case 'Slice': {
        const [from, to] = shared as [Value, Value];
        return third && this.#stackedNode(node, [stacked, from, to, g.integers(third.map(next))]);
      }
      case 'Tile':
        return first && this.#stackedNode(node, [stacked, g.integers([1, ...first])]);
      case 'Pad': {
        if (!first) return undefined;
        const [begins, ends] = [first.slice(0, shape.length), first.slice(shape.length)];
        const widths = g.integers([0, ...begins, 0, ...ends]);
        return this.#stackedNode(node, [stacked, widths, ...shared.slice(1)]);
      }
      default:
        if (!op.startsWith('Reduce') || !first) return undefined;
        return this.#stackedNode(node, [stacked, g.integers(first.map(next))]);
    }
  }

  #matmul(node: Node, [a, b]: readonly Operand[]): readonly Value[] {
    const [{ shape, dtype }] = node.outputs as [Value];
    const batch = (operand: Operand): string => operand.shape.slice(0, -2).join();
    if (isTuple(a!) && isTuple(b!) && batch(a) === batch(b)) {
      const rows = [this.#copies * shape[0]!, ...shape.slice(1)];
      const product = this.#graph.one(node.op, [this.#rows(a), this.#rows(b)], rows, dtype, node.attributes);
      return [this.#graph.reshape(product, [this.#copies, ...shape])];
    }
    const aligned = [a!, b!].map((operand) => this.#aligned(operand, shape.length));
    return this.#stackedNode(node, aligned);
  }

  #gather(node: Node, [x, index]: readonly Operand[]): readonly Value[] | undefined {
    const g = this.#graph;
    const axis = node.attributes.axis as number;
    if (!isTuple(x!)) return axis === 0 ? this.#stackedNode(node, [x!, this.#stacked(index!)]) : undefined;
    if (!isTuple(index!)) return this.#stackedNode(node, [this.#stacked(x), index!], { axis: axis + 1 });
    if (axis !== 0) return undefined;
    // Copy s reads its rows of [S·n, …], which start at s · n.
    const starts = Int32Array.from({ length: this.#copies }, (_, copy) => copy * x.shape[0]!);
    const offset = g.constant(starts, [this.#copies, ...index.shape.map(() => 1)], 'int32');
    return this.#stackedNode(node, [this.#rows(x), g.add(this.#stacked(index), offset)]);
  }

  #rotary({ op, attributes, outputs }: Node, operands: readonly Operand[]): readonly Value[] | undefined {
    const [x, positions, cos, sin] = operands as [Operand, Operand, Operand, Operand];
    if (!isTuple(x) || isTuple(positions) || !isTuple(cos) || !isTuple(sin)) return undefined;
    const [{ shape, dtype }] = outputs as [Value];
    const g = this.#graph;
    const batch = g.reshape(this.#stacked(x), [1, this.#copies * shape[1]!, shape[2]!]);
    const inputs = [batch, positions, this.#rows(cos), this.#rows(sin)];
    const turned = g.one(op, inputs, batch.shape, dtype, attributes);
    return [g.reshape(turned, [this.#copies, ...shape])];
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
