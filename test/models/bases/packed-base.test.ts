// Bases of four bits against bitsandbytes 0.50.2 and transformers 5.24 (test/golden/four-bit/make.py), and the cache.
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import type { StoredArray } from '../../../harness/engine/types.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { baseWeightsText, parseBaseWeights } from '../../../harness/models/bases/base-weights.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { frozenArray } from '../../../harness/models/delta/trained-tensors.ts';
import dora from '../../../methods/dora.ts';
import lora from '../../../methods/lora.ts';
import { openSafetensors, writeSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import { cacheFolder } from '../../../harness/support/cache-folder.ts';
import { damagedBytes, readDamaged } from '../../fuzz.ts';
import { takeSteps } from '../../parity/adamw.ts';
import { computeDecoder, type Arrays, type Batch } from '../../parity/decoder.ts';
import { useTemporaryCache } from '../../support/temporary.ts';

const golden = join(import.meta.dirname, '../../golden/four-bit');
const parity = join(import.meta.dirname, '../../golden/parity');
const readGolden = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(join(golden, name), 'utf8')) as T;
const sha = (data: ArrayBufferView): string =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');

interface Run {
  readonly batch: Batch;
  readonly losses: readonly number[];
  readonly lr: number;
  readonly weight_decay: number;
}

useTemporaryCache();

const open = (folder: string, weights?: string): Promise<BaseModel> =>
  loadBase(folder, { ...(weights !== undefined && { baseWeights: parseBaseWeights(weights) }) });

describe('bases of four bits', () => {
  it('hold the codes and the numbers that transformers and bitsandbytes save', async () => {
    const hashes = await readGolden<Record<string, Record<string, string>>>('weights.json');
    const saved = await openSafetensors(join(golden, 'nf4/model.safetensors'));
    const made = await open(join(golden, 'base'), 'nf4');
    for (const [name, hash] of Object.entries(hashes.nf4!)) {
      expect(sha(await made.tensor(name)), name).toBe(hash);
      const { codes } = (await made.packed!(name))!.packed;
      const bytes = await saved.readBytes(name);
      const file = await readFile(codes.file);
      expect(file.subarray(codes.offset, codes.offset + bytes.length).equals(bytes), name).toBe(true);
    }
    for (const folder of ['nf4', 'nf4-double']) {
      const base = await open(join(golden, folder));
      expect(base.weights).toEqual({
        kind: 'nf4',
        blockSize: 64,
        doubleQuantization: folder === 'nf4-double',
      });
      for (const [name, hash] of Object.entries(hashes[folder]!))
        expect(sha(await base.tensor(name)), name).toBe(hash);
    }
  });

  it("keep GPT-2's weights as their transposes, as transformers does", async () => {
    const hashes = await readGolden<Record<string, string>>('gpt2.json');
    const base = await open(join(parity, 'gpt2-tiny'), 'nf4');
    for (const [name, hash] of Object.entries(hashes)) {
      const { codes, outputs, inputs } = (await base.packed!(name))!.packed;
      const file = await readFile(codes.file);
      expect(sha(file.subarray(codes.offset, codes.offset + (outputs * inputs) / 2)), name).toBe(hash);
    }
    expect(await base.packed!('transformer.wte.weight')).toBeUndefined();
  });

  for (const [run, folder, weights] of [
    ['lora-nf4', 'base', 'nf4'],
    ['lora-nf4', 'nf4', undefined],
    ['lora-fp4', 'base', 'fp4'],
    ['dora-nf4', 'base', 'nf4'],
    ['lora-nf4-double', 'nf4-double', undefined],
  ] as const) {
    it(`train ${run} from ${folder} as PyTorch and bitsandbytes do`, async () => {
      const { batch, losses, lr, weight_decay } = (await readGolden<Record<string, Run>>('training.json'))[
        run
      ]!;
      const tensors = await openSafetensors(join(golden, 'training.safetensors'));
      const base = await open(join(golden, folder), weights);
      const method = run.startsWith('dora') ? dora : lora;
      const delta = method.attach(
        base,
        method.options.parse({ rank: 4, alpha: 8, targets: ['query', 'value', 'mlpOutput'] }) as never,
      );
      const inPeft = (name: string): string => `base_model.model.${name}`;
      const state: Arrays = {};
      for (const name of Object.keys(delta.trained))
        state[name] = await tensors.read(`${run}.state.${inPeft(name)}`);
      const engine = await createEngine({ name: 'onnx', threads: 1 });
      const ours = await computeDecoder(engine, base, delta, state, batch);
      expect(ours.loss / losses[0]!).toBeCloseTo(1, 5.4);
      expect(ours.logits).toBeAllclose(await tensors.read(`${run}.logits`), { atol: 1e-5 });
      for (const [name, gradient] of Object.entries(ours.gradients)) {
        const expected = await tensors.read(`${run}.grad.${inPeft(name)}`);
        const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        expect(gradient, name).toBeAllclose(expected, { atol: 1e-5 * largest });
      }
      const lrs = Array.from({ length: losses.length - 1 }, () => lr);
      const steps = await takeSteps(engine, base, delta, state, batch, {
        lrs,
        losses: [],
        weight_decay,
        optimizer: 'adamw',
      } as never);
      expect(steps.losses).toBeAllclose([...losses], { rtol: 1e-5 });
    });
  }
});

describe('the cache of packed bases', () => {
  const name = 'model.layers.0.mlp.up_proj.weight';
  const head = 'lm_head.weight';
  const cached = async (base: BaseModel): Promise<string> => (await base.packed!(name))!.packed.codes.file;

  it('is made once, and made again where its file was changed', async () => {
    const file = await cached(await open(join(golden, 'base'), 'nf4~block=32'));
    const { mtimeMs } = await stat(file);
    expect(await cached(await open(join(golden, 'base'), 'nf4~block=32'))).toBe(file);
    expect((await stat(file)).mtimeMs).toBe(mtimeMs);
    const whole = await readFile(file);
    await truncate(file, whole.length - 1);
    expect(await cached(await open(join(golden, 'base'), 'nf4~block=32'))).toBe(file);
    expect((await readFile(file)).equals(whole)).toBe(true);
    expect((await readdir(join(cacheFolder(), 'bases'))).filter((each) => each.endsWith('.tmp'))).toEqual([]);
  });

  it('maps its other tensors, which were checked when it was made, and reads none of them', async () => {
    const base = await open(join(golden, 'base'), 'nf4');
    const frozen = await frozenArray({ ...base, tensor: () => Promise.reject(new Error('read')) }, head);
    const { location, shape } = frozen as StoredArray;
    const bytes = (await readFile(location.file)).subarray(location.offset);
    const numbers = new Float32Array(new Uint8Array(bytes).buffer).subarray(0, shape[0]! * shape[1]!);
    expect(numbers).toEqual(await (await open(join(golden, 'base'))).tensor(head));
    expect(await base.mapped!(name)).toBeUndefined();
  });

  it('has a file for each kind of weights, which stand for numbers near the base', async () => {
    const plain = await open(join(golden, 'base'));
    const files = new Set<string>();
    for (const [weights, atol] of [
      ['nf4', 0.12],
      ['nf4~double', 0.12],
      ['nf4~block=128', 0.12],
      ['bfloat16', 0.004],
      ['float16', 0.0005],
    ] as const) {
      const base = await open(join(golden, 'base'), weights);
      files.add(await cached(base));
      expect(await base.tensor(name)).toBeAllclose(await plain.tensor(name), { atol });
      expect(await base.tensor('lm_head.weight')).toEqual(await plain.tensor('lm_head.weight'));
      expect(await base.hash()).toBe(await plain.hash());
    }
    expect(files.size).toBe(5);
  });
});

describe('a checkpoint in half precision', () => {
  const weight = 'model.layers.1.mlp.down_proj.weight';

  /** The tiny base saved in another type; `change` may damage its numbers. */
  async function saved(dtype: 'BF16' | 'F16', change?: (values: Float32Array, name: string) => void) {
    const from = join(golden, 'base');
    const plain = await open(from);
    const folder = await mkdtemp(join(cacheFolder(), 'half-'));
    await cp(join(from, 'config.json'), join(folder, 'config.json'));
    const tensors: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
    for (const [name, shape] of Object.entries(plain.shapes)) {
      const data = await plain.tensor(name);
      change?.(data, name);
      tensors[name] = { shape, data };
    }
    await writeSafetensors(join(folder, 'model.safetensors'), tensors, {}, { dtype });
    return folder;
  }

  for (const [kind, dtype] of [
    ['bfloat16', 'BF16'],
    ['float16', 'F16'],
  ] as const) {
    it(`is mapped itself in ${kind}, and trains as its numbers in float32 do`, async () => {
      const folder = await saved(dtype);
      const files = await readdir(join(cacheFolder(), 'bases')).catch(() => []);
      const mapped = await open(folder, kind);
      const { codes } = (await mapped.packed!(weight))!.packed;
      expect(codes.file).toBe(join(folder, 'model.safetensors'));
      const { batch } = (await readGolden<Record<string, Run>>('training.json'))['lora-nf4']!;
      const engine = await createEngine({ name: 'onnx', threads: 1 });
      const computed = async (base: BaseModel) => {
        const delta = lora.attach(base, lora.options.parse({ rank: 4, dropout: 0 }));
        const state: Arrays = {};
        for (const [name, { shape }] of Object.entries(delta.trained))
          state[name] = randomStream(1, name).normal(shape[0]! * shape[1]!, 0, 0.1);
        return computeDecoder(engine, base, delta, state, batch);
      };
      const [ours, theirs] = [await computed(mapped), await computed(await open(folder))];
      expect(ours.loss).toBe(theirs.loss);
      expect(ours.logits).toEqual(theirs.logits);
      for (const [name, gradient] of Object.entries(theirs.gradients))
        expect(ours.gradients[name], name).toBeAllclose(gradient, { rtol: 1e-6, atol: 1e-8 });
      // Nothing was packed into the cache.
      expect(await readdir(join(cacheFolder(), 'bases')).catch(() => [])).toEqual(files);
    });
  }

  it('is packed where another half precision is asked for, and refused where it is not finite', async () => {
    const other = await open(await saved('F16'), 'bfloat16');
    expect((await other.packed!(weight))!.packed.codes.file).toContain(join(cacheFolder(), 'bases'));
    const damaged = await saved('BF16', (values, name) => {
      if (name === weight) values[5] = NaN;
    });
    await expect((await open(damaged, 'bfloat16')).packed!(weight)).rejects.toThrow(
      `are not finite: ${weight} holds NaN`,
    );
  });
});

describe('a checkpoint of four bits', () => {
  /** A copy of nf4-double, changed by `edit`. */
  async function damaged(
    edit: (header: Record<string, { data_offsets: [number, number] }>, data: Buffer) => void,
  ) {
    const folder = await mkdtemp(join(cacheFolder(), 'damaged-'));
    await cp(join(golden, 'nf4-double'), folder, { recursive: true });
    const path = join(folder, 'model.safetensors');
    const bytes = await readFile(path);
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Parameters<typeof edit>[0];
    const data = Buffer.from(bytes.subarray(8 + length));
    edit(header, data);
    const json = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(json.length));
    await writeFile(path, Buffer.concat([prefix, json, data]));
    return open(folder).then((base) => base.tensor(weight));
  }
  const weight = 'model.layers.1.self_attn.q_proj.weight';
  const state = `${weight}.quant_state.bitsandbytes__nf4`;

  it('is refused with the tensor that is wrong', async () => {
    const renamed = (part: string) =>
      damaged((header) => {
        header[`${part}.other`] = header[part]!;
        Reflect.deleteProperty(header, part);
      });
    await expect(renamed(`${weight}.absmax`)).rejects.toThrow(`${weight}.absmax is missing`);
    await expect(renamed(`${weight}.nested_absmax`)).rejects.toThrow(/q_proj.weight.absmax has 64 bytes/);
    await expect(renamed(state)).rejects.toThrow(/q_proj.weight/);
    const written = (text: string) =>
      damaged((header, data) => {
        const [begin, end] = header[state]!.data_offsets;
        data.fill(' ', begin, end);
        data.write(text, begin);
      });
    await expect(written('[')).rejects.toThrow(`${state} is not JSON`);
    await expect(written('{"quant_type":"nf4","blocksize":63,"shape":[64,64]}')).rejects.toThrow(/blocksize/);
    await expect(written('{"quant_type":"nf4","blocksize":64,"shape":[64,1000000]}')).rejects.toThrow(
      `${weight} has 2048 bytes, but a weight of [64, 1000000] needs 32000000`,
    );
    const table = damaged((header, data) => {
      data.writeFloatLE(0.5, header[`${weight}.quant_map`]!.data_offsets[0]);
    });
    await expect(table).rejects.toThrow(`${weight}.quant_map is not the table of nf4`);
  });

  it('stays as it is or becomes float32', async () => {
    await expect(open(join(golden, 'nf4'), 'fp4')).rejects.toThrow('is nf4 already');
    const whole = await open(join(golden, 'nf4'), 'float32');
    expect(whole.weights).toBeUndefined();
    expect(await whole.tensor(weight)).toEqual(await (await open(join(golden, 'nf4'))).tensor(weight));
  });

  it('reads damaged files or refuses them in one line', async () => {
    const bytes = await readFile(join(golden, 'nf4-double/model.safetensors'));
    await readDamaged(damagedBytes(bytes), async (changed) => {
      const folder = await mkdtemp(join(cacheFolder(), 'fuzz-'));
      await cp(join(golden, 'nf4-double/config.json'), join(folder, 'config.json'));
      await writeFile(join(folder, 'model.safetensors'), changed);
      await (await loadBase(folder, { baseWeights: null })).tensor(weight);
      await rm(folder, { recursive: true });
    });
  });
});

describe('--base-weights', () => {
  it('names a kind and its settings', () => {
    expect(parseBaseWeights('float32')).toBeNull();
    expect(parseBaseWeights('bfloat16')).toEqual({ kind: 'bfloat16' });
    expect(parseBaseWeights('fp4~block=128,double')).toEqual({
      kind: 'fp4',
      blockSize: 128,
      doubleQuantization: true,
    });
    for (const text of ['nf4', 'nf4~double', 'fp4~block=16', 'nf4~block=256,double', 'float16'])
      expect(baseWeightsText(parseBaseWeights(text) ?? undefined)).toBe(text);
    expect(() => parseBaseWeights('nf5')).toThrow(/there is no "nf5".*Did you mean "nf4"/);
    expect(() => parseBaseWeights('nf4~block=48')).toThrow(/"block=48" is no setting of nf4/);
    expect(() => parseBaseWeights('float16~double')).toThrow(/float16 has no settings/);
  });
});
