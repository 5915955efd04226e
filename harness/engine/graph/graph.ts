/**
 * The operations of a graph, each with its shape rule. The recorder's kernels (kernels.ts) and the fused
 * operations (../fused) append them; whether a node exists already is decided in node-list.ts.
 */
import { chunk } from 'simple-statistics';
import { sizeOf, sum } from '../../support/numbers/arithmetic.ts';
import type { Shape } from '../types.ts';
import { HalfPrecision } from './half-precision.ts';
import { firstStage, isLong, reduceInStages } from './long-sums.ts';
import { NodeList } from './node-list.ts';
import { hasPackedProduct, packedProduct, unpack } from './packed-weights.ts';
import { type DType, type Node, type TypedShape, typeOf, type Value } from './node.ts';
import { broadcast, cutEvenly } from './shapes.ts';
import { FLOAT32, type Target } from './target.ts';

/** Outputs of one Split: WebGPU promises a shader eight buffers, and the input is one of them. */
const MOST_PARTS = 7;

/** Which operands of a product are transposed first. */
interface Transposed {
  readonly transA?: boolean;
  readonly transB?: boolean;
}

/** The parts that a Split cut a value into. */
interface Cut {
  readonly whole: Value;
  readonly axis: number;
  readonly parts: readonly Value[];
}

/** A sum of rows by their ids, as `scatterRows` wrote it. */
interface Scattered {
  readonly ids: Value;
  readonly x: Value;
}

export class Graph extends NodeList {
  /** The nodes of the loss itself, set when its gradient begins. */
  readonly forward = new Set<Node>();
  /** Values of the forward pass from which its later part can be computed again (recompute.ts). */
  readonly boundaries = new Set<Value>();
  /** Large intermediates whose buffer is kept between runs; a new one would page-fault in every run. */
  readonly keptBetweenRuns = new Set<Value>();
  readonly provider: string;
  /** Whether one copy of a program runs on the cores of the CPU. */
  readonly forCores: boolean;
  readonly #half: HalfPrecision;
  /** Inputs of the reshapes written so far. */
  readonly #reshaped = new Map<Value, Value>();
  /** Cuts by their first parts. */
  readonly #cuts = new Map<Value, Cut>();
  readonly #scattered = new Map<Value, Scattered>();

  constructor({ products = FLOAT32, forCores = false, provider = 'cpu' }: Partial<Target> = {}) {
    super();
    this.#half = new HalfPrecision(this, products);
    this.forCores = forCores;
    this.provider = provider;
  }

  /** The constant float32 tensor of this shape whose elements are all x. */
  filled(x: number, shape: Shape): Value {
    return this.once(`${x} in [${shape}]`, () =>
      this.constant(new Float32Array(sizeOf(shape)).fill(x), shape, 'float32'),
    );
  }

  // Precision

  /** Whether products are of half precision. */
  get halved(): boolean {
    return this.#half.active;
  }

  /** Products that `write` appends are float32 whatever the graph's precision. */
  inFloat32<T>(write: () => T): T {
    return this.#half.suspend(write);
  }

  /** An input with a part or a copy of a frozen weight, declared once. */
  weightInput(name: string, shape: Shape, dtype: DType): Value {
    return this.once(`input ${name}`, () => this.input(name, shape, dtype));
  }

  // Element by element

  unary(op: string, x: Value): Value {
    return this.one(op, [x], x.shape, x.dtype);
  }

  binary(op: string, a: Value, b: Value, dtype: DType = a.dtype): Value {
    if (op === 'Add' && this.#scattered.has(b)) return this.#addScattered(a, b);
    if (op === 'Add' && this.#scattered.has(a)) return this.#addScattered(b, a);
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

  // Moves of elements

  /** x with another shape; a reshape of a reshape reads the first one's input. */
  reshape(x: Value, shape: Shape): Value {
    const write = (y: Value): Value => {
      if (y.shape.join() === shape.join()) return y;
      const earlier = this.#reshaped.get(y);
      const source = earlier ?? y;
      if (source.shape.join() === shape.join()) return source;
      const result = this.one('Reshape', [source, this.integers(shape)], shape, y.dtype);
      this.#reshaped.set(result, source);
      return result;
    };
    return this.#half.move(x, (half) => [write(half)])[0]!;
  }

  transpose(x: Value, perm: readonly number[]): Value {
    if (perm.every((p, i) => p === i)) return x;
    const shape = perm.map((p) => x.shape[p]!);
    const write = (y: Value): Value => this.one('Transpose', [y], shape, y.dtype, { perm });
    return this.#half.move(x, (half) => [write(half)])[0]!;
  }

  split(x: Value, sizes: readonly number[], axis: number): readonly Value[] {
    return this.#half.move(x, (half) => this.#split(half, sizes, axis));
  }
  #split(x: Value, sizes: readonly number[], axis: number): readonly Value[] {
    if (sizes.length > MOST_PARTS) {
      const groups = chunk(sizes, Math.ceil(sizes.length / MOST_PARTS));
      const lengths = groups.map(sum);
      return this.#split(x, lengths, axis).flatMap((part, i) => this.#split(part, groups[i]!, axis));
    }
    if (sizes.length === 1) return [x];
    const types = sizes.map((n) => ({ shape: x.shape.with(axis, n), dtype: x.dtype }));
    const parts = this.node('Split', [x, this.integers(sizes)], types, { axis });
    this.#cuts.set(parts[0]!, { whole: x, axis, parts });
    return parts;
  }

  /** The value that a Split cut into exactly these parts, where there is one. */
  wholeOf(parts: readonly Value[], axis: number): Value | undefined {
    const cut = this.#cuts.get(parts[0]!);
    const same = cut?.axis === axis && cut.parts.length === parts.length;
    return same && cut.parts.every((part, i) => part === parts[i]) ? cut.whole : undefined;
  }

  concat(parts: readonly Value[], axis: number): Value {
    if (parts.length === 1) return parts[0]!;
    const whole = this.wholeOf(parts, axis);
    if (whole) return whole;
    if (parts[0]!.shape.length === 1) {
      // Vectors that were rows [1, n] are joined as rows, which saves a reshape of each.
      const sources = parts.map((x) => this.#reshaped.get(x));
      const saved = sources.filter((x) => x?.shape.length === 2 && x.shape[0] === 1).length;
      if (saved > sources.filter((x) => x === undefined).length) {
        const joined = this.concat(
          parts.map((x) => this.reshape(x, [1, ...x.shape])),
          1,
        );
        return this.reshape(joined, [joined.shape[1]!]);
      }
    }
    const length = parts.reduce((sum, x) => sum + x.shape[axis]!, 0);
    return this.one('Concat', parts, parts[0]!.shape.with(axis, length), parts[0]!.dtype, { axis });
  }

  // Scattered sums

  /**
   * Sums the rows of x [N, …] with equal ids [N] into [segments, …]; an Add to such a sum scatters onto its
   * operand.
   */
  scatterRows(x: Value, ids: Value, segments: number): Value {
    const shape = [segments, ...x.shape.slice(1)];
    const zeros = this.one('ConstantOfShape', [this.integers(shape)], shape);
    const y = this.#scatterOnto(zeros, { ids, x });
    this.#scattered.set(y, { ids, x });
    return y;
  }

  #addScattered(a: Value, sum: Value): Value {
    const equal = a.shape.join() === sum.shape.join();
    if (equal) return this.#scatterOnto(a, this.#scattered.get(sum)!);
    return this.one('Add', [a, sum], broadcast(a.shape, sum.shape, 'Add'));
  }

  #scatterOnto(onto: Value, { ids, x }: Scattered): Value {
    const column = this.reshape(ids, [...ids.shape, ...x.shape.slice(1).map(() => 1)]);
    const index = this.one('Expand', [column, this.integers(x.shape)], x.shape, ids.dtype);
    return this.scatterAdd(onto, index, x, 0);
  }

  /**
   * Adds each element of x to the element of `onto` at the same place, but with its coordinate on `axis`
   * taken from `index` [x's shape]. Places may repeat: onnxruntime's ScatterND loses sums where two threads
   * add to one of them.
   */
  scatterAdd(onto: Value, index: Value, x: Value, axis: number): Value {
    const inputs = [onto, this.cast(index, 'int64'), x];
    return this.one('ScatterElements', inputs, onto.shape, 'float32', { axis, reduction: 'add' });
  }

  // Reductions

  /** ReduceSum, ReduceMax, ReduceMean, … over `axes`. */
  reduce(op: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
    if (axes.length === 0) return x;
    const shape = keepDims
      ? x.shape.map((n, i) => (axes.includes(i) ? 1 : n))
      : x.shape.filter((_, i) => !axes.includes(i));
    const rows = op === 'ReduceSum' && x.dtype === 'float32' && x.shape.length === 2 && axes.join() === '0';
    if (isLong(op, x, axes)) return this.reshape(reduceInStages(this, op, x, axes), shape);
    if (this.forCores && rows) return this.reshape(this.#sumOfRows(x), shape);
    return this.one(op, [x, this.integers(axes)], shape, x.dtype, { keepdims: keepDims ? 1 : 0 });
  }

  /** Σ x² [] over all elements of all tensors, whose partial sums are added up together. */
  sumOfSquares(xs: readonly Value[]): Value {
    const partial = xs.map((x) => firstStage(this, 'ReduceSumSquare', x));
    return reduceInStages(this, 'ReduceSum', this.concat(partial, 0), [0]);
  }

  /**
   * The sum [1, d] of the rows of x [N, d] as a product: onnxruntime multiplies in half the time that it sums
   * in.
   */
  #sumOfRows(x: Value): Value {
    const [rows, width] = x.shape as [number, number];
    return this.one('Gemm', [this.filled(1, [1, rows]), x], [1, width]);
  }

  // Matrix products

  /** a b (+ c) of matrices [m, k] and [k, n], either transposed first. */
  gemm(
    a: Value,
    b: Value,
    { transA = false, transB = false, c }: Transposed & { readonly c?: Value | undefined } = {},
  ): Value {
    const [m, k] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
    const [k2, n] = transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!];
    if (k !== k2) throw new RangeError(`Gemm: inner dimensions of [${a.shape}] and [${b.shape}] differ`);
    if (b.packed) return this.#packedGemm(a, b, transB, c);
    return this.#half.product('Gemm', c ? [a, b, c] : [a, b], [m, n], {
      ...(transA && { transA: 1 }),
      ...(transB && { transB: 1 }),
    });
  }

  /** a b or a bᵀ (+ c) for a packed weight b; it is unpacked where the device has no product with it. */
  #packedGemm(a: Value, b: Value, transB: boolean, c: Value | undefined): Value {
    const packed = b.packed!;
    if (this.halved || !hasPackedProduct(this.provider, packed))
      return this.gemm(a, this.unpacked(b, a), { transB, c });
    const product = packedProduct(this, a, packed, transB === packed.flipped);
    return c ? this.add(product, c) : product;
  }

  /** The numbers of a frozen weight; where it is packed, they are computed once `when` is. */
  unpacked(weight: Value, when: Value): Value {
    return weight.packed ? unpack(this, weight.packed, when) : weight;
  }

  /** alpha · a b over the leading (batch) dimensions, which broadcast. */
  matmul(
    a: Value,
    b: Value,
    { transA = false, transB = false, alpha = 1 }: Transposed & { readonly alpha?: number } = {},
  ): Value {
    const [ra, rb] = [a.shape.length, b.shape.length];
    const m = a.shape[ra - (transA ? 1 : 2)]!;
    const k = a.shape[ra - (transA ? 2 : 1)]!;
    const k2 = b.shape[rb - (transB ? 1 : 2)]!;
    const n = b.shape[rb - (transB ? 2 : 1)]!;
    if (k !== k2) throw new RangeError(`MatMul: inner dimensions of [${a.shape}] and [${b.shape}] differ`);
    const shape = [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2), 'MatMul'), m, n];
    if (!transA && !transB && alpha === 1) return this.#half.product('MatMul', [a, b], shape);
    return this.#half.product('FusedMatMul', [a, b], shape, {
      ...(transA && { transA: 1 }),
      ...(transB && { transB: 1 }),
      ...(alpha !== 1 && { alpha: { float: alpha } }),
    });
  }

  // Operations with a body

  /**
   * Repeats `write` at most `limit` times and while its first result is true. `write` maps the iteration []
   * int32 and the carried values to whether to continue [] bool and the next carried values, of the same
   * shapes and types. Returns the last carried values; throws RangeError where the body's results do not
   * match.
   */
  loop(
    limit: number,
    initial: readonly Value[],
    write: (turn: Value, carried: readonly Value[]) => readonly Value[],
  ): readonly Value[] {
    const types = initial.map(typeOf);
    const condition = { shape: [], dtype: 'bool' } as const;
    const body = this.body([{ shape: [], dtype: 'int64' }, condition, ...types], ([turn, , ...carried]) =>
      write(this.cast(turn!, 'int32'), carried),
    );
    if (typeList(body.outputs) !== typeList([condition, ...types]))
      throw new RangeError(`Loop: ${typeList(body.outputs)} does not go on from ${typeList(types)}`);
    const operands = [
      this.constant(Int32Array.of(limit), [], 'int64'),
      this.constant(Uint8Array.of(1), [], 'bool'),
      ...initial,
    ];
    return this.withBody({ op: 'Loop', domain: '', attributes: {}, outputs: types }, operands, body);
  }

  /**
   * Applies `write`, an elementwise function of tensors of one shape. Large tensors are cut into parts that
   * stay in a core's cache through all of its operations.
   */
  inParts(whole: readonly Value[], write: (part: readonly Value[]) => readonly Value[]): readonly Value[] {
    const { shape } = whole[0]!;
    const [parts, size] = cutEvenly(sizeOf(shape));
    if (!this.forCores || parts === 1) return write(whole);
    const types = whole.map(({ dtype }) => ({ shape: [size], dtype }));
    const body = this.body(types, write);
    const outputs = body.outputs.map(({ dtype }) => ({ shape: [parts, size], dtype }));
    const attributes = { num_scan_inputs: whole.length };
    const operands = whole.map((value) => this.reshape(value, [parts, size]));
    const results = this.withBody({ op: 'Scan', domain: '', attributes, outputs }, operands, body);
    return results.map((value) => this.reshape(value, shape));
  }
}

/** Types of values for a message. */
const typeList = (values: readonly TypedShape[]): string =>
  values.map(({ shape, dtype }) => `${dtype} [${shape}]`).join(', ');
