// Regression test: adapters on some modules of a role (layers_to_transform, exclude_modules, a regular
// expression, one module) were refused; a method's options name the same modules. Golden files are peft's
// (make-adapters.py).
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writePeftFolder } from '../../harness/exchange/peft/folder.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { openStartingAdapter } from '../../harness/runs/plan/starting-adapter.ts';
import { parseVariant } from '../../harness/runs/plan/variants/parse-variant.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { attachMethod } from '../exchange/reading.ts';
import { tinyBase } from '../methods/tiny.ts';
import { describeAdapters, openGolden } from './adapters.ts';

describeAdapters('exchange-lora-some-modules');

describe('exchange-lora-some-modules: options', () => {
  it.each([
    ['layers', { layers: [1] }],
    ['one-module', { targets: ['h.1.mlp.c_proj'] }],
    ['regex', { targets: ['EncDecAttention.k', 'EncDecAttention.v'] }],
    ['self-attention', { targets: ['SelfAttention.q', 'SelfAttention.v'] }],
    ['ia3', { targets: ['layers.1.mlp.down_proj'], feedForward: ['self_attn.k_proj'] }],
  ])('%s are read as the shortest', async (variant, options) => {
    const { folder, base } = await openGolden('exchange-lora-some-modules', variant);
    const adapter = await readAdapter(folder, base);
    const given = attachMethod(base, adapter.method, { ...adapter.options, ...options });
    const read = attachMethod(base, adapter.method, adapter.options);
    expect(Object.keys(given.trained)).toEqual(Object.keys(read.trained));
  });

  it('name modules from the command line', async () => {
    const methods = await loadMethods();
    const base = await tinyBase('llama');
    const text =
      'lora~targets=q_proj,layers.0.mlp.up_proj~ranks=mlpUp:3,1.self_attn.q_proj:1~alphas=query:0.5';
    const { parts, name } = parseVariant(text, methods);
    const { trained } = parts[0]!.method.attach(base, parts[0]!.options);
    const shapes = Object.entries(trained)
      .filter(([key]) => key.includes('lora_A'))
      .map(([key, { shape }]) => [key, shape[0]]);
    expect(Object.fromEntries(shapes)).toEqual({
      'model.layers.0.self_attn.q_proj.lora_A.weight': 8,
      'model.layers.0.mlp.up_proj.lora_A.weight': 3,
      'model.layers.1.self_attn.q_proj.lora_A.weight': 1,
    });
    expect(name).toBe(text);
  });

  it('that name very many modules stay out of the name of a run', async () => {
    const methods = await loadMethods();
    const base = await loadBase('random-llama~layers=24,width=8,heads=2,vocab=20');
    const linear = base.sites.filter(({ kind }) => kind === 'linear');
    const targets = linear.filter((_, i) => i % 3 > 0).map((site) => site.name);
    const { trained } = attachMethod(base, 'lora', { rank: 1, targets });
    const tensors = Object.fromEntries(
      Object.entries(trained).map(([key, { shape }]) => [
        key,
        { shape, data: new Float32Array(shape[0]! * shape[1]!) },
      ]),
    );
    const folder = join(await temporaryFolder(), 'adapter');
    const options = { rank: 1, alpha: 8, dropout: 0, rankStabilized: false, targets };
    await writePeftFolder(folder, { method: 'lora', options, tensors, head: {} }, base);
    const { variant, start } = await openStartingAdapter(folder, base, methods);
    expect(variant.name).toMatch(/^lora~from=[0-9a-f]{8}$/);
    expect(variant.label).toMatch(/^LoRA from [0-9a-f]{8}$/);
    expect(Object.keys(start.adapter.tensors)).toHaveLength(2 * targets.length);
  });

  it('leave the identity of older runs as it is', async () => {
    const methods = await loadMethods();
    const { parts, name } = parseVariant('lora~rank-stabilized=true~targets=query', methods);
    expect(name).toBe('lora~rankStabilized=true~targets=query');
    expect(parts[0]!.options).toEqual({
      rank: 8,
      alpha: 8,
      dropout: 0,
      rankStabilized: true,
      targets: ['query'],
    });
    expect(parseVariant('dora', methods).parts[0]!.options).toEqual({
      rank: 8,
      alpha: 8,
      dropout: 0,
      targets: ['query', 'value', 'queryKeyValue'],
    });
  });

  it.each([
    [
      { targets: ['q_prj'] },
      'has no linear module "q_prj"; roles: query, key, value, attentionOutput, mlpUp',
    ],
    [{ layers: [7] }, 'has no layer 7; they count from 0'],
    [{ targets: ['mlpGate'], layers: [] }, 'has no linear module of role mlpGate in layers '],
    [{ ranks: ['mlpUp:4'] }, '"mlpUp:4" names none of the modules that are adapted'],
    [{ ranks: ['query:1.5'] }, '1.5, which is no whole number'],
    [{ alphas: ['query:0'] }, '"query:0" gives no number above 0'],
  ])('%j: it says what is wrong', async (options, message) => {
    const base = await tinyBase('llama');
    expect(() => attachMethod(base, 'lora', options)).toThrow(message);
  });
});
