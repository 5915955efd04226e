// Tests that config.json is bounded: a number of layers or another size that no model has, or a text without
// a position, is refused at once in one line with exit code 2. Sites and shapes are made for each layer.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { describeArchitecture } from '../../harness/models/families/registry.ts';
import { benchInside } from '../cli/inside.ts';
import { temporaryFolder } from '../support/temporary.ts';

const encoder = {
  vocab_size: 64,
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  max_position_embeddings: 32,
  type_vocab_size: 1,
};
const configs = {
  gpt2: { vocab_size: 64, n_positions: 32, n_embd: 16, n_layer: 1, n_head: 2, n_inner: 32 },
  llama: {
    vocab_size: 64,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    head_dim: 8,
    max_position_embeddings: 32,
  },
  bert: encoder,
  roberta: encoder,
  t5: {
    vocab_size: 64,
    d_model: 16,
    d_kv: 8,
    d_ff: 32,
    num_layers: 1,
    num_decoder_layers: 1,
    num_heads: 2,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
  },
};

describe.each(Object.entries(configs))('%s', (family, sizes) => {
  const describeWith = (change: object): unknown =>
    describeArchitecture({ model_type: family, ...sizes, ...change }, 'config.json');

  it('stands as it is', () => {
    expect(describeWith({})).toMatchObject({ family });
  });

  it.each(Object.keys(sizes))('%s is bounded', (field) => {
    for (const size of [2 ** 31, 1e15, 1e300, -1, 1.5, '8']) {
      expect(() => describeWith({ [field]: size }), String(size)).toThrow(UsageError);
      expect(() => describeWith({ [field]: size }), String(size)).toThrow(`cannot be used: ${field}: `);
    }
  });
});

const parity = join(import.meta.dirname, '../golden/parity');
const tiny = readdirSync(parity).filter((name) => existsSync(join(parity, name, 'config.json')));
it.each(tiny)('%s: a bad number is named, and nothing that follows from it', (name) => {
  const config = JSON.parse(readFileSync(join(parity, name, 'config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  for (const field of Object.keys(config).filter((key) => typeof config[key] === 'number')) {
    for (const bad of [0, -1, 2.5, 1e12]) {
      const message = messageOf(() => describeArchitecture({ ...config, [field]: bad }, 'config.json'));
      expect(message ?? '', `${field} ${bad}`).not.toMatch(/undefined|NaN|Infinity/);
    }
  }
});

it('heads of a wrong number are one problem', () => {
  const config = {
    model_type: 'llama',
    ...configs.llama,
    num_attention_heads: 0,
    num_key_value_heads: undefined,
  };
  expect(messageOf(() => describeArchitecture(config, 'config.json'))).toBe(
    'config.json cannot be used: num_attention_heads: must be a whole number from 1 to 10,000, not 0.',
  );
});

/** The message of the UsageError that a function throws; undefined where it throws none. */
function messageOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
}

it.each([
  [2, 1],
  [1, 1],
  [514, 513],
  [16, 1000],
])('RoBERTa with %i positions and pad_token_id %i has none for a token', (rows, pad) => {
  const config = {
    model_type: 'roberta',
    ...configs.roberta,
    max_position_embeddings: rows,
    pad_token_id: pad,
  };
  expect(() => describeArchitecture(config, 'config.json')).toThrow(
    `max_position_embeddings: ${rows} leaves no position for a token: pad_token_id ${pad} takes the first ${pad + 1}`,
  );
});

it.each(['layers', 'width', 'heads', 'vocab', 'positions'].map((key) => `random-gpt2~${key}=99999999999`))(
  '%s is refused',
  async (id) => {
    await expect(loadBase(id)).rejects.toThrow(/must be a whole number from 1 to [\d,]+, not 99999999999/);
  },
);

it('a tensor that no memory holds is not made', async () => {
  const base = await loadBase('random-gpt2~width=1000000,heads=1,vocab=100000000');
  await expect(base.tensor('transformer.wte.weight')).rejects.toThrow(
    /transformer\.wte\.weight would have 100,000,000,000,000 numbers, more than can be made/,
  );
});

it('a folder is refused by the command in one line, with exit code 2', async () => {
  const folder = await temporaryFolder();
  const config = { model_type: 'gpt2', ...configs.gpt2, n_layer: 2147483648 };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  const { exitCode, stderr } = await benchInside(folder)('params', '--model', folder, '--method', 'red');
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(
    /^error: .*config\.json cannot be used: n_layer: must be a whole number from 1 to 10,000, not 2147483648\.$/m,
  );
});
