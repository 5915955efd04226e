// Regression test: peft's all-linear adapts BERT's pooler too, which no method could adapt here (related to
// exchange-lora-some-modules). Golden files are peft's, written by make-adapters.py.
import { describe, expect, it } from 'vitest';
import { sitesNamed } from '../../harness/exchange/peft/target-modules.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { makeHead } from '../../harness/models/delta/heads.ts';
import { attachWithHead } from '../../harness/runs/cell/attach-method.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../harness/runs/plan/variants/parse-variant.ts';
import { folderOf } from '../parity/folder.ts';
import { describeAdapters, openGolden } from './adapters.ts';

describeAdapters('exchange-all-linear-pooler');

describe('exchange-all-linear-pooler: a layer of the head', () => {
  it.each([
    ['deberta-v2-tiny', 'pooler.dense'],
    ['modernbert-tiny', 'head.dense'],
  ])('%s: %s is refused with the reason', async (model, module) => {
    const base = await loadBase(folderOf(model));
    expect(() => sitesNamed(base, new Set([module]), 'A')).toThrow(
      `A adapts "${module}", a layer of the classifier's head, which is trained whole here and not adapted ` +
        '(peft: exclude_modules).',
    );
  });
});

describe('exchange-all-linear-pooler: a method on the pooler', () => {
  it('needs the head that reads it', async () => {
    const { base } = await openGolden('exchange-all-linear-pooler', 'lora');
    const variant = parseVariant('lora~targets=pooler', await loadMethods());
    const { delta } = await attachWithHead(variant, base, makeHead(base, 'huggingface', 2));
    expect(Object.keys(delta.trained)).toContain('bert.pooler.dense.lora_A.weight');
    await expect(attachWithHead(variant, base, makeHead(base, 'paper', 2))).rejects.toThrow(
      'lora~targets=pooler acts on bert.pooler.dense, which only the head "huggingface" reads; ' +
        'the head here is "paper"',
    );
  });
});
