// Tests of adapters of encoders with a head: the adapter decides the head unless --set does. An adapter
// without one takes the checkpoint's or a new one, and another number of classes is refused. Golden logits
// are peft 0.21.2's, written by exchange-merged-head/make.py.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import type { HeadName } from '../../harness/models/head-names.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { planRuns } from '../../harness/runs/plan/plan-runs.ts';
import type { RunRequest } from '../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { begin, folder, inTaskOrder, outputsOf } from './encoder-heads.ts';

const engine = await createEngine({ name: 'js' });

/** The outputs under an adapter in the order of the task's classes: adapters name none and keep their own order. */
async function underAdapter(
  model: string,
  adapter: string,
  head: HeadName = 'huggingface',
): Promise<number[]> {
  const raw = await outputsOf(engine, await begin(model, { adapter, head }));
  return [0, 1].flatMap((row) => [...raw.subarray(3 * row, 3 * row + 3)].reverse());
}

describe.each(['xlm-roberta', 'distilbert', 'electra', 'albert', 'deberta-v2', 'modernbert'])(
  '%s',
  (family) => {
    const model = join(folder, family);

    it("computes what peft does with the adapter's head", async () => {
      const outputs = await underAdapter(model, join(folder, `${family}-lora`));
      expect(outputs).toBeAllclose(inTaskOrder(`${family}-lora`), { atol: 1e-5 });
    });

    it("computes what peft does with the checkpoint's head", async () => {
      const whole = await begin(model, { adapter: join(folder, `${family}-headless`) });
      expect(await outputsOf(engine, whole)).toBeAllclose(inTaskOrder(`${family}-headless`), { atol: 1e-5 });
    });
  },
);

describe('modernbert of pretraining', () => {
  const model = join(folder, 'modernbert-masked');

  it('gives an adapter that holds the output alone its first layer, as peft does', async () => {
    const outputs = await underAdapter(model, `${model}-lora`);
    expect(outputs).toBeAllclose(inTaskOrder('modernbert-masked-lora'), { atol: 1e-5 });
  });

  it('gives a new head its first layer, and another head none', async () => {
    const [whole, mean] = [await begin(model, {}), await begin(model, { head: 'mean' })];
    const given = await whole.delta.trained['head.dense.weight']!.init(undefined as never, whole.base);
    expect(given).toEqual(await whole.base.headLayers!.tensor('head.dense.weight'));
    expect(whole.isDrawn).toBe(true);
    expect(whole.notes.join()).not.toContain('head (');
    expect(mean.notes.join()).toContain('head (2 tensors)');
  });
});

describe.each(['roberta', 'bert'])('%s', (family) => {
  const model = join(folder, family);
  const adapter = join(folder, `${family}-lora`);

  it.each(['huggingface', 'paper'] as const)('with head=%s computes what peft does', async (head) => {
    const outputs = await underAdapter(model, adapter, head);
    expect(outputs).toBeAllclose(inTaskOrder(`${family}-lora`), { atol: 1e-5 });
  });

  it('of an older peft, which does not list the head in modules_to_save, brings it', async () => {
    const copy = join(await temporaryFolder(), 'adapter');
    await cp(adapter, copy, { recursive: true });
    const path = join(copy, 'adapter_config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...config, modules_to_save: null }));
    const [older, usual] = await Promise.all([copy, adapter].map((each) => begin(model, { adapter: each })));
    expect(await outputsOf(engine, older!)).toEqual(await outputsOf(engine, usual!));
  });

  it('without a head begins with that of the checkpoint', async () => {
    const whole = await begin(model, { adapter: join(folder, `${family}-headless`) });
    expect(await outputsOf(engine, whole)).toBeAllclose(inTaskOrder(`${family}-headless`), { atol: 1e-5 });
  });

  it('of another number of classes is refused in words', async () => {
    const begun = begin(model, { adapter, task: 'rte' });
    await expect(begun).rejects.toThrow(UsageError);
    await expect(begun).rejects.toThrow(
      /it gives 3 classes, the task asks for 2 classes \(entailment, not_entailment\)/,
    );
  });

  it('beside a head that does not fit names the setting', async () => {
    await expect(begin(model, { adapter, head: 'mean' })).rejects.toThrow(
      /--set head=huggingface begins with it/,
    );
  });

  it('decides which head there is, unless --set does', async () => {
    const [methods, tasks] = [await loadMethods(), await loadTasks()];
    const headWith = async (settings: string[]): Promise<string> => {
      const request: RunRequest = {
        tasks: ['mnli'],
        methods: [],
        adapter,
        models: [model],
        settings,
        recipe: 'roberta-mini',
        engine: 'js',
        results: await temporaryFolder(),
        data: 'built-in',
      };
      return (await planRuns(request, methods, tasks)).cells[0]!.recipe.head;
    };
    expect(await headWith([])).toBe('huggingface');
    expect(await headWith(['head=mean'])).toBe('mean');
  });
});

it('without a head, on a base without one, gets a new one and says so', async () => {
  const { notes, head } = await begin('random-roberta~layers=1,width=8,heads=2,vocab=12,positions=12', {
    adapter: join(folder, 'roberta-headless'),
  });
  expect(notes.join()).toMatch(/roberta-headless brings no head: a new one is drawn/);
  expect(Object.keys(head!.tensors)).toContain('classifier.dense.weight');
});
