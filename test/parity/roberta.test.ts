// Compares a tiny RoBERTa and its methods with transformers, peft and formulas in torch (see encoder.ts).
import { expect, it } from 'vitest';
import { describeArchitecture } from '../../harness/models/families/registry.ts';
import { describeEncoder } from './encoder.ts';
import { readGolden } from './folder.ts';

describeEncoder('roberta-tiny');

// transformers' XLMRobertaForSequenceClassification gives the numbers of roberta-tiny with its weights.
it('an XLM-RoBERTa is a RoBERTa of another name', () => {
  const config = readGolden<Record<string, unknown>>('roberta-tiny', 'config.json');
  const [roberta, xlm] = ['roberta', 'xlm-roberta'].map((model_type) => {
    const architecture = describeArchitecture({ ...config, model_type }, 'config.json');
    if (architecture.kind !== 'encoder') throw new Error(`${model_type} is no encoder`);
    return architecture;
  });
  expect([xlm!.family, xlm!.classifier.className]).toEqual(['xlm-roberta', 'XLMRoberta']);
  const renamed = { ...xlm, family: 'roberta', classifier: { ...xlm!.classifier, className: 'Roberta' } };
  expect(JSON.stringify(renamed)).toBe(JSON.stringify(roberta));
});
