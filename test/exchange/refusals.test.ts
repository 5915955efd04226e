// Tests of adapters that deltabench refuses, each with its reason.
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { startFrom } from '../../harness/exchange/adapter.ts';
import { readPeftFolder, writePeftFolder } from '../../harness/exchange/peft/folder.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { changedJson, readDamaged } from '../fuzz.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { attachMethod } from './reading.ts';
import { changeTensors, type StoredTensors } from '../support/change-tensors.ts';

const base = await loadBase('random-gpt2~layers=2,width=8,heads=2,vocab=50');
const vector = (name: string, ...shape: number[]) => {
  const size = shape.reduce((product, n) => product * n, 1);
  return [name, { shape, data: Float32Array.from({ length: size }, (_, i) => i) }] as const;
};
const one = { shape: [1], data: new Float32Array(1) };
const modules = ['transformer.h.0.attn.c_attn', 'transformer.h.1.attn.c_attn'];
const tensors = Object.fromEntries(
  modules.flatMap((name) => [vector(`${name}.lora_A.weight`, 2, 8), vector(`${name}.lora_B.weight`, 24, 2)]),
);
const options = { rank: 2, alpha: 8, dropout: 0, rankStabilized: false };

/** Writes a LoRA adapter with changes to its configuration and tensors. */
async function written(
  config: object,
  change: (tensors: StoredTensors) => StoredTensors = (all) => all,
): Promise<string> {
  const folder = join(await temporaryFolder(), 'adapter');
  await writePeftFolder(folder, { method: 'lora', options, tensors, head: {} }, base);
  const path = join(folder, 'adapter_config.json');
  const old = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...old, ...config }));
  await changeTensors(join(folder, 'adapter_model.safetensors'), change);
  return folder;
}

it('refuses to write virtual tokens under an encoder-decoder’s head, which PEFT cannot compute', async () => {
  const t5 = await loadBase('random-t5~layers=1,width=8,heads=2,vocab=50');
  const head = Object.fromEntries([vector('classification_head.dense.bias', 8)]);
  for (const method of ['prefix', 'prompt', 'p-tuning']) {
    const own = Object.fromEntries([vector('embedding.weight', 1, 8)]);
    const adapter = { method, options: { virtualTokens: 1 }, tensors: own, head };
    const folder = join(await temporaryFolder(), method);
    await expect(writePeftFolder(folder, adapter, t5), method).rejects.toThrow(
      'PEFT cannot compute virtual tokens on it',
    );
  }
});

describe('an adapter that deltabench does not compute', () => {
  it.each([
    [
      { rank_pattern: { '(': 4 } },
      'the key "(" of rank_pattern is no regular expression that can be read here',
    ],
    [{ rank_pattern: { c_attn: 0 } }, 'cannot be used: rank_pattern.c_attn: '],
    [{ use_qalora: true }, 'sets use_qalora to true, which'],
    [{ something_new: 3 }, 'sets something_new to 3, which'],
    [{ bias: 'some' }, 'cannot be used: bias: '],
    [
      { init_lora_weights: 'olora' },
      'init_lora_weights: this start changes the weights of the base; peft converts such an adapter',
    ],
    [
      { init_lora_weights: 'pissa_niter_4' },
      'init_lora_weights: its start is found by a randomized method, so that another one would be subtracted; peft',
    ],
    [
      { init_lora_weights: 'pissa', use_rslora: true },
      'use_rslora: PiSSA with the scale alpha / √r is not computed here',
    ],
    [{ init_lora_weights: 'mica' }, 'init_lora_weights: MiCA trains lora_A alone, which is not done here'],
    [{ r: -1 }, 'cannot be used: r: '],
    [{ r: 'eight' }, '(it is "eight")'],
    [{ lora_alpha: undefined }, 'lora_alpha: got nothing, wants a number (it is missing)'],
    [
      { peft_type: 'BOFT' },
      'has peft_type "BOFT"; deltabench reads LORA, ADALORA, VERA, RANDLORA, LOHA, LOKR, OFT, HRA, MISS, ',
    ],
    [{ peft_type: 7 }, "is no adapter's configuration: peft_type: "],
  ])('%j: it says why', async (config, message) => {
    const folder = await written(config);
    await expect(readPeftFolder(folder, base)).rejects.toThrow(message);
    await expect(readPeftFolder(folder, base)).rejects.toThrow(UsageError);
  });

  it('has a tensor of another kind', async () => {
    const key = `base_model.model.${modules[0]}.vera_lambda_b`;
    const folder = await written({}, (all) => ({ ...all, [key]: one }));
    await expect(readPeftFolder(folder, base)).rejects.toThrow(
      `has a tensor "${key}", which is none of an adapter of type LORA.`,
    );
  });

  it('adapts a module that is no site', async () => {
    const key = 'base_model.model.transformer.ln_f.lora_A.weight';
    const folder = await written({}, (all) => ({ ...all, [key]: one }));
    await expect(readPeftFolder(folder, base)).rejects.toThrow(
      'adapts "transformer.ln_f", which is no linear module of random-gpt2',
    );
  });

  it('holds an embedding that is not that of the base', async () => {
    const key = 'base_model.model.transformer.wte.base_layer.weight';
    const folder = await written({}, (all) => ({ ...all, [key]: one }));
    await expect(readPeftFolder(folder, base)).rejects.toThrow(
      /holds a transformer\.wte of its own, \[1\].*give the base that it was trained on/,
    );
  });

  it('has no tensors', async () => {
    await expect(readPeftFolder(await written({}, () => ({})), base)).rejects.toThrow('adapts no module');
  });

  it('trained what no module of the base has', async () => {
    const key = 'base_model.model.transformer.h.0.extra.weight';
    const folder = await written({ modules_to_save: ['extra'] }, (all) => ({ ...all, [key]: one }));
    await expect(readPeftFolder(folder, base)).rejects.toThrow(
      'trained transformer.h.0.extra.weight of the base too',
    );
  });

  it('lacks a file', async () => {
    const folder = await written({});
    await rm(join(folder, 'adapter_model.safetensors'));
    await expect(readPeftFolder(folder, base)).rejects.toThrow(
      'has neither adapter_model.safetensors nor adapter_model.bin',
    );
    await rm(join(folder, 'adapter_config.json'));
    await expect(readPeftFolder(folder, base)).rejects.toThrow('There is no file ');
  });

  it('has other shapes than the method, and lacks or adds tensors', async () => {
    const start = async (change: Parameters<typeof written>[1]) => {
      const adapter = await readPeftFolder(await written({}, change), base);
      return startFrom(base, attachMethod(base, adapter.method, adapter.options), adapter, 'F');
    };
    const key = `base_model.model.${modules[0]}.lora_A.weight`;
    await expect(
      start((all) => ({ ...all, [key]: { shape: [2, 4], data: new Float32Array(8) } })),
    ).rejects.toThrow(
      `F gives "${modules[0]}.lora_A.weight" the shape [2, 4]; the method wants [2, 8] on this base.`,
    );
    const without = (all: StoredTensors): StoredTensors =>
      Object.fromEntries(Object.entries(all).filter(([name]) => name !== key));
    await expect(start(without)).rejects.toThrow(`F lacks "${modules[0]}.lora_A.weight"`);
    const delta = attachMethod(base, 'red', {});
    expect(() => startFrom(base, delta, { tensors }, 'F')).toThrow(
      'F lacks "transformer.h.0.mlp.c_proj.red.scaling"',
    );
    const more = { ...tensors, another: one };
    const lora = attachMethod(base, 'lora', { rank: 2 });
    expect(() => startFrom(base, lora, { tensors: more }, 'F')).toThrow(
      'F has a tensor "another" [1], which the method does not have on random-gpt2',
    );
  });
});

it('writing refuses a folder that holds something, and leaves it as it was', async () => {
  const folder = await written({});
  const before = await readFile(join(folder, 'adapter_config.json'), 'utf8');
  const adapter = { method: 'lora', options, tensors, head: {} };
  await expect(writePeftFolder(folder, adapter, base)).rejects.toThrow('is there already and not empty');
  expect(await readFile(join(folder, 'adapter_config.json'), 'utf8')).toBe(before);
});

it('any adapter_config.json gives an adapter or one clear message', async () => {
  const original = await written({});
  const valid: unknown = JSON.parse(await readFile(join(original, 'adapter_config.json'), 'utf8'));
  const types = [
    ...['LORA', 'ADALORA', 'VERA', 'IA3', 'PREFIX_TUNING', 'PROMPT_TUNING', 'P_TUNING', 'RED', 'LN_TUNING'],
    ...['LOHA', 'LOKR', 'OFT', 'HRA', 'MISS', 'FOURIERFT', 'RANDLORA', '__PROTO__'],
  ];
  const folder = join(await temporaryFolder(), 'adapter');
  await cp(original, folder, { recursive: true });
  const config = fc
    .tuple(changedJson(valid), fc.option(fc.constantFrom(...types)))
    .map(([changed, type]) =>
      type === null || typeof changed !== 'object' ? changed : { ...changed, peft_type: type },
    );
  const { accepted, refused } = await readDamaged(config, async (changed) => {
    await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(changed));
    await readPeftFolder(folder, base);
  });
  expect(accepted).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
