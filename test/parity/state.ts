// The tensors that a method has while programs run: those that it trains at given values, and its own state.
import * as ops from '../../harness/engine/ops.ts';
import { keep } from '../../harness/engine/tfjs/library.ts';
import { initialize, trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import type { Shape, TensorTypes } from '../../harness/engine/types.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import type { Delta } from '../../harness/models/method.ts';

/** Trained tensors at the values `trained`, and the method's state as it starts, as an engine takes them. */
export async function stateOf(
  base: BaseModel,
  delta: Delta,
  trained: Readonly<Record<string, Float32Array>>,
): Promise<Record<string, { shape: Shape; data: Float32Array }>> {
  const own = await initialize(delta.state ?? {}, base, 0);
  return {
    ...Object.fromEntries(
      Object.entries(trainedShapes(base, delta)).map(([name, shape]) => [
        name,
        { shape, data: trained[name]! },
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(delta.state ?? {}).map(([name, { shape }]) => [name, { shape, data: own[name]! }]),
    ),
  };
}

/** The types of tensors with values. */
export const typesOf = (tensors: Readonly<Record<string, { shape: Shape }>>): TensorTypes =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { shape }]) => [name, { shape, dtype: 'float32' as const }]),
  );

/**
 * What a forward pass gives, its loss among it, and the gradients of the loss. The pass runs once; its results are
 * kept, since an eager engine disposes of all but the loss after the backward pass.
 */
export function forwardAndGradients<Name extends string>(
  forward: () => Record<Name | 'loss', ops.Tensor>,
  xs: Readonly<Record<string, ops.Tensor>>,
): { computed: Record<Name | 'loss', ops.Tensor>; gradients: Record<string, ops.Tensor> } {
  let computed!: Record<Name | 'loss', ops.Tensor>;
  const { gradients } = ops.valueAndGradients(() => {
    computed = forward();
    for (const tensor of Object.values<ops.Tensor>(computed)) keep(tensor);
    return computed.loss;
  }, xs);
  return { computed, gradients };
}

/** Some of the tensors, by name. */
export const pick = <T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(names.map((name) => [name, all[name]!]));
