/**
 * Matrix products of a graph in half precision. To the outside their operands and results are float32;
 * inside, casts are left out between a product and the next one. `Graph` sends all its products and moves of
 * elements through it.
 */
import type { Shape } from '../types.ts';
import type { DType, Value } from './node.ts';
import { FLOAT32, type Products } from './target.ts';

/** The operations of a graph that this file needs. */
interface Operations {
  one(op: string, inputs: readonly Value[], shape: Shape, dtype: DType, attributes?: object): Value;
  cast(x: Value, dtype: DType): Value;
  /** The graph input of this name, declared once. */
  weightInput(name: string, shape: Shape, dtype: DType): Value;
}

export class HalfPrecision {
  readonly #graph: Operations;
  #products: Products;
  /** Results of products: the float32 value, and the one that holds its numbers in half precision. */
  readonly #halves = new Map<Value, Value>();

  constructor(graph: Operations, products: Products) {
    this.#graph = graph;
    this.#products = products;
  }

  /** Whether products are of half precision at present. */
  get active(): boolean {
    return this.#products.precision !== 'float32';
  }

  /** Products that `write` appends are float32 whatever the graph's precision. */
  suspend<T>(write: () => T): T {
    const products = this.#products;
    this.#products = FLOAT32;
    try {
      return write();
    } finally {
      this.#products = products;
    }
  }

  /** Appends a matrix product in the graph's precision; operands and result are float32 to the outside. */
  product(op: string, operands: readonly Value[], shape: Shape, attributes = {}): Value {
    if (!this.active) return this.#graph.one(op, operands, shape, operands[0]!.dtype, attributes);
    const { precision, native } = this.#products;
    const halves = operands.map((x) => this.#half(x));
    const y = this.#graph.one(op, halves, shape, native ? precision : 'float32', attributes);
    return this.#widened(native ? y : this.#rounded(y));
  }

  /**
   * Moves elements without computing; of a product's result in half precision, so that the next product needs
   * no cast.
   */
  move(x: Value, write: (x: Value) => readonly Value[]): readonly Value[] {
    const half = this.#halves.get(x);
    return half ? write(half).map((y) => this.#widened(y)) : write(x);
  }

  /** x in half precision: the product's result, the host's copy of a frozen weight, or a cast. */
  #half(x: Value): Value {
    const { precision, native } = this.#products;
    const known = this.#halves.get(x);
    if (known) return known;
    if (x.half === undefined) return native ? this.#graph.cast(x, precision) : this.#rounded(x);
    return this.#graph.weightInput(x.half, x.shape, native ? precision : 'float32');
  }

  #rounded(x: Value): Value {
    return this.#graph.cast(this.#graph.cast(x, this.#products.precision), 'float32');
  }

  /** The float32 value of a result in half precision. */
  #widened(half: Value): Value {
    const wide = this.#graph.cast(half, 'float32');
    this.#halves.set(wide, half);
    return wide;
  }
}
