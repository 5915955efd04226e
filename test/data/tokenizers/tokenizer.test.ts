// Tests of loading and using tokenizers. Golden ids are those of Python's tokenizers 0.23.3 and, for Llama 2,
// of sentencepiece 0.2.3.
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { loadTokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** [text, ids, ids with special tokens of the template, the latter decoded without special tokens] */
type Golden = [string, number[], number[], string];
const here = join(import.meta.dirname, 'files');
const golden = JSON.parse(await readFile(join(here, 'golden.json'), 'utf8')) as Record<string, Golden[]>;
const tiny = JSON.parse(await readFile(join(here, 'tiny.json'), 'utf8')) as {
  model: { vocab: Record<string, number>; merges: [string, string][] };
};
const data = process.env.DELTABENCH_DATA;

async function expectGolden(folder: string, rows: Golden[]): Promise<void> {
  const tokenizer = await loadTokenizer(folder);
  for (const [text, ids, withTemplate, decoded] of rows) {
    expect.soft(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
    expect.soft(tokenizer.encode(text, { specialTokens: true }), JSON.stringify(text)).toEqual(withTemplate);
    expect.soft(tokenizer.decode(withTemplate, { skipSpecialTokens: true })).toBe(decoded);
  }
}

async function tinyFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await copyFile(join(here, 'tiny.json'), join(folder, 'tokenizer.json'));
  return folder;
}

describe('equals the reference', () => {
  test('from tokenizer.json', async () => {
    await expectGolden(await tinyFolder(), golden.tiny!);
  });

  test('from vocab.json and merges.txt', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'vocab.json'), JSON.stringify(tiny.model.vocab));
    const merges = tiny.model.merges.map((pair) => pair.join(' '));
    await writeFile(join(folder, 'merges.txt'), ['#version: 0.2', ...merges, ''].join('\n'));
    await expectGolden(folder, golden.tiny!);
  });

  test("with Llama 3's split into words", async () => {
    const folder = await temporaryFolder();
    await copyFile(join(here, 'llama3.json'), join(folder, 'tokenizer.json'));
    await expectGolden(folder, golden.llama3!);
  });

  test("with SmolLM2's split into words", async () => {
    const folder = await temporaryFolder();
    const json = JSON.parse(await readFile(join(here, 'tiny.json'), 'utf8')) as { pre_tokenizer: unknown };
    const digits = { type: 'Digits', individual_digits: true };
    json.pre_tokenizer = { type: 'Sequence', pretokenizers: [digits, json.pre_tokenizer] };
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
    await expectGolden(folder, golden.digits!);
  });

  for (const name of ['gpt2', 'roberta', 'llama2']) {
    test.skipIf(!data)(`${name}'s own vocabulary (needs DELTABENCH_DATA)`, async () => {
      await expectGolden(join(data!, 'tokenizers', name), golden[name]!);
    });
  }
});

test.skipIf(!data)(
  "GPT-2's and RoBERTa's special tokens are known without a configuration (needs DELTABENCH_DATA)",
  async () => {
    const gpt2 = await loadTokenizer(join(data!, 'tokenizers', 'gpt2'));
    expect(gpt2).toMatchObject({ vocabSize: 50_257, eosId: 50_256, bosId: 50_256 });
    expect(gpt2.padId).toBeUndefined();
    const roberta = await loadTokenizer(join(data!, 'tokenizers', 'roberta'));
    expect(roberta).toMatchObject({ vocabSize: 50_265, eosId: 2, bosId: 0, padId: 1 });
    expect(roberta.tokenId('<mask>')).toBe(50_264);
  },
);

test('special tokens are those that the configuration names', async () => {
  const folder = await tinyFolder();
  await writeFile(join(folder, 'tokenizer_config.json'), '{"eos_token": {"content": "!"}, "pad_token": "#"}');
  await writeFile(join(folder, 'special_tokens_map.json'), '{"pad_token": "?", "bos_token": "$"}');
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer.eosId).toBe(tokenizer.tokenId('!'));
  // As in transformers, special_tokens_map.json overrides the other files.
  expect(tokenizer.padId).toBe(tokenizer.tokenId('?'));
  expect(tokenizer.bosId).toBe(tokenizer.tokenId('$'));
});

test('decoding keeps the text as it was, and passes over ids that no token has', async () => {
  const tokenizer = await loadTokenizer(await tinyFolder());
  const text = " Spaces before . and , don 't go\n";
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  expect(tokenizer.decode([])).toBe('');
  expect(tokenizer.decode([tokenizer.vocabSize, ...tokenizer.encode('a'), 1e9])).toBe('a');
  expect(tokenizer.decode([tokenizer.eosId!])).toBe('<|endoftext|>');
});

test('the hash tells tokenizers apart', async () => {
  const [a, b] = [await tinyFolder(), await tinyFolder()];
  expect((await loadTokenizer(a)).hash).toBe((await loadTokenizer(b)).hash);
  await writeFile(join(b, 'tokenizer_config.json'), '{"eos_token": "!"}');
  expect((await loadTokenizer(a)).hash).not.toBe((await loadTokenizer(b)).hash);
});

describe('refused with a clear line', () => {
  const refusals: [string, Record<string, string>, RegExp][] = [
    [
      'nothing there',
      { 'vocab.json': '{}' },
      new RegExp(
        'holds no tokenizer: looked for tokenizer\\.json, for vocab\\.json with merges\\.txt, ' +
          'for tokenizer\\.model, for spiece\\.model, for spm\\.model, ' +
          'for sentencepiece\\.bpe\\.model and for vocab\\.txt',
      ),
    ],
    ['not JSON', { 'tokenizer.json': '{"model"' }, /tokenizer\.json is not JSON/],
    ['not an object', { 'tokenizer.json': '[]' }, /tokenizer\.json is not a JSON object/],
    [
      'no tokenizer',
      { 'tokenizer.json': '{"model": {"type": "BPE"}}' },
      /tokenizer\.json is not a tokenizer that can be read/,
    ],
    [
      'ids that are no numbers',
      { 'vocab.json': '{"a": "x"}', 'merges.txt': '' },
      /vocab\.json: the id of "a" is "x"; ids are whole numbers from 0 to 3999999/,
    ],
  ];
  test.each(refusals)('%s', async (_, files, message) => {
    const folder = await temporaryFolder();
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    await expect(loadTokenizer(folder)).rejects.toThrow(UsageError);
    await expect(loadTokenizer(folder)).rejects.toThrow(message);
  });
});

describe('a chat template', () => {
  const template = [
    '{% for message in messages %}',
    "    {%- if loop.first and message['role'] != 'system' %}{{ bos_token }}{% endif -%}",
    "    {% if message.role == 'user' %}[{{ message.content | trim }}]{% elif message.role == 'assistant' %}",
    "    {{ message['content'] + eos_token }}",
    "    {% else %}{{ raise_exception('no system turns: ' ~ message.content) }}{% endif %}",
    '{% endfor %}',
    '{% if add_generation_prompt %}>{% endif %}',
  ].join('\n');
  async function withTemplate(config: object): Promise<Awaited<ReturnType<typeof loadTokenizer>>> {
    const folder = await tinyFolder();
    const tokens = { bos_token: '#', eos_token: { content: '!' } };
    await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify({ ...tokens, ...config }));
    return loadTokenizer(folder);
  }

  test("gives transformers' text", async () => {
    const tokenizer = await withTemplate({ chat_template: template });
    const turns = [
      { role: 'user', content: ' Hi ' },
      { role: 'assistant', content: 'yes' },
      { role: 'user', content: 'Why?' },
    ] as const;
    // The text is that of apply_chat_template in transformers 5.23.
    expect(tokenizer.chat(turns)).toBe('#[Hi]    yes!\n[Why?]>');
  });

  test('says why it does not serve', async () => {
    const refusing = await withTemplate({ chat_template: template });
    expect(() => refusing.chat([{ role: 'system', content: 'Be brief.' }])).toThrow(
      /chat template does not work: .*no system turns: Be brief\./,
    );
    const broken = await withTemplate({ chat_template: '{% if %}' });
    expect(() => broken.chat([])).toThrow(UsageError);
    const without = await withTemplate({});
    expect(() => without.chat([])).toThrow(/has no chat template/);
  });
});
