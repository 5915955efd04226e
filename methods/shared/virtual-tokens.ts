/** What the methods share that put something before the input. */
import { type BaseModel, linearBound, type TensorSpec, uniformTensor } from '../../harness/method.ts';

/** Throws RangeError where virtual tokens would leave no position of the base for a token. */
export function requireRoom({ id, architecture }: BaseModel, virtualTokens: number): void {
  const { positions } = architecture;
  if (virtualTokens < positions) return;
  throw new RangeError(`${id} has no room for ${virtualTokens} virtual tokens: ${positions} positions`);
}

/**
 * Weight [outputs, inputs] and bias of a network's layer, which start as torch's Linear does: U(±1/√inputs).
 */
export function linearTensors(name: string, inputs: number, outputs: number): Record<string, TensorSpec> {
  const bound = linearBound(inputs);
  return {
    [`${name}.weight`]: uniformTensor([outputs, inputs], bound),
    [`${name}.bias`]: uniformTensor([outputs], bound),
  };
}
