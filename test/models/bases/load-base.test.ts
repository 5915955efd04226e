// Tests of loadBase: folders, refusals, random bases and counts of trained parameters on GPT-2.
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { countParameters } from '../../../harness/models/delta/count-parameters.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { changeTensors, type StoredTensors } from '../../support/change-tensors.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const tiny = join(import.meta.dirname, '../../golden/parity/gpt2-tiny');
describe('a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await temporaryFolder(), 'model');
    await mkdir(folder);
    for (const file of ['config.json', 'model.safetensors']) await cp(join(tiny, file), join(folder, file));
  });

  const setConfig = async (change: Readonly<Record<string, unknown>>): Promise<void> => {
    const path = join(folder, 'config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...config, ...change }));
  };
  const setTensors = (change: (tensors: StoredTensors) => StoredTensors): Promise<void> =>
    changeTensors(join(folder, 'model.safetensors'), change);
  const wte = 'transformer.wte.weight';
  const read = async (): Promise<Float32Array> => (await loadBase(folder)).tensor(wte);
  const refuses = async (what: Promise<unknown>, reason: RegExp): Promise<void> => {
    await expect(what).rejects.toThrow(UsageError);
    await expect(what).rejects.toThrow(reason);
  };

  it('is read as it stands', async () => {
    const base = await loadBase(folder);
    expect(base.family).toBe('gpt2');
    expect(base.shapes[wte]).toEqual([101, 32]);
    const values = await base.tensor(wte);
    expect(values).toHaveLength(101 * 32);
    // The engines map a float32 tensor by its offset in the file.
    const { file, offset } = base.location(wte)!;
    const bytes = (await readFile(file)).subarray(offset, offset + values.byteLength);
    expect(new Float32Array(new Uint8Array(bytes).buffer)).toEqual(values);
    expect(await base.hash()).toBe(await (await loadBase(tiny)).hash());
  });

  it('may leave the prefix out of its tensors’ names, as GPT-2 on the hub does', async () => {
    const values = await read();
    await setTensors((tensors) =>
      Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name.replace('transformer.', ''), t])),
    );
    expect(await read()).toEqual(values);
  });

  it('needs no checkpoint for its places and shapes', async () => {
    await rm(join(folder, 'model.safetensors'));
    const base = await loadBase(folder);
    expect(base.sites.filter(({ role }) => role === 'mlpOutput')).toHaveLength(2);
    await refuses(base.tensor(wte), /holds no checkpoint: looked for model\.safetensors/);
  });

  it('is refused without config.json', async () => {
    await rm(join(folder, 'config.json'));
    await refuses(read(), /is no model folder in Hugging Face layout: it has no config\.json/);
  });

  it('is refused with a config.json that is no JSON', async () => {
    await writeFile(join(folder, 'config.json'), '{"model_type": "gpt2",');
    await refuses(read(), /config\.json/);
  });

  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'another architecture',
      { model_type: 'bloom' },
      /config\.json is of architecture "bloom"; deltabench has .*gpt2/,
    ],
    ['no architecture', { model_type: undefined }, /names no model_type; it must be one of .*gpt2/],
    ['a width that its heads do not divide', { n_head: 5 }, /n_embd 32 is no multiple of n_head 5/],
    ['a size that is none', { n_layer: 0 }, /cannot be used: n_layer: /],
    ['an activation that is not built', { activation_function: 'relu' }, /activation_function: /],
    [
      'an output that is not there',
      { tie_word_embeddings: false },
      /lacks 1 of its tensors: lm_head\.weight/,
    ],
    [
      'more layers than any model has',
      { n_layer: 2147483648 },
      /n_layer: must be a whole number from 1 to 10,000, not 2147483648/,
    ],
    [
      'another scale of attention',
      { scale_attn_by_inverse_layer_idx: true },
      /scale_attn_by_inverse_layer_idx: /,
    ],
  ])('is refused with %s in config.json', async (_, change, reason) => {
    await setConfig(change);
    await refuses(read(), reason);
  });

  it('is refused with a tensor missing', async () => {
    await setTensors((tensors) =>
      Object.fromEntries(
        Object.entries(tensors).filter(([name]) => name !== 'transformer.h.1.mlp.c_fc.bias'),
      ),
    );
    await refuses(read(), /lacks 1 of its tensors: transformer\.h\.1\.mlp\.c_fc\.bias/);
  });

  it('is refused with a tensor too many, but for masks', async () => {
    const more = (name: string): Promise<void> =>
      setTensors((tensors) => ({ ...tensors, [name]: { shape: [1], data: Float32Array.of(0) } }));
    await more('transformer.h.0.attn.masked_bias');
    expect(await read()).toHaveLength(101 * 32);
    await more('transformer.h.2.mlp.c_fc.bias');
    await refuses(read(), /has 1 that config\.json knows nothing of: transformer\.h\.2\.mlp\.c_fc\.bias/);
  });

  it('is refused with a tensor of another shape', async () => {
    await setConfig({ n_positions: 63 });
    await refuses(
      read(),
      /gives transformer\.wpe\.weight the shape \[64, 32\], config\.json says \[63, 32\]/,
    );
  });

  it('is refused where the checkpoint is cut short', async () => {
    const path = join(folder, 'model.safetensors');
    const bytes = await readFile(path);
    for (const length of [0, 7, 100, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      await refuses(read(), /model\.safetensors/);
    }
  });

  it('is refused where the header lies about lengths', async () => {
    const path = join(folder, 'model.safetensors');
    const bytes = await readFile(path);
    bytes.writeBigUInt64LE(1n << 62n);
    await writeFile(path, bytes);
    await refuses(read(), /model\.safetensors/);
  });

  it('says that it has no tokenizer', async () => {
    await refuses((await loadBase(folder)).tokenizer(), /tokenizer\.json/);
  });
});

describe('a name', () => {
  it.each(['./no-such-folder', '/no/such/folder', 'a/b/c'])('%s is no folder', async (id) => {
    await expect(loadBase(id)).rejects.toThrow(`There is no model folder "${id}".`);
  });
});

describe('a random base', () => {
  const id = 'random-gpt2~layers=2,width=8,heads=2,vocab=11,positions=16';

  it('has the shape asked for and the same values each time', async () => {
    const [one, two] = [await loadBase(id), await loadBase(id)];
    expect(one.shapes['transformer.wte.weight']).toEqual([11, 8]);
    expect(one.shapes['transformer.wpe.weight']).toEqual([16, 8]);
    const name = 'transformer.h.1.attn.c_attn.weight';
    expect(await one.tensor(name)).toEqual(await two.tensor(name));
    expect(await one.hash()).toBe(await two.hash());
    const other = await loadBase(`${id},seed=1`);
    expect(await other.hash()).not.toBe(await one.hash());
    expect(await other.tensor(name)).not.toEqual(await one.tensor(name));
  });

  it('starts as Hugging Face starts GPT-2', async () => {
    const base = await loadBase('random-gpt2~layers=8,width=64,heads=4,vocab=500');
    const deviation = async (name: string): Promise<number> => {
      const values = await base.tensor(name);
      return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    };
    expect(await deviation('transformer.wte.weight')).toBeCloseTo(0.02, 3);
    expect(await deviation('transformer.h.0.mlp.c_fc.weight')).toBeCloseTo(0.02, 3);
    expect(await deviation('transformer.h.0.mlp.c_proj.weight')).toBeCloseTo(0.02 / 4, 3);
    expect(new Set(await base.tensor('transformer.h.0.ln_1.weight'))).toEqual(new Set([1]));
    expect(new Set(await base.tensor('transformer.h.0.ln_1.bias'))).toEqual(new Set([0]));
  });

  it.each([
    ['random-gpt2~depth=4', /has no setting "depth".* It has layers, width, heads, vocab, positions, seed/],
    ['random-gpt2~layer=4', /Did you mean "layers"\?/],
    ['random-gpt2~layers=four', /layers must be a whole number, not "four"/],
    ['random-gpt2~layers=', /layers must be a whole number, not ""/],
    ['random-gpt2~layers=0', /cannot be used: n_layer: /],
    ['random-gpt2~width=100,heads=3', /n_embd 100 is no multiple of n_head 3/],
    ['random-gpt3', /There is no random base "random-gpt3". Did you mean "random-gpt2"\?/],
  ])('%s is refused', async (name, reason) => {
    await expect(loadBase(name)).rejects.toThrow(UsageError);
    await expect(loadBase(name)).rejects.toThrow(reason);
  });

  it('takes its tokenizer from --tokenizer or the data folder', async () => {
    const tokenizer = async (options?: object): Promise<unknown> => (await loadBase(id, options)).tokenizer();
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    vi.stubEnv('HF_HOME', join(tmpdir(), 'deltabench-no-such-cache'));
    await expect(tokenizer()).rejects.toThrow(/give one with --tokenizer DIR, or set DELTABENCH_DATA/);
    vi.unstubAllEnvs();
    const empty = await temporaryFolder();
    await expect(tokenizer({ tokenizer: empty })).rejects.toThrow(UsageError);
    await expect(tokenizer({ data: empty })).rejects.toThrow(join(empty, 'tokenizers', 'gpt2'));
  });
});

describe('trained parameters', () => {
  const count = async (model: string, variant: string): Promise<number> => {
    const base = await loadBase(model);
    return countParameters(base, await attachMethods(parseVariant(variant, await loadMethods()), base))
      .trained;
  };

  // Hu et al. 2021 and Wu et al. 2024 print these rounded; the exact counts are peft's or follow from d and
  // L.
  it.each([
    ['gpt2-medium', 'red', 49_152],
    ['gpt2-medium', 'red~position=ffn+attn', 98_304],
    ['gpt2-medium', 'red~no-bias', 24_576],
    ['gpt2-medium', 'lora', 786_432],
    ['gpt2-medium', 'full', 354_823_168],
    ['gpt2-large', 'red', 92_160],
    ['gpt2-large', 'lora', 1_474_560],
    ['gpt2-large', 'full', 774_030_080],
  ])('%s under %s: %i', async (model, variant, expected) => {
    expect(await count(model, variant)).toBe(expected);
  });
});
