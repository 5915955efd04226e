import { chunk } from 'simple-statistics';
import type { NumericArray, Precision, Shape } from '../types.ts';
import { isLong, reduceInStages } from './long-sums.ts';
import {
  type Attribute,
  type Body,
  type DType,
  type Node,
  readBy,
  type TypedShape,
  typeOf,
  type Value,
} from './node.ts';
import { sizeOf, sum } from '../../support/arithmetic.ts';

/** How a graph computes matrix products: their operands and results are of this precision, whose sums are float32. */
export interface Products {
  readonly precision: Precision;
  /** The device has such products; elsewhere numbers are rounded to the precision and multiplied as float32. */
  readonly native: boolean;
}

/** For what a graph is written. */
export interface Target {
  readonly products: Products;
  /** As cores with caches compute it fastest; not to be stacked. */
  readonly forCores: boolean;
  /** What computes it: 'cpu', 'webgpu' or 'cuda'. */
  readonly provider: string;
}

/** Elements of a part, so that what is made of it stays in a core's cache; fewer do not pay. */
const PART = { most: 2 ** 17, least: 2 ** 14 };

/** [parts, size of a part] of so many elements; one part where they cannot be cut evenly. */
export function cutEvenly(size: number): [number, number] {
  for (let parts = Math.ceil(size / PART.most); parts <= size / PART.least; parts++)
    if (size % parts === 0) return [parts, size / parts];
  return [1, size];
}

const FLOAT32: Products = { precision: 'float32', native: true };

/** Parts that a node splits a tensor into: WebGPU promises a shader eight buffers, one of them the whole. */
const MOST_PARTS = 7;

const CONTRIBUTED = new Set(['FusedMatMul', 'RotaryEmbedding']);

/** ONNX's numbers of element types. */
export const ELEMENT = { float32: 1, int32: 6, int64: 7, bool: 9, float16: 10, bfloat16: 16 } as const;

/** The shape that two operands broadcast to; throws where they do not, naming the operation. */
export function broadcast(a: Shape, b: Shape, op: string): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`${op}: [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** A graph of ONNX operations that is built node by node; a node that exists already is not made twice. */
export class Graph {
  /** Of the graph, or of the body that is being written. */
  nodes: Node[] = [];
  readonly inputs: Value[] = [];
  /** The nodes of the loss itself, set when its gradient begins. */
  readonly forward = new Set<Node>();
  /** Values of the forward pass from which it can be computed again. */
  readonly boundaries = new Set<Value>();
  /** Large values that every run makes anew: where one memory serves all runs, its pages are fresh only once. */
  readonly lasting = new Set<Value>();
  #known = new Map<string, readonly Value[]>();
  /** Results of products: the float32 value, and the one that holds its numbers in half precision. */
  readonly #halves = new Map<Value, Value>();
  #products: Products;
  readonly #forCores: boolean;
  readonly provider: string;
  #next = 0;

  constructor({ products = FLOAT32, forCores = false, provider = 'cpu' }: Partial<Target> = {}) {
    this.#products = products;
    this.#forCores = forCores;
    this.provider = provider;
  }

  /** Products are of half precision. */
  get halved(): boolean {
    return this.#products.precision !== 'float32';
  }

  /** Products that `write` appends are of float32 in any case. */
  inFloat32<T>(write: () => T): T {
    const products = this.#products;
    this.#products = FLOAT32;
    try {
      return write();
    } finally {
      this.#products = products;
    }
  }

  input(name: string, shape: Shape, dtype: DType, half?: string): Value {
    const value = { id: this.#next++, shape, dtype, input: name, half };
    this.inputs.push(value);
    return value;
  }

  constant(data: NumericArray | Uint8Array, shape: Shape, dtype: DType): Value {
    const small = data.length <= 64;
    const key = small
      ? `const ${dtype} [${shape}] ${[...data].map((x) => (Object.is(x, -0) ? '-0' : x)).join()}`
      : '';
    const known = small ? this.#known.get(key) : undefined;
    if (known) return known[0]!;
    const value = { id: this.#next++, shape, dtype, constant: data };
    if (small) this.#known.set(key, [value]);
    return value;
  }

  scalar(x: number): Value {
    return this.constant(Float32Array.of(x), [], 'float32');
  }

  /** A list of integers (axes, shapes) as an operand. */
  integers(list: readonly number[]): Value {
    const key = `int64 ${list.join()}`;
    const known = this.#known.get(key);
    if (known) return known[0]!;
    const value: Value = {
      id: this.#next++,
      shape: [list.length],
      dtype: 'int64',
      constant: Int32Array.from(list),
    };
    this.#known.set(key, [value]);
    return value;
  }

  /** Appends an operation, or finds the equal one that is there (common subexpressions). */
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

  /** A node of its own, though there may be an equal one; it is not appended. */
  fresh(
    {
      op,
      domain,
      attributes,
      outputs,
    }: Omit<Node, 'inputs' | 'outputs'> & { outputs: readonly TypedShape[] },
    inputs: readonly Value[],
  ): Node {
    const made = outputs.map(({ shape, dtype }) => ({ id: this.#next++, shape, dtype }));
    return { op, domain, inputs, outputs: made, attributes };
  }

  one(op: string, inputs: readonly Value[], shape: Shape, dtype: DType = 'float32', attributes = {}): Value {
    return this.node(op, inputs, [{ shape, dtype }], attributes)[0]!;
  }

  unary(op: string, x: Value): Value {
    return this.one(op, [x], x.shape, x.dtype);
  }

  binary(op: string, a: Value, b: Value, dtype: DType = a.dtype): Value {
    if (op === 'Add' && this.#scattered.has(b)) return this.#addRows(a, b);
    if (op === 'Add' && this.#scattered.has(a)) return this.#addRows(b, a);
    return this.one(op, [a, b], broadcast(a.shape, b.shape, op), dtype);
  }

  mul(a: Value, b: Value): Value {
    return this.binary('Mul', a, b);
  }
  add(a: Value, b: Value): Value {
    return this.binary('Add', a, b);
  }
  sub(a: Value, b: Value): Value {
    return this.binary('Sub', a, b);
  }

  cast(x: Value, dtype: DType): Value {
    return x.dtype === dtype ? x : this.one('Cast', [x], x.shape, dtype, { to: ELEMENT[dtype] });
  }

  reshape(x: Value, shape: Shape): Value {
    return this.#moved(x, (half) => [this.#reshape(half, shape)])[0]!;
  }
  #reshape(x: Value, shape: Shape): Value {
    if (x.shape.join() === shape.join()) return x;
    // A reshape of a reshape is one reshape of the first's input.
    const made = this.#reshapes.get(x);
    const source = made ?? x;
    if (source.shape.join() === shape.join()) return source;
    const y = this.one('Reshape', [source, this.integers(shape)], shape, x.dtype);
    this.#reshapes.set(y, source);
    return y;
  }
  readonly #reshapes = new Map<Value, Value>();

  transpose(x: Value, perm: readonly number[]): Value {
    if (perm.every((p, i) => p === i)) return x;
    return this.#moved(x, (half) => [
      this.one('Transpose', [half], perm.map((p) => x.shape[p]!), half.dtype, { perm }), // prettier-ignore
    ])[0]!;
  }

  /** Sums the rows of x [N, …] with equal ids [N] into [segments, …]; a sum with a tensor of that shape starts from it. */
  scatterRows(x: Value, ids: Value, segments: number): Value {
    const shape = [segments, ...x.shape.slice(1)];
    const zeros = this.one('ConstantOfShape', [this.integers(shape)], shape);
    const y = this.#scatter(zeros, ids, x);
    this.#scattered.set(y, { ids, x });
    return y;
  }
  readonly #scattered = new Map<Value, { ids: Value; x: Value }>();

  #addRows(a: Value, scattered: Value): Value {
    const { ids, x } = this.#scattered.get(scattered)!;
    if (a.shape.join() !== scattered.shape.join()) return this.one('Add', [a, scattered], broadcast(a.shape, scattered.shape, 'Add')); // prettier-ignore
    return this.#scatter(a, ids, x);
  }

  #scatter(onto: Value, ids: Value, x: Value): Value {
    const column = this.reshape(ids, [...ids.shape, ...x.shape.slice(1).map(() => 1)]);
    const index = this.one('Expand', [column, this.integers(x.shape)], x.shape, ids.dtype);
    return this.scatterAdd(onto, index, x, 0);
  }

  /**
   * Adds each element of x to the element of `onto` at the same place but for `axis`, where `index`, of x's shape, names it.
   * Places may repeat: onnxruntime's ScatterND loses sums where two threads add to one of them.
   */
  scatterAdd(onto: Value, index: Value, x: Value, axis: number): Value {
    const inputs = [onto, this.cast(index, 'int64'), x];
    return this.one('ScatterElements', inputs, onto.shape, 'float32', { axis, reduction: 'add' });
  }

  /** ReduceSum, ReduceMax, ReduceMean, … over `axes`. */
  reduce(op: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
    if (axes.length === 0) return x;
    const shape = keepDims
      ? x.shape.map((n, i) => (axes.includes(i) ? 1 : n))
      : x.shape.filter((_, i) => !axes.includes(i));
    const rows = op === 'ReduceSum' && x.dtype === 'float32' && x.shape.length === 2 && axes.join() === '0';
    if (isLong(op, x, axes)) return this.reshape(reduceInStages(this, op, x, axes), shape);
    if (this.#forCores && rows) return this.reshape(this.#sumOfRows(x), shape);
    return this.one(op, [x, this.integers(axes)], shape, x.dtype, { keepdims: keepDims ? 1 : 0 });
  }

  /** [1, d] of [N, d]: onnxruntime multiplies in half the time that it sums in. */
  #sumOfRows(x: Value): Value {
    const [rows, width] = x.shape as [number, number];
    const key = `ones ${rows}`;
    const ones = this.#known.get(key) ?? [
      this.constant(new Float32Array(rows).fill(1), [1, rows], 'float32'),
    ];
    this.#known.set(key, ones);
    return this.one('Gemm', [ones[0]!, x], [1, width]);
  }

  /** alpha · a b (+ c) of matrices, either transposed first. */
  gemm(
    a: Value,
    b: Value,
    { transA = false, transB = false, c }: { transA?: boolean; transB?: boolean; c?: Value | undefined } = {},
  ): Value {
    const [m, k] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
    const [k2, n] = transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!];
    if (k !== k2) throw new RangeError(`Gemm: inner dimensions of [${a.shape}] and [${b.shape}] differ`);
    return this.#product('Gemm', c ? [a, b, c] : [a, b], [m, n], {
      ...(transA && { transA: 1 }),
      ...(transB && { transB: 1 }),
    });
  }

  /** alpha · a b over the leading (batch) dimensions. */
  matmul(
    a: Value,
    b: Value,
    {
      transA = false,
      transB = false,
      alpha = 1,
    }: { transA?: boolean; transB?: boolean; alpha?: number } = {},
  ): Value {
    const [ra, rb] = [a.shape.length, b.shape.length];
    const m = a.shape[ra - (transA ? 1 : 2)]!;
    const k = a.shape[ra - (transA ? 2 : 1)]!;
    const k2 = b.shape[rb - (transB ? 1 : 2)]!;
    const n = b.shape[rb - (transB ? 2 : 1)]!;
    if (k !== k2) throw new RangeError(`MatMul: inner dimensions of [${a.shape}] and [${b.shape}] differ`);
    const shape = [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2), 'MatMul'), m, n];
    if (!transA && !transB && alpha === 1) return this.#product('MatMul', [a, b], shape);
    return this.#product('FusedMatMul', [a, b], shape, {
      ...(transA && { transA: 1 }),
      ...(transB && { transB: 1 }),
      ...(alpha !== 1 && { alpha: { float: alpha } }),
    });
  }

  /** A product in the graph's precision; its operands and its result are float32 to the outside. */
  #product(op: string, operands: readonly Value[], shape: Shape, attributes = {}): Value {
    if (!this.halved) return this.one(op, operands, shape, operands[0]!.dtype, attributes);
    const { precision, native } = this.#products;
    const halves = operands.map((x) => this.#half(x));
    const y = this.one(op, halves, shape, native ? precision : 'float32', attributes);
    return this.#widened(native ? y : this.#rounded(y));
  }

  /** x in half precision; a cast that stands already, and a frozen weight that the host has cast, serve again. */
  #half(x: Value): Value {
    const { precision, native } = this.#products;
    const known = this.#halves.get(x);
    if (known) return known;
    if (x.half === undefined) return native ? this.cast(x, precision) : this.#rounded(x);
    const key = `input ${x.half}`;
    const held = this.#known.get(key) ?? [this.input(x.half, x.shape, native ? precision : 'float32')];
    this.#known.set(key, held);
    return held[0]!;
  }

  #rounded(x: Value): Value {
    return this.cast(this.cast(x, this.#products.precision), 'float32');
  }

  /** The float32 value of a result in half precision. */
  #widened(half: Value): Value {
    const wide = this.cast(half, 'float32');
    this.#halves.set(wide, half);
    return wide;
  }

  /** What only moves numbers is done in half precision to a product's result, so that the next product needs no cast. */
  #moved(x: Value, move: (x: Value) => readonly Value[]): readonly Value[] {
    const half = this.#halves.get(x);
    return half ? move(half).map((y) => this.#widened(y)) : move(x);
  }

  split(x: Value, sizes: readonly number[], axis: number): readonly Value[] {
    return this.#moved(x, (half) => this.#split(half, sizes, axis));
  }
  #split(x: Value, sizes: readonly number[], axis: number): readonly Value[] {
    if (sizes.length > MOST_PARTS) {
      const groups = chunk(sizes, Math.ceil(sizes.length / MOST_PARTS));
      const lengths = groups.map(sum);
      return this.#split(x, lengths, axis).flatMap((part, i) => this.#split(part, groups[i]!, axis));
    }
    if (sizes.length === 1) return [x];
    const parts = sizes.map((n) => ({ shape: x.shape.with(axis, n), dtype: x.dtype }));
    return this.node('Split', [x, this.integers(sizes)], parts, { axis });
  }

  concat(parts: readonly Value[], axis: number): Value {
    if (parts.length === 1) return parts[0]!;
    const length = parts.reduce((sum, x) => sum + x.shape[axis]!, 0);
    return this.one('Concat', parts, parts[0]!.shape.with(axis, length), parts[0]!.dtype, { axis });
  }

  /**
   * Does `write` over and over, at most `limit` times and while what it gives first is true: from the number of the turn
   * ([] int32) and what is carried to whether to go on ([] bool) and what is carried on, of the same shapes and types. Gives
   * what is carried in the end.
   */
  loop(
    limit: number,
    initial: readonly Value[],
    write: (turn: Value, carried: readonly Value[]) => readonly Value[],
  ): readonly Value[] {
    const types = initial.map(typeOf);
    const body = this.#body(
      [{ shape: [], dtype: 'int64' }, { shape: [], dtype: 'bool' }, ...types],
      ([turn, , ...carried]) => write(this.cast(turn!, 'int32'), carried),
    );
    const given = (values: readonly TypedShape[]): string => values.map(({ shape, dtype }) => `${dtype} [${shape}]`).join(', '); // prettier-ignore
    if (given(body.outputs) !== given([{ shape: [], dtype: 'bool' }, ...types]))
      throw new RangeError(`Loop: ${given(body.outputs)} does not go on from ${given(types)}`);
    const operands = [
      this.constant(Int32Array.of(limit), [], 'int64'),
      this.constant(Uint8Array.of(1), [], 'bool'),
      ...initial,
    ];
    const node = this.fresh({ op: 'Loop', domain: '', attributes: {}, outputs: types }, operands);
    this.nodes.push({ ...node, body });
    return node.outputs;
  }

  /** What `write` makes of tensors of one shape, element by element; part after part, so that what stands in between stays in the caches. */
  inParts(whole: readonly Value[], write: (part: readonly Value[]) => readonly Value[]): readonly Value[] {
    const { shape } = whole[0]!;
    const [parts, size] = cutEvenly(sizeOf(shape));
    if (!this.#forCores || parts === 1) return write(whole);
    const types = whole.map(({ dtype }) => ({ shape: [size], dtype }));
    const body = this.#body(types, write);
    const outputs = body.outputs.map(({ dtype }) => ({ shape: [parts, size], dtype }));
    const attributes = { num_scan_inputs: whole.length };
    const operands = whole.map((value) => this.reshape(value, [parts, size]));
    const node = this.fresh({ op: 'Scan', domain: '', attributes, outputs }, operands);
    this.nodes.push({ ...node, body });
    return node.outputs.map((value) => this.reshape(value, shape));
  }

  /** Writes a graph inside a node; what it makes stands in it alone, but for constants and inputs. */
  #body(types: readonly TypedShape[], write: (inputs: readonly Value[]) => readonly Value[]): Body {
    const inputs = types.map((type): Value => ({ id: this.#next++, ...type }));
    const [nodes, known] = [this.nodes, this.#known];
    this.nodes = [];
    this.#known = new Map(known);
    const outputs = write(inputs);
    const body = { inputs, nodes: neededOf(this.nodes, outputs), outputs };
    for (const [key, values] of this.#known)
      if (values[0]!.constant || values[0]!.input !== undefined) known.set(key, values);
    this.nodes = nodes;
    this.#known = known;
    return body;
  }

  /** The nodes that the given values need, in order. */
  needed(outputs: readonly Value[]): Node[] {
    return neededOf(this.nodes, outputs);
  }
}

/** The nodes that the given values need, in order. */
export function neededOf(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const wanted = new Set(outputs.map((v) => v.id));
  const kept: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((v) => wanted.has(v.id))) continue;
    for (const v of readBy(node)) wanted.add(v.id);
    kept.push(node);
  }
  return kept.reverse();
}
