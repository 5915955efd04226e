// Tests that hidden states and gradients of the rows read by the loss are the same whether the model computes
// all rows or only those.
import { beforeAll, describe, expect, test } from 'vitest';
import type { TokenPair } from '../../../harness/data/examples/task.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import * as ops from '../../../harness/engine/ops.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { freezeTensors, trainedShapes } from '../../../harness/models/delta/trained-tensors.ts';
import { runDecoder, runEncoder, type ModelUse } from '../../../harness/models/delta/forward.ts';
import type { Method } from '../../../harness/models/method.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import { packingOf, slotBias } from '../../../harness/training/objectives/pack-sequences.ts';
import { startOf, tinyBase } from '../../methods/tiny.ts';

const examples: TokenPair[] = [
  { prompt: [3, 9, 1, 17], target: [5, 22, 8] },
  { prompt: [11, 2], target: [19, 4, 13, 6, 7] },
];

let engine: Engine;
let methods: ReadonlyMap<string, Method>;
beforeAll(async () => {
  [engine, methods] = await Promise.all([createEngine({ name: 'onnx', threads: 1 }), loadMethods()]);
});

// Edits of modules, edits of tokens by position, and virtual tokens.
const variants = ['full', 'red~position=all', 'adapter', 'lora', 'prefix', 'loreft~first=1,last=1'];

describe.each(['gpt2', 'llama', 'roberta'] as const)('a %s', (family) => {
  const all = family === 'roberta' ? variants : [...variants, 'prompt~virtualTokens=3'];
  test.each(all)('computes the rows that are read alone as it does among all: %s', async (text) => {
    const base = await tinyBase(family);
    const { parts } = parseVariant(text, methods, []);
    const delta = parts[0]!.method.attach(base, parts[0]!.options);
    const start = await startOf(base, delta, 0.05);
    const types = Object.fromEntries(
      Object.entries(trainedShapes(base, delta)).map(([name, shape]) => [
        name,
        { shape, dtype: 'float32' as const },
      ]),
    );
    const objective = languageModel(base.architecture, 0);
    // The padded shape is larger than the examples need.
    const sizes = objective.sizesOf(examples);
    const shape = {
      ...sizes,
      length: sizes.length + 1,
      tokens: sizes.tokens + 2,
      targets: sizes.targets + 2,
    };
    const lengths = examples.map(({ prompt, target }) => prompt.length + target.length);
    const bias = slotBias(lengths, shape);
    const program = await engine.compile(
      {
        name: 'wanted',
        frozen: await freezeTensors(engine, base, delta, 3),
        state: types,
        inputs: {
          ...objective.types(shape),
          bias: { shape: [shape.rows, 1, 1, shape.length], dtype: 'float32' },
        },
      },
      (x) => {
        const use: ModelUse = {
          base,
          delta,
          tensors: x.state,
          training: true,
          dropout: false,
          totalSteps: 1,
        };
        const { targetRows: rows, targetPlaces: places, targetIds, targetWeights } = x.inputs;
        const batch = { batch: shape.rows, length: shape.length, packing: packingOf(x) };
        const hidden = (outputRows?: { rows: ops.Tensor; places: ops.Tensor }): ops.Tensor => {
          const asked = { ...batch, ...(outputRows && { outputRows }) };
          return family === 'roberta'
            ? runEncoder(x, use, { ...asked, bias: x.inputs.bias! }).hidden
            : runDecoder(x, use, asked).hidden;
        };
        const read = {
          among: () => ops.selectRows(hidden(), rows!, places!),
          alone: () => hidden({ rows: rows!, places: places! }),
        };
        const table = x.state[base.architecture.embedding] ?? x.frozen[base.architecture.embedding]!;
        const outputs = Object.entries(read).flatMap(([name, states]) => {
          const loss = (): ops.Tensor => ops.headCrossEntropy(states(), table, targetIds!, targetWeights!, 0);
          const { value, gradients } = ops.valueAndGradients(loss, x.state);
          const named = Object.entries(gradients).map(([key, g]) => [`${name} gradient ${key}`, g] as const);
          return [[`${name} loss`, value] as const, ...named];
        });
        return { outputs: Object.fromEntries(outputs) };
      },
    );
    const state = engine.state(
      Object.fromEntries(
        Object.entries(types).map(([name, { shape }]) => [name, { shape, data: start[name]! }]),
      ),
    );
    const out = await program.run(state, { ...objective.fill(examples, shape, 1 / sizes.targets), bias });
    await program.dispose();
    for (const key of Object.keys(out).filter((name) => name.startsWith('alone '))) {
      const [alone, among] = [out[key]!, out[key.replace('alone', 'among')]!];
      const largest = Math.max(1e-3, ...Array.from(among, Math.abs));
      Array.from(among).forEach((value, i) => {
        expect(Math.abs(alone[i]! - value), key).toBeLessThan(1e-5 * largest);
      });
    }
  });
});
