/** The keys and values that a base computes for tokens, from which a method's tensors may start. */
import { createEngine } from '../../engine/create.ts';
import type { BaseModel } from '../base-model.ts';
import { runDecoder } from './forward.ts';
import { freezeTensors } from './trained-tensors.ts';

/**
 * The keys and values [T, kvHeads·h] of each layer for T tokens at the first positions, as a decoder's cache
 * holds them. One thread of the CPU computes them, so that they are the same in every run. Throws RangeError where
 * the base is no decoder.
 */
export async function keysAndValues(
  base: BaseModel,
  ids: ArrayLike<number>,
): Promise<{ readonly key: Float32Array; readonly value: Float32Array }[]> {
  const { kind, layers } = base.architecture;
  if (kind !== 'decoder')
    throw new RangeError(`${base.id} keeps no keys and values of a text: it is an ${kind}`);
  const length = ids.length;
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const delta = { trained: {} };
  const frozen = await freezeTensors(engine, base, delta, 0);
  const ints = { shape: [length], dtype: 'int32' as const };
  const mask = { shape: [length, 1], dtype: 'float32' as const };
  const inputs = { ids: ints, positions: ints, tokens: mask };
  const program = await engine.compile({ name: `text of ${length}`, frozen, state: {}, inputs }, (x) => {
    const use = { base, delta, tensors: {}, training: false, dropout: false, totalSteps: 0 };
    const { keys, values } = runDecoder(x, use, { batch: 1, length });
    const named = [...keys.entries()].flatMap(([i, key]) => [
      [`key ${i}`, key] as const,
      [`value ${i}`, values[i]!] as const,
    ]);
    return { outputs: Object.fromEntries(named) };
  });
  try {
    const found = await program.run(engine.state({}), {
      ids: Int32Array.from(ids),
      positions: Int32Array.from({ length }, (_, i) => i),
      tokens: new Float32Array(length).fill(1),
    });
    return Array.from({ length: layers }, (_, i) => ({
      key: found[`key ${i}`] as Float32Array,
      value: found[`value ${i}`] as Float32Array,
    }));
  } finally {
    await program.dispose();
    frozen.dispose();
  }
}
