/**
 * Sums of many float32 numbers by stages. onnxruntime adds them one after the other in a few lanes, so that a
 * million like values lose three of their seven digits. A stage adds few values, and the loss grows with the
 * number of stages alone. `Graph.reduce` uses it.
 */
import type { Shape } from '../types.ts';
import type { Value } from './node.ts';
import { range, sizeOf } from '../../support/numbers/arithmetic.ts';

/** The most values that one reduction adds; longer ones go by stages. */
const LONG = 4096;
/** The values that a stage adds: the largest divisor of the length between these two. */
const STAGE = { most: 256, least: 16 };

/** Operations that add, and those that add up their partial results. */
const CONTINUED: Readonly<Record<string, string>> = {
  ReduceSum: 'ReduceSum',
  ReduceSumSquare: 'ReduceSum',
  ReduceMean: 'ReduceMean',
};

/** The operations of a graph that this file needs. */
interface Operations {
  reshape(x: Value, shape: Shape): Value;
  reduce(op: string, x: Value, axes: readonly number[], keepDims: boolean): Value;
  split(x: Value, sizes: readonly number[], axis: number): readonly Value[];
  add(a: Value, b: Value): Value;
  mul(a: Value, b: Value): Value;
  scalar(value: number): Value;
}

/** Whether a reduction adds so many values that it goes by stages. */
export function isLong(op: string, x: Value, axes: readonly number[]): boolean {
  return op in CONTINUED && x.dtype === 'float32' && sizeOf(axes.map((axis) => x.shape[axis]!)) > LONG;
}

/** Reduces x over many values by stages; the axes are dropped. */
export function reduceInStages(g: Operations, op: string, x: Value, axes: readonly number[]): Value {
  const last = Math.max(...axes);
  // Adjacent axes up to the last one are reduced as one axis.
  const first = x.shape.findIndex(
    (_, axis) => axis <= last && range(axis, last).every((i) => axes.includes(i)),
  );
  const [lead, tail] = [x.shape.slice(0, first), x.shape.slice(last + 1)];
  const length = sizeOf(x.shape.slice(first, last + 1));
  const reduced = reduceAxis(g, op, g.reshape(x, [...lead, length, ...tail]), first);
  const others = axes.filter((axis) => axis < first);
  return others.length === 0 ? reduced : g.reduce(CONTINUED[op]!, reduced, others, false);
}

/** The first stage of a reduction over all of x: partial results [n] that are reduced further. */
export function firstStage(g: Operations, op: string, x: Value): Value {
  const length = sizeOf(x.shape);
  const stage = length > LONG ? stageOf(length) : undefined;
  if (stage !== undefined) return g.reduce(op, g.reshape(x, [length / stage, stage]), [1], false);
  const axes = x.shape.map((_, axis) => axis);
  return g.reshape(g.reduce(op, x, axes, false), [1]);
}

/** How many values the next stage adds, of as many as these; none where no such number divides them. */
function stageOf(length: number): number | undefined {
  const sizes = length > STAGE.most ? range(STAGE.least, STAGE.most).reverse() : [];
  return sizes.find((size) => length % size === 0);
}

/** Reduces one axis, each stage as short as its length allows. */
function reduceAxis(g: Operations, op: string, x: Value, axis: number): Value {
  const length = x.shape[axis]!;
  const stage = stageOf(length);
  if (stage !== undefined) {
    const parts = g.reshape(x, x.shape.toSpliced(axis, 1, length / stage, stage));
    return reduceAxis(g, CONTINUED[op]!, g.reduce(op, parts, [axis + 1], false), axis);
  }
  if (length <= LONG) return g.reduce(op, x, [axis], false);
  if (op === 'ReduceMean') return g.mul(reduceAxis(g, 'ReduceSum', x, axis), g.scalar(1 / length));
  const remainder = length % STAGE.most;
  const [even, tail] = g.split(x, [length - remainder, remainder], axis) as [Value, Value];
  return g.add(reduceAxis(g, op, even, axis), g.reduce(op, tail, [axis], false));
}
