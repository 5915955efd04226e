/** What a graph consists of: values and the ONNX operations between them. */
import type { FloatType, NumericArray, PackedMatrix, Shape } from '../types.ts';

/**
 * Element types; int64 only for the lists (axes, shapes) that ONNX takes as operands, uint8 for four-bit
 * codes.
 */
export type DType = FloatType | 'int32' | 'bool' | 'int64' | 'uint8' | 'uint4';
export type Attribute = number | string | readonly number[] | { readonly float: number };

/** ONNX's numbers of element types (TensorProto.DataType). */
export const ELEMENT = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
  uint4: 21,
} as const;

/** Shape and type of a value. */
export interface TypedShape {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A packed weight, and the graph inputs that hold its parts. */
export interface PackedParts extends PackedMatrix {
  readonly codes: string;
  readonly scales: string;
  readonly zeros: string;
  readonly order: string;
}

/** What is known of a graph input: whether it changes, and in which other forms its numbers are there. */
export interface InputFacts {
  /** Whether it is a frozen array, of which no program wants the gradient. */
  readonly isFrozen?: boolean | undefined;
  /** The graph input that has the same numbers in half precision, where the host keeps such a copy. */
  readonly half?: string | undefined;
  /** Where its numbers are packed; no node may read the input itself then. */
  readonly packed?: PackedParts | undefined;
}

/** One tensor of a graph. */
export interface Value extends TypedShape, InputFacts {
  readonly id: number;
  /** The numbers, where they are known while the graph is built. */
  readonly constant?: NumericArray | Uint8Array;
  /** The name of a graph input. */
  readonly input?: string;
}

/** An ONNX operation. */
export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** The subgraph that a Loop or a Scan runs in every iteration. */
  readonly body?: Body;
}

/** The subgraph of a node; its nodes may read values of the enclosing graph. */
export interface Body {
  /** Of a Loop: the iteration [] int64, the condition [] bool and the carried values. Of a Scan: slices. */
  readonly inputs: readonly Value[];
  readonly nodes: readonly Node[];
  /** Of a Loop: whether to continue [] bool and the carried values. Of a Scan: slices. */
  readonly outputs: readonly Value[];
}

/** The shape and type of a value alone. */
export const typeOf = ({ shape, dtype }: TypedShape): TypedShape => ({ shape, dtype });

/** The values that a node reads: its operands, and what its body takes from the enclosing graph. */
export function readBy({ inputs, body }: Node): readonly Value[] {
  if (!body) return inputs;
  const inside = new Set([...body.inputs, ...body.nodes.flatMap(({ outputs }) => outputs)]);
  const read = [...body.nodes.flatMap(readBy), ...body.outputs].filter((value) => !inside.has(value));
  return [...inputs, ...read];
}

/** The nodes that the given values need, in order. */
export function neededOf(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const required = new Set(outputs.map((v) => v.id));
  const needed: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((v) => required.has(v.id))) continue;
    for (const v of readBy(node)) required.add(v.id);
    needed.push(node);
  }
  return needed.reverse();
}
