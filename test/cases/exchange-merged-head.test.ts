// Tests that a run from a merged or fine-tuned encoder starts with the checkpoint's head, in the task's order
// of classes; where the head does not fit, one line says why and a new head is drawn. Golden logits are those
// of transformers 5.24.0, written by exchange-merged-head/make.py.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { begin, folder, golden, inTaskOrder, outputsOf } from './encoder-heads.ts';

const engine = await createEngine({ name: 'js' });

const families = [
  'roberta',
  'bert',
  'xlm-roberta',
  'distilbert',
  'electra',
  'albert',
  'deberta-v2',
  'modernbert',
];

it.each(families)('the head of a fine-tuned %s is used', async (family) => {
  const model = join(folder, family);
  const whole = await begin(model, {});
  expect([whole.headFrom, whole.isDrawn]).toEqual(['checkpoint', false]);
  expect(await outputsOf(engine, whole)).toBeAllclose(inTaskOrder(family), { atol: 1e-5 });
});

describe.each(['roberta', 'bert'])('%s', (family) => {
  const model = join(folder, family);

  it.each(['huggingface', 'paper'] as const)('with head=%s gives what transformers does', async (head) => {
    const whole = await begin(model, { head });
    expect([whole.headFrom, ...whole.notes]).toEqual([
      'checkpoint',
      `mnli begins with the head of the checkpoint of ${model}.`,
    ]);
    expect(await outputsOf(engine, whole)).toBeAllclose(inTaskOrder(family), { atol: 1e-5 });
  });

  it('takes numbered classes as they come', async () => {
    const copy = join(await temporaryFolder(), family);
    await cp(model, copy, { recursive: true });
    const path = join(copy, 'config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as object;
    const id2label = { 0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2' };
    await writeFile(path, JSON.stringify({ ...config, id2label }));
    const outputs = await outputsOf(engine, await begin(copy, {}));
    expect(outputs).toBeAllclose(golden[family]!.flat(), { atol: 1e-5 });
  });

  it.each([
    [
      { task: 'rte' },
      new RegExp(
        'it gives 3 classes \\(CONTRADICTION, NEUTRAL, ENTAILMENT\\), ' +
          'the task asks for 2 classes \\(entailment, not_entailment\\)',
      ),
    ],
    [{ task: 'stsb' }, /the task asks for a value/],
    [{ head: 'mean' }, /head=mean reads the states in another way; --set head=huggingface begins with it/],
  ] as const)('%j does not fit, and a line says so', async (asked, reason) => {
    const whole = await begin(model, asked);
    expect(whole.headFrom).toBeUndefined();
    expect(whole.notes.join()).toMatch(reason);
    expect(whole.notes.join()).toMatch(/A new one is drawn/);
  });

  it('of other classes is told by their names', async () => {
    const copy = join(await temporaryFolder(), family);
    await cp(model, copy, { recursive: true });
    const path = join(copy, 'config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(
      path,
      JSON.stringify({ ...config, id2label: { 0: 'World', 1: 'Sports', 2: 'Business' } }),
    );
    const { notes } = await begin(copy, {});
    expect(notes.join()).toMatch(
      /its classes are World, Sports, Business, the task's are entailment, neutral, contradiction/,
    );
    await writeFile(path, JSON.stringify({ ...config, problem_type: 'multi_label_classification' }));
    expect((await begin(copy, {})).notes.join()).toMatch(/it was made for multi_label_classification/);
  });
});
