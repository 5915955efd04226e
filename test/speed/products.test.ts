/** The matrix products that the speed benchmark takes out of a program. */
import { expect, test } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import * as ops from '../../harness/engine/ops.ts';
import type { ProgramFunction, Signature } from '../../harness/engine/types.ts';
import { onlyProducts, recordProducts } from './products.ts';

const engine = await createEngine({ name: 'onnx', threads: 1 });
const frozen = engine.freeze({ W: { shape: [3, 5], data: new Float32Array(15) } });
const state = { v: { shape: [5, 2], dtype: 'float32' } } as const;
const inputs = { x: { shape: [4, 3], dtype: 'float32' } } as const;
const signature: Signature = { name: 'test', frozen, state, inputs };

/** loss = Σ (x W) v, whose gradient for v is one product more; and a product over a batch of two. */
const program: ProgramFunction = (x) => {
  const hidden = ops.matMul(x.inputs.x!, x.frozen.W!);
  const { value, gradients } = ops.valueAndGradients(() => ops.matMul(hidden, x.state.v!).sum(), x.state);
  const pairs = ops.matMul(hidden.reshape([2, 2, 5]), hidden.reshape([2, 2, 5]), false, true);
  return { state: { v: gradients.v! }, outputs: { loss: value, pairs } };
};

test('the products of a program, its gradient in it', () => {
  const products = recordProducts(signature, program);
  const flops = {
    forward: 2 * 4 * 3 * 5,
    out: 2 * 4 * 5 * 2,
    gradient: 2 * 5 * 4 * 2,
    pairs: 2 * 2 * 2 * 2 * 5,
  };
  const sorted = (counts: number[]): number[] => counts.sort((a, b) => a - b);
  expect(sorted(products.map((product) => product.flops))).toEqual(sorted(Object.values(flops)));
  const gradient = { left: [4, 5], right: [4, 2], transA: true, transB: false };
  expect(products).toContainEqual({ ...gradient, flops: flops.gradient });
  const pairs = { left: [2, 2, 5], right: [2, 2, 5], transA: false, transB: true };
  expect(products).toContainEqual({ ...pairs, flops: flops.pairs });
});

test('they run alone, each once a run', async () => {
  const limit = onlyProducts(engine);
  const compiled = await limit.compile(signature, program);
  const { corners } = await compiled.run(limit.state({}), {});
  // Operands of 0.01 give products whose elements are the inner dimension times 0.0001.
  expect(corners).toBeAllclose(
    [3, 5, 4, 5].map((inner) => inner * 1e-4),
    { rtol: 1e-6 },
  );
  await compiled.run(limit.state({}), {});
  expect(limit.flops()).toBe(2 * (120 + 80 + 80 + 80));
});
