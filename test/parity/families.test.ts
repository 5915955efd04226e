// Compares tiny models of the families beside GPT-2, Llama, RoBERTa, BERT and T5 with transformers and peft (see
// model.ts and encoder.ts).
// test/golden/parity/families.py writes the goldens.
import { expect, it } from 'vitest';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { countParameters } from '../../harness/models/delta/count-parameters.ts';
import { unfrozenTensors } from '../../harness/models/delta/trained-tensors.ts';
import { attachMethods } from '../../harness/runs/cell/attach-method.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../harness/runs/plan/variants/parse-variant.ts';
import { sizeOf, sum } from '../../harness/support/numbers/arithmetic.ts';
import { describeEncoder } from './encoder.ts';
import { folderOf, hasParity, readGolden } from './folder.ts';
import { describeDecoder } from './model.ts';

interface Counts {
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
const { counts } = readGolden<Counts>('family-counts.json');

const isEncoder = (family: string): boolean => hasParity(`${family}-tiny`, 'head-regression.safetensors');
for (const family of Object.keys(counts)) {
  if (isEncoder(family)) {
    describeEncoder(`${family}-tiny`, (name) => /\.(key|k_lin)\.bias$/.test(name));
    continue;
  }
  describeDecoder(`${family}-tiny`, {
    lastLinear: {},
    only: ['full', 'lora-all'],
    // Softmax cancels the key biases where nothing is rotated.
    isNoise: (name) => ['opt', 'bart'].includes(family) && name.endsWith('k_proj.bias'),
  });
}

// LoRA and IA3 as peft counts them; RED is two vectors a block.
const variants: Readonly<Record<string, string>> = {
  'lora-all':
    'lora~rank=4~targets=query,key,value,queryKeyValue,attentionOutput,mlpGate,mlpUp,mlpGateUp,mlpOutput',
};
const cases = Object.entries(counts).flatMap(([family, own]) =>
  Object.entries(own).map(([method, count]) => [family, method, count] as const),
);
it.each(cases)('%s has as many parameters under %s as in peft: %i', async (family, method, count) => {
  const base = await loadBase(folderOf(`${family}-tiny`));
  const delta = await attachMethods(parseVariant(variants[method] ?? method, await loadMethods()), base);
  // peft trains the biases that there are; ours adds those that are not.
  const own = sum(unfrozenTensors(base, delta).map((name) => sizeOf(base.shapes[name]!)));
  expect(method === 'bitfit' ? own : countParameters(base, delta).trained).toBe(count);
});
