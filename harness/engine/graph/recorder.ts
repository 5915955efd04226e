/**
 * Records programs: runs them on symbolic tensors and returns the graph that their operations wrote. The
 * engine and the fused operations use it. What is known while recording (scalars, masks) is computed at once
 * by tfjs's plain backend.
 */
import * as tf from '../tfjs/library.ts';
import type { Shape } from '../types.ts';
import { Graph } from './graph.ts';
import { RECORDED, registerKernels, type Write } from './kernels.ts';
import type { DType, InputFacts, Value } from './node.ts';
import { BACKEND, recordedGraph, setRecordedGraph, tensorOf, valueOf } from './recorder-backend.ts';
import type { Target } from './target.ts';

/** Declares an input of the graph. */
export type DeclareInput = (name: string, shape: Shape, dtype: DType, facts?: InputFacts) => tf.Tensor;

/** A graph's outputs under the names that its caller reads. */
export type Outputs = readonly { readonly name: string; readonly value: Value }[];

/**
 * Runs `program` on symbolic tensors; returns the graph that it writes, and throws what the operations throw.
 */
export function recordGraph(
  program: (input: DeclareInput) => Readonly<Record<string, tf.Tensor>>,
  target?: Partial<Target>,
): { graph: Graph; outputs: Outputs } {
  registerKernels();
  if (recordedGraph()) throw new Error('a program is being recorded already');
  const previous = tf.getBackend();
  const graph = new Graph(target);
  setRecordedGraph(graph);
  // Takes effect at once for a backend that is made synchronously; the promise only repeats the result.
  void tf.setBackend(BACKEND);
  tf.engine().startScope();
  try {
    const outputs = program((...declared) => tensorOf(graph.input(...declared)));
    return {
      graph,
      outputs: Object.entries(outputs).map(([name, tensor]) => ({ name, value: valueOf(tensor) })),
    };
  } finally {
    tf.engine().endScope();
    setRecordedGraph(undefined);
    if (previous) void tf.setBackend(previous);
  }
}

/** Whether a program is being recorded; otherwise tensors are computed at once. */
export function recording(): boolean {
  return recordedGraph() !== undefined;
}

/** Appends operations by hand; returns the tensors of their results. */
export function record(inputs: readonly tf.Tensor[], write: Write): tf.Tensor[] {
  const operands = [...inputs] as unknown as tf.NamedTensorMap;
  const attributes = { write } as unknown as tf.NamedAttrMap;
  return tf.engine().runKernel(RECORDED, operands, attributes) as unknown as tf.Tensor[];
}

/** Marks a value of the forward pass from which its later part can be computed again (recompute.ts). */
export function boundary(x: tf.Tensor): void {
  recordedGraph()?.boundaries.add(valueOf(x));
}

/** Marks the end of the forward pass; what is recorded afterwards belongs to the backward pass. */
export function endForward(): void {
  const graph = recordedGraph();
  if (graph?.forward.size === 0) for (const node of graph.nodes) graph.forward.add(node);
}

/**
 * Repeats `body` inside the recorded program, at most `limit` times and while `again` [] bool is true. `body`
 * maps the iteration [] int32 and the carried tensors to the next carried tensors, of the same shapes and
 * types. Returns the last carried tensors. It only works in recorded programs.
 */
export function loop(
  limit: number,
  initial: readonly tf.Tensor[],
  body: (turn: tf.Tensor, carried: tf.Tensor[]) => { again: tf.Tensor; carried: readonly tf.Tensor[] },
): tf.Tensor[] {
  return record(initial, (g, values) =>
    g.loop(limit, values, (turn, inside) => {
      const { again, carried } = body(tensorOf(turn), inside.map(tensorOf));
      return [again, ...carried].map(valueOf);
    }),
  );
}

/**
 * Applies `f`, an elementwise function of tensors of one shape and scalars; a recorded program cuts large
 * ones into parts.
 */
export function inParts(whole: readonly tf.Tensor[], f: (part: tf.Tensor[]) => tf.Tensor[]): tf.Tensor[] {
  if (!recording()) return f([...whole]);
  return record(whole, (g, values) => g.inParts(values, (part) => f(part.map(tensorOf)).map(valueOf)));
}

/**
 * The numbers of a frozen weight. Where it is packed, they are in memory only from when `when` [N, d] is
 * computed; no gradient flows to `when`.
 */
export function unpacked(weight: tf.Tensor, when: tf.Tensor): tf.Tensor {
  if (!recording() || !valueOf(weight).packed) return weight;
  return record([weight], (g, [W]) => [g.unpacked(W!, valueOf(when))])[0]!;
}

/** Σ x² [] over all elements of one tensor or more. */
export function sumOfSquares(...xs: readonly tf.Tensor[]): tf.Tensor {
  if (!recording()) return xs.map((x) => x.square().sum()).reduce((sum, each) => sum.add(each));
  return record(xs, (g, values) => [g.sumOfSquares(values)])[0]!;
}

/** Matrix products inside `f` are float32 whatever the precision of the recorded program. */
export function inFloat32<T>(f: () => T): T {
  const graph = recordedGraph();
  return graph ? graph.inFloat32(f) : f();
}
