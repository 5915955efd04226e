// Attention in pieces has the numbers of attention at once, whatever a method puts before the sequences.
import { expect, test } from 'vitest';
import * as ops from '../../../harness/engine/ops.ts';
import type { TensorTypes } from '../../../harness/engine/types.ts';
import { freezeAll } from '../../../harness/decoding/programs.ts';
import { promptInputs } from '../../../harness/decoding/prompt-inputs.ts';
import { runDecoder } from '../../../harness/models/delta/forward.ts';
import { initialize } from '../../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { testEngine } from '../../engines.ts';

const [rows, length] = [3, 7];

test.each([
  ['gpt2', 'none'],
  ['llama', 'prefix~virtualTokens=2'],
  ['gpt2', 'prompt~virtualTokens=3'],
])('%s with %s', async (family, variant) => {
  const engine = await testEngine('onnx');
  const base = await loadBase(`random-${family}~layers=2,width=16,heads=2,vocab=20,positions=24`);
  const delta = await attachMethods(parseVariant(variant, await loadMethods()), base);
  const values = await initialize(delta.trained, base, 1);
  const tensors = Object.fromEntries(
    Object.entries(delta.trained).map(([name, { shape }]) => [name, { shape, data: values[name]! }]),
  );
  const frozen = await freezeAll(engine, base, delta, tensors);
  const prompts = Array.from({ length: rows }, (_, row) =>
    Array.from({ length }, (_, i) => (row + i * i) % 20),
  );
  const inputs = promptInputs(prompts, rows, length);
  const types = Object.fromEntries(
    Object.entries(inputs).map(([name, array]): [string, TensorTypes[string]] => [
      name,
      array instanceof Int32Array
        ? { shape: [array.length], dtype: 'int32' }
        : { shape: [array.length, 1], dtype: 'float32' },
    ]),
  );
  const program = await engine.compile({ name: 'pieces', frozen, state: {}, inputs: types }, (x) => {
    const use = { base, delta, tensors: x.frozen, training: false, dropout: false, totalSteps: 1 };
    const hidden = (most?: number): ops.Tensor =>
      runDecoder(x, use, { batch: rows, length, ...(most !== undefined && { queriesAtOnce: most }) }).hidden;
    // Part of a sequence, a sequence, some sequences, and all.
    const pieces = [1, 3, 7, 14, 50].map((most) => [`${most}`, hidden(most)] as const);
    return { outputs: { all: hidden(), ...Object.fromEntries(pieces) } };
  });
  const { all, ...pieces } = await program.run(engine.state({}), inputs);
  for (const found of Object.values(pieces))
    expect(Array.from(found)).toBeAllclose(Array.from(all!), { atol: 1e-5 });
  await program.dispose();
});
