// Regression test: an AdaLoRA run failed where a module kept no rank, since its singular values ended at
// their initial value 0. Fourteen modules keep one of four singular values each on average, so some keep
// none.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { readPeftFolder, writePeftFolder } from '../../harness/exchange/peft/folder.ts';
import { composeDeltas } from '../../harness/models/delta/compose.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { languageModel } from '../../harness/training/objectives/language-model.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';
import { train } from '../../harness/training/loop/train.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { attachMethod, logitsUnder } from '../exchange/reading.ts';
import { tinyBase, tinyBatch } from '../methods/tiny.ts';

const linears = ['query', 'key', 'value', 'attentionOutput', 'mlpUp', 'mlpGate', 'mlpOutput'];
const options = { rank: 4, targetRank: 1, targets: linears };
const base = await tinyBase('llama');
const engine = await createEngine({ name: 'onnx', threads: 1 });

function trained(model: BaseModel, delta: Delta, optimizer: 'adamw' | 'sgd') {
  const { input_ids } = tinyBatch();
  const examples = input_ids.map((ids) => ({ prompt: ids.slice(0, 4), target: ids.slice(4) }));
  return train({
    engine,
    base: model,
    delta,
    seed: 1,
    folder: undefined,
    train: examples,
    validation: [],
    objective: languageModel(model.architecture, 0),
    recipe: recipeSchema.parse({ batchSize: 2, maxSteps: 12, epochs: 12, learningRate: 1e-2, optimizer }),
  });
}

it.each(['adamw', 'sgd'] as const)('the run finishes, by %s', async (optimizer) => {
  const { neverMoved, tensors } = await trained(base, attachMethod(base, 'adalora', options), optimizer);
  const empty = Object.entries(tensors).filter(
    ([name, { data }]) => name.endsWith('.lora_E') && data.every((x) => x === 0),
  );
  expect(empty.length).toBeGreaterThan(0);
  expect(neverMoved).toEqual([]);
});

it('beside another method, too', async () => {
  const parts = [
    { name: 'red', delta: attachMethod(base, 'red', {}) },
    { name: 'adalora', delta: attachMethod(base, 'adalora', options) },
  ];
  const { neverMoved, tensors } = await trained(base, composeDeltas(parts), 'adamw');
  expect(Object.keys(tensors).some((name) => name.startsWith('adalora.'))).toBe(true);
  expect(neverMoved).toEqual([]);
});

it('what never had a gradient is still found', async () => {
  const delta = attachMethod(base, 'adalora', options);
  const spare = { shape: [2], init: () => new Float32Array(2) };
  const { neverMoved } = await trained(base, { ...delta, trained: { ...delta.trained, spare } }, 'adamw');
  expect(neverMoved).toEqual(['spare']);
});

it('is exported with a pattern of false, and read as it was', async () => {
  const { tensors } = await trained(base, attachMethod(base, 'adalora', options), 'adamw');
  const states = Object.entries(tensors).filter(([name]) => !/\.(sensitivity|uncertainty)$/.test(name));
  const full = {
    rank: 4,
    targetRank: 1,
    alpha: 8,
    dropout: 0,
    initialSteps: 0,
    finalSteps: 0,
    every: 1,
    beta1: 0.85,
    beta2: 0.85,
    orthogonality: 0.5,
  };
  const adapter = {
    method: 'adalora',
    options: { ...full, targets: linears },
    tensors: Object.fromEntries(states),
    head: {},
    steps: 12,
  };
  const folder = join(await temporaryFolder(), 'adapter');
  await writePeftFolder(folder, adapter, base);
  const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as {
    rank_pattern: Record<string, boolean[]>;
  };
  const empty = Object.entries(config.rank_pattern).filter(([, kept]) => !kept.includes(true));
  expect(empty.length).toBeGreaterThan(0);
  const back = await readPeftFolder(folder, base);
  const ours = await logitsUnder(engine, base, adapter, tinyBatch());
  expect(await logitsUnder(engine, base, back, tinyBatch())).toBeAllclose(ours, { atol: 1e-6 });
});
