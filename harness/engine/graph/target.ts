/** The target of a graph: the device that will compute it, and the precision of its matrix products. */
import type { FloatType } from '../types.ts';

/** Precision of the operands and results of matrix products; their sums are float32. */
export interface Products {
  readonly precision: FloatType;
  /** Whether the device has such products; elsewhere operands are rounded and multiplied as float32. */
  readonly native: boolean;
}

export interface Target {
  readonly products: Products;
  /**
   * Whether to write what cores with caches compute fastest; such a graph cannot be stacked
   * (stack-copies.ts).
   */
  readonly forCores: boolean;
  /** onnxruntime's execution provider: 'cpu', 'webgpu' or 'cuda'. */
  readonly provider: string;
}

export const FLOAT32: Products = { precision: 'float32', native: true };
