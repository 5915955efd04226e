// Tests of reading pyreft's folders, made here in the layout of pyreft 0.1 (ReftModel.save and
// LoreftIntervention.state_dict).
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startFrom } from '../../harness/exchange/adapter.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { initialize } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { openStartingAdapter } from '../../harness/runs/plan/starting-adapter.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { torchFile } from '../data/formats/torch-archive.ts';
import { attachMethod } from './reading.ts';

const base = await loadBase('random-gpt2~layers=3,width=4,heads=2,vocab=50');
const type = "<class 'pyreft.interventions.LoreftIntervention'>";
const values = (at: number, count: number): number[] => Array.from({ length: count }, (_, i) => at + i);

interface Edit {
  readonly layer: number;
  readonly component?: string;
  readonly key: string;
}
async function saved(edits: readonly Edit[], changes: object = {}): Promise<string> {
  const folder = join(await temporaryFolder(), 'reft');
  await mkdir(folder);
  const config = {
    intervention_types: edits.map(() => type),
    representations: edits.map(({ layer, component = 'block_output' }) => [
      layer,
      component,
      'pos',
      1,
      2,
      null,
    ]),
    sorted_keys: edits.map(({ key }) => key),
    ...changes,
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  for (const [i, { key }] of edits.entries()) {
    const file = torchFile({
      weight: { shape: [2, 4], data: values(100 * i, 8) },
      bias: { shape: [2], data: values(100 * i + 20, 2) },
      rotate_layer: { shape: [4, 2], data: values(100 * i + 30, 8) },
    });
    await writeFile(join(folder, `intkey_${key}.bin`), file);
  }
  return folder;
}
const key = (layer: number, again = 0): string =>
  `layer_${layer}_comp_block_output_unit_pos_nunit_1#${again}`;

describe('what pyreft saves', () => {
  it('with one edit a layer is tied', async () => {
    const folder = await saved([0, 2].map((layer) => ({ layer, key: key(layer) })));
    const adapter = await readAdapter(folder, base);
    expect(adapter.method).toBe('loreft');
    expect(adapter.options).toEqual({ rank: 2, tied: true, layers: [0, 2] });
    const delta = attachMethod(base, 'loreft', { ...adapter.options, first: 2, last: 1 });
    const values = await initialize(startFrom(base, delta, adapter, 'F').delta.trained, base, 0);
    expect(Object.keys(values)).toHaveLength(6);
    expect([...values['transformer.h.2.reft.W']!]).toEqual([100, 101, 102, 103, 104, 105, 106, 107]);
    expect([...values['transformer.h.0.reft.b']!]).toEqual([20, 21]);
    expect([...values['transformer.h.0.reft.R']!]).toEqual([30, 31, 32, 33, 34, 35, 36, 37]);
  });

  it('with two, of modules by name, has one for the first and one for the last tokens', async () => {
    const edits = [0, 1].flatMap((again) =>
      [0, 1, 2].map((layer) => ({
        layer: 0,
        component: `transformer.h[${layer}].output`,
        key: `comp_transformer_h[${layer}]_output_unit_pos_nunit_1#${again}`,
      })),
    );
    const { options, tensors } = await readAdapter(await saved(edits), base);
    expect(options).toEqual({ rank: 2, tied: false });
    expect(tensors['transformer.h.1.reft.first.b']!.data[0]).toBe(120);
    expect(tensors['transformer.h.1.reft.last.b']!.data[0]).toBe(420);
  });

  it('needs to be told which tokens were edited', async () => {
    const folder = await saved([{ layer: 1, key: key(1) }]);
    const methods = await loadMethods();
    await expect(openStartingAdapter(folder, base, methods)).rejects.toThrow(
      'does not say first, last of its method loreft; give them as it was trained with --set first=… last=…',
    );
    const settings = [
      { key: 'first', value: '3' },
      { key: 'last', value: '2' },
    ];
    const { variant } = await openStartingAdapter(folder, base, methods, settings);
    expect(variant.name).toMatch(/^loreft~rank=2~first=3~last=2~layers=1~from=[0-9a-f]{8}$/);
    const more = [...settings, { key: 'rank', value: '4' }];
    await expect(openStartingAdapter(folder, base, methods, more)).rejects.toThrow(
      "--set rank: the adapter has its method's options already.",
    );
  });

  it.each([
    [{ intervention_types: ["<class 'pyreft.interventions.DireftIntervention'>"] }, "only LoReFT's are read"],
    [
      { representations: [[0, 'mlp_output', 'pos']] },
      'edits "mlp_output" of layer 0 by pos, which is no block output',
    ],
    [{ representations: [[9, 'block_output', 'pos']] }, 'of layer 9 by pos, which is no block output'],
    [{ representations: [] }, 'has 0 edits, but 1 keys'],
    [{ sorted_keys: ['../../elsewhere'] }, "is not pyreft's: sorted_keys.0: a key is no part of a file name"],
    [{ sorted_keys: ['another'] }, 'There is no file '],
    [{ sorted_keys: 3 }, "is not pyreft's: sorted_keys: "],
  ])('%j: is refused with the reason', async (changes, message) => {
    await expect(readAdapter(await saved([{ layer: 0, key: key(0) }], changes), base)).rejects.toThrow(
      message,
    );
  });

  it('is told from what is no adapter', async () => {
    const folder = await temporaryFolder();
    await expect(readAdapter(folder, base)).rejects.toThrow(
      `${folder} holds no adapter: looked for adapter_config.json`,
    );
    await expect(readAdapter(join(folder, 'x'), base)).rejects.toThrow('There is no adapter ');
  });
});
