import { execa } from 'execa';
import fc from 'fast-check';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../harness/data/errors.ts';
import { trainTokenizer } from '../../../harness/data/tokenizer-training/train.ts';
import { loadTokenizer, type Tokenizer } from '../../../harness/data/tokenizer.ts';
import { temporaryFolder } from '../temporary.ts';

// transformers and tokenizers, which the written files are compared with; their Python is named by DELTABENCH_PYTHON.
const python = process.env.DELTABENCH_PYTHON;

const license = await readFile(join(import.meta.dirname, '../../../LICENSE'), 'utf8');
const texts = [
  ...license.split('\n\n'),
  "The Blue Spice’s café is near  Burger King; it isn't cheap: £20-25.\n\tRated 3 of 5 in 2026 … naïve “quotes” 日本 😀",
];
const samples = [
  ...texts,
  'Unseen wörds, 1234 and <mask> <s> ½ Ⅷ\u00a0!',
  '',
  ' two  spaces ',
  'UPPER lower Éa',
];

interface Model {
  readonly type: string;
  readonly vocab: Record<string, number>;
  readonly merges: readonly string[];
}
const modelOf = (files: Record<string, unknown>): Model =>
  (files['tokenizer.json'] as { readonly model: Model }).model;

async function write(files: Record<string, unknown>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), JSON.stringify(content));
  }
  return folder;
}

const trained = async (family: string, size: number): Promise<Tokenizer> =>
  loadTokenizer(await write(trainTokenizer(family, texts, size)));

const families = ['gpt2', 'roberta', 'llama'];

describe.each(families)("%s's tokenizer", (family) => {
  it('has the size asked for, and the same texts give the same files', async () => {
    const files = trainTokenizer(family, texts, 700);
    expect(JSON.stringify(trainTokenizer(family, texts, 700))).toBe(JSON.stringify(files));
    const tokenizer = await loadTokenizer(await write(files));
    expect(tokenizer.vocabSize).toBe(700);
    // Frequent words became tokens.
    const words = ' the license and the work';
    expect(tokenizer.encode(words).length).toBeLessThan(words.length / 3);
  });

  it('refuses sizes that its text cannot give', () => {
    expect(() => trainTokenizer(family, texts, 200)).toThrow(UsageError);
    expect(() => trainTokenizer(family, ['too little text'], 600)).toThrow(
      /too small for a vocabulary of 600/,
    );
  });

  it.skipIf(!python)('gives the same ids in transformers, and the merges of tokenizers', async () => {
    const files = trainTokenizer(family, texts, 900);
    const folder = await write(files);
    const paths = [join(folder, 'texts.json'), join(folder, 'samples.json')];
    await writeFile(paths[0]!, JSON.stringify(texts));
    await writeFile(paths[1]!, JSON.stringify(samples));
    const script = join(import.meta.dirname, 'compare.py');
    const { stdout } = await execa(python!, [script, folder, ...paths], { env: { HF_HUB_OFFLINE: '1' } });
    const theirs = JSON.parse(stdout) as { merges: string[] | null; ids: number[][] };
    const tokenizer = await loadTokenizer(folder);
    expect(theirs.ids).toEqual(samples.map((text) => tokenizer.encode(text, { specialTokens: true })));
    if (theirs.merges) expect(modelOf(files).merges).toEqual(theirs.merges);
  });
});

it.each(['gpt2', 'roberta', 'llama'])("%s's byte pairs give every text back", async (family) => {
  const tokenizer = await trained(family, 600);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }),
  );
});

it('roberta has its special tokens where roberta-base has them', async () => {
  const tokenizer = await trained('roberta', 600);
  const ids = ['<s>', '<pad>', '</s>', '<unk>', '<mask>'].map((token) => tokenizer.tokenId(token));
  expect(ids).toEqual([0, 1, 2, 3, 599]);
  const the = tokenizer.encode('the');
  expect(tokenizer.encode('the <mask>', { specialTokens: true })).toEqual([0, ...the, 599, 2]);
});

it('llama writes every digit apart', async () => {
  const digits = (await trained('llama', 600)).encode('2004');
  expect(digits).toHaveLength(4);
});

it('refuses a family without a trainer', () => {
  expect(() => trainTokenizer('opt', texts, 600)).toThrow(/No tokenizer is trained for "opt"/);
});
