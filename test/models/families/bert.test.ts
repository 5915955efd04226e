// Tests of BERT and RoBERTa: checkpoints in old layouts, refused configurations, token types and positions.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { describeArchitecture } from '../../../harness/models/families/registry.ts';
import { makeHead, readBy } from '../../../harness/models/delta/heads.ts';
import { changeTensors, type StoredTensors } from '../../support/change-tensors.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { computeEncoder } from '../../parity/encoder.ts';
import { writeTinyEncoder } from '../../tasks/tiny-encoder.ts';

describe("a BERT's folder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await temporaryFolder(), 'bert');
    await writeTinyEncoder(folder);
  });
  const setTensors = (change: (tensors: StoredTensors) => StoredTensors): Promise<void> =>
    changeTensors(join(folder, 'model.safetensors'), change);
  const norm = 'bert.encoder.layer.1.output.LayerNorm.weight';

  it('may leave the prefix out, use the old names of norms, and bring buffers and heads of other models', async () => {
    const before = await (await loadBase(folder)).tensor(norm);
    const one = { shape: [1], data: Float32Array.of(0) };
    await setTensors((tensors) => ({
      ...Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]) => [
          name
            .slice('bert.'.length)
            .replace('LayerNorm.weight', 'LayerNorm.gamma')
            .replace('LayerNorm.bias', 'LayerNorm.beta'),
          tensor,
        ]),
      ),
      'embeddings.position_ids': one,
      'cls.predictions.bias': one,
    }));
    const base = await loadBase(folder);
    expect(await base.tensor(norm)).toEqual(before);
    expect(base.shapes).not.toHaveProperty('cls.predictions.bias');
  });

  it('needs no pooler but for the head that reads it', async () => {
    const base = await loadBase(folder);
    await base.tensor(norm);
    const pooled = readBy(makeHead(base, 'huggingface', 2), base);
    expect(pooled.shapes['bert.pooler.dense.weight']).toEqual([16, 16]);
    await expect(pooled.tensor('bert.pooler.dense.weight')).rejects.toThrow(
      /has no bert\.pooler\.dense\.weight, which is needed here/,
    );
  });

  it('is refused with tensors missing or too many, all named', async () => {
    await setTensors(({ [norm]: moved, ...rest }) => ({ ...rest, 'bert.encoder.layer.2.x': moved! }));
    const read = loadBase(folder);
    await expect(read).rejects.toThrow(UsageError);
    await expect(read).rejects.toThrow(
      new RegExp(
        'lacks 1 of its tensors: bert\\.encoder\\.layer\\.1\\.output\\.LayerNorm\\.weight; ' +
          'it has 1 that config\\.json knows nothing of: bert\\.encoder\\.layer\\.2\\.x\\.',
      ),
    );
  });

  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'heads that do not divide its width',
      { num_attention_heads: 3 },
      /hidden_size 16 is no multiple of num_attention_heads 3/,
    ],
    ['an activation that is not built', { hidden_act: 'mish' }, /hidden_act: /],
    ['relative positions', { position_embedding_type: 'relative_key' }, /position_embedding_type: /],
    ['a decoder of it', { is_decoder: true }, /is_decoder: /],
    ['no width', { hidden_size: undefined }, /hidden_size: /],
  ])('is refused with %s', async (_, change, reason) => {
    const path = join(folder, 'config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...config, ...change }));
    await expect(loadBase(folder)).rejects.toThrow(UsageError);
    await expect(loadBase(folder)).rejects.toThrow(reason);
  });

  it('tells the parts of a pair apart', async () => {
    const base = await loadBase(folder);
    const head = makeHead(base, 'mean', 2, { dropout: 0 });
    const engine = await createEngine({ name: 'js' });
    const delta = { trained: {}, frozen: head.tensors };
    const answer = async (types: number[]): Promise<Float32Array> =>
      (
        await computeEncoder(
          { engine, base, delta, head },
          {},
          [{ ids: [2, 5, 3, 6, 3], types, label: 0 }],
          true,
        )
      ).answers;
    const one = await answer([0, 0, 0, 0, 0]);
    expect(await answer([0, 0, 0, 1, 1])).not.toBeAllclose(one, { atol: 1e-4 });
    expect(await answer([0, 0, 0, 0, 0])).toEqual(one);
  });
});

it("RoBERTa's positions begin behind the padding token's", () => {
  const config = {
    model_type: 'roberta',
    vocab_size: 9,
    hidden_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    intermediate_size: 4,
    max_position_embeddings: 20,
    type_vocab_size: 1,
    pad_token_id: 1,
  };
  expect(describeArchitecture(config, 'roberta').positions).toBe(18);
});
