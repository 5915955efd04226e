/** What a graph consists of: values and the ONNX operations between them. */
import type { NumericArray, Precision, Shape } from '../types.ts';

/** int64 only for the lists (axes, shapes) that ONNX wants as operands. */
export type DType = Precision | 'int32' | 'bool' | 'int64';
export type Attribute = number | string | readonly number[] | { readonly float: number };

/** One tensor of a graph under construction. */
export interface Value {
  readonly id: number;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Set where the value is known while the graph is built. */
  readonly constant?: NumericArray | Uint8Array;
  /** Set for the graph's inputs. */
  readonly input?: string;
  /** The input that has this one's numbers in half precision, where the host keeps them so. */
  readonly half?: string | undefined;
}

/** An ONNX operation. */
export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** What a Loop or a Scan does each time. */
  readonly body?: Body;
}

/** A graph inside a node; its nodes may read values of the graph around it. */
export interface Body {
  /** A Loop's are the number of the turn [] int64, the condition [] bool and what is carried; a Scan's are parts. */
  readonly inputs: readonly Value[];
  readonly nodes: readonly Node[];
  /** A Loop's are whether to go on [] bool and what is carried on; a Scan's are parts. */
  readonly outputs: readonly Value[];
}

/** What a node reads: its operands, and what its body takes from the graph around it. */
export function readBy({ inputs, body }: Node): readonly Value[] {
  if (!body) return inputs;
  const made = new Set([...body.inputs, ...body.nodes.flatMap(({ outputs }) => outputs)]);
  const read = [...body.nodes.flatMap(readBy), ...body.outputs].filter((value) => !made.has(value));
  return [...inputs, ...read];
}
export interface TypedShape {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** The shape and type of a value alone. */
export const typeOf = ({ shape, dtype }: TypedShape): TypedShape => ({ shape, dtype });
