// Compares a tiny RoBERTa and its methods with transformers, peft and formulas in torch (see encoder.ts).
import { expect, it } from 'vitest';
import { describeArchitecture } from '../../harness/models/families/registry.ts';
import { describeEncoder } from './encoder.ts';
import { readGolden } from './folder.ts';

describeEncoder('roberta-tiny');

// transformers' XLMRobertaForSequenceClassification gives the numbers of roberta-tiny with its weights.
it('an XLM-RoBERTa is a RoBERTa of another name', () => {
  const config = readGolden<Record<string, unknown>>('roberta-tiny', 'config.json');
  const [roberta, xlm] = ['roberta', 'xlm-roberta'].map((model_type) =>
    describeArchitecture({ ...config, model_type }, 'config.json'),
  );
  expect(xlm!.family).toBe('xlm-roberta');
  expect(JSON.stringify({ ...xlm, family: 'roberta' })).toBe(JSON.stringify(roberta));
});
