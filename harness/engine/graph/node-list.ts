/**
 * The list of nodes that a graph is written as. It numbers the values and never writes the same node or
 * constant twice (common subexpressions). `Graph` extends it with the operations; this file knows of none but
 * Cast.
 */
import type { NumericArray, Shape } from '../types.ts';
import {
  type Attribute,
  type Body,
  type DType,
  ELEMENT,
  type InputFacts,
  neededOf,
  type Node,
  type TypedShape,
  type Value,
} from './node.ts';

/** Operations of onnxruntime itself, not of the ONNX standard. */
const CONTRIBUTED = new Set(['FusedMatMul', 'MatMulBnb4', 'RotaryEmbedding']);

/** Constants of at most this many elements are compared by their values. */
const SMALL = 64;

/** A node without its operands, as `fresh` takes it. */
type Operation = Omit<Node, 'inputs' | 'outputs'> & { readonly outputs: readonly TypedShape[] };

export class NodeList {
  /** The nodes of the graph, or of the body that is being written. */
  nodes: Node[] = [];
  readonly inputs: Value[] = [];
  /** Results of the nodes and constants written so far, by what they compute. */
  #known = new Map<string, readonly Value[]>();
  #nextId = 0;

  input(name: string, shape: Shape, dtype: DType, facts: InputFacts = {}): Value {
    const value = { id: this.#nextId++, shape, dtype, input: name, ...facts };
    this.inputs.push(value);
    return value;
  }

  constant(data: NumericArray | Uint8Array, shape: Shape, dtype: DType): Value {
    const create = (): Value => ({ id: this.#nextId++, shape, dtype, constant: data });
    if (data.length > SMALL) return create();
    const numbers = [...data].map((x) => (Object.is(x, -0) ? '-0' : x));
    return this.once(`const ${dtype} [${shape}] ${numbers.join()}`, create);
  }

  scalar(x: number): Value {
    return this.constant(Float32Array.of(x), [], 'float32');
  }

  /** A list of integers (axes, shapes) as an operand. */
  integers(list: readonly number[]): Value {
    return this.once(`int64 ${list.join()}`, () => ({
      id: this.#nextId++,
      shape: [list.length],
      dtype: 'int64',
      constant: Int32Array.from(list),
    }));
  }

  /** The value that `create` gave for this key before; it is created where there is none. */
  protected once(key: string, create: () => Value): Value {
    const known = this.#known.get(key);
    if (known) return known[0]!;
    const value = create();
    this.#known.set(key, [value]);
    return value;
  }

  /** Appends an operation, or finds the equal one that was appended before; returns its results. */
  node(
    op: string,
    inputs: readonly Value[],
    outputs: readonly TypedShape[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): readonly Value[] {
    const key = `${op}(${inputs.map((v) => v.id).join()})${JSON.stringify(attributes)}>${outputs.length}`;
    const known = this.#known.get(key);
    if (known) return known;
    const domain = CONTRIBUTED.has(op) ? 'com.microsoft' : '';
    const node = this.fresh({ op, domain, attributes, outputs }, inputs);
    this.nodes.push(node);
    this.#known.set(key, node.outputs);
    return node.outputs;
  }

  /** Appends an operation with one result. */
  one(op: string, inputs: readonly Value[], shape: Shape, dtype: DType = 'float32', attributes = {}): Value {
    return this.node(op, inputs, [{ shape, dtype }], attributes)[0]!;
  }

  cast(x: Value, dtype: DType): Value {
    return x.dtype === dtype ? x : this.one('Cast', [x], x.shape, dtype, { to: ELEMENT[dtype] });
  }

  /** A new node, even where an equal one exists; it is not appended. */
  fresh({ op, domain, attributes, outputs, body }: Operation, inputs: readonly Value[]): Node {
    const results = outputs.map(({ shape, dtype }) => ({ id: this.#nextId++, shape, dtype }));
    return { op, domain, inputs, outputs: results, attributes, ...(body && { body }) };
  }

  /** Appends a new operation with a body; returns its results. */
  protected withBody(operation: Operation, inputs: readonly Value[], body: Body): readonly Value[] {
    const node = this.fresh({ ...operation, body }, inputs);
    this.nodes.push(node);
    return node.outputs;
  }

  /**
   * Writes the subgraph of a node. Its values stay inside, but constants and inputs are known outside
   * afterwards.
   */
  protected body(types: readonly TypedShape[], write: (inputs: readonly Value[]) => readonly Value[]): Body {
    const inputs = types.map((type): Value => ({ id: this.#nextId++, ...type }));
    const [outerNodes, outerKnown] = [this.nodes, this.#known];
    this.nodes = [];
    this.#known = new Map(outerKnown);
    const outputs = write(inputs);
    const body = { inputs, nodes: neededOf(this.nodes, outputs), outputs };
    for (const [key, values] of this.#known)
      if (values[0]!.constant || values[0]!.input !== undefined) outerKnown.set(key, values);
    this.nodes = outerNodes;
    this.#known = outerKnown;
    return body;
  }

  /** The nodes that the given values need, in order. */
  needed(outputs: readonly Value[]): Node[] {
    return neededOf(this.nodes, outputs);
  }
}
