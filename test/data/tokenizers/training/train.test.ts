// Tests of training tokenizers; where DELTABENCH_PYTHON names a Python with transformers and tokenizers, the
// written files are compared with them.
import { execa } from 'execa';
import fc from 'fast-check';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../../harness/support/errors.ts';
import { trainTokenizer } from '../../../../harness/data/tokenizers/training/train.ts';
import { trainUnigram } from '../../../../harness/data/tokenizers/training/unigram.ts';
import { loadTokenizer, type Tokenizer } from '../../../../harness/data/tokenizers/tokenizer.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

const python = process.env.DELTABENCH_PYTHON;

const license = await readFile(join(import.meta.dirname, '../../../../LICENSE'), 'utf8');
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

const families = ['gpt2', 'roberta', 'llama', 'bert', 't5'];

describe.each(families)("%s's tokenizer", (family) => {
  it('has the size asked for, and the same texts give the same files', async () => {
    const files = trainTokenizer(family, texts, 700);
    expect(JSON.stringify(trainTokenizer(family, texts, 700))).toBe(JSON.stringify(files));
    const tokenizer = await loadTokenizer(await write(files));
    expect(tokenizer.vocabSize).toBe(700);
    // Frequent words have become single tokens.
    const words = ' the license and the work';
    expect(tokenizer.encode(words).length).toBeLessThan(words.length / 3);
  });

  it('refuses sizes that its text cannot give', () => {
    expect(() => trainTokenizer(family, texts, 60)).toThrow(UsageError);
    expect(() => trainTokenizer(family, ['too little text'], 600)).toThrow(
      /too small for a vocabulary of 600/,
    );
  });
});

it.skipIf(!python)('transformers reads the same ids, and tokenizers trains the same merges', async () => {
  const trainedFiles = families.map((family) => trainTokenizer(family, texts, 700));
  const folders = await Promise.all(trainedFiles.map(write));
  const places = [join(folders[0]!, 'texts.json'), join(folders[0]!, 'samples.json')];
  await writeFile(places[0]!, JSON.stringify(texts));
  await writeFile(places[1]!, JSON.stringify(samples));
  const args = [join(import.meta.dirname, 'compare.py'), ...places, ...folders];
  const { stdout } = await execa(python!, args, { env: { HF_HUB_OFFLINE: '1' } });
  const theirs = JSON.parse(stdout) as { merges: string[] | null; ids: number[][] }[];
  for (const [i, family] of families.entries()) {
    const tokenizer = await loadTokenizer(folders[i]!);
    for (const [j, text] of samples.entries()) {
      // The segmentations "y yy" and "yy y" are equally likely, and the libraries choose different ones.
      if (family === 't5' && /(\S)\1\1/u.test(text)) continue;
      const ids = tokenizer.encode(text, { specialTokens: true });
      expect(theirs[i]!.ids[j], `${family}: ${text}`).toEqual(ids);
    }
    const { type, merges } = modelOf(trainedFiles[i]!);
    if (type === 'BPE') expect(theirs[i]!.merges, family).toEqual(merges);
  }
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

it("bert's pieces are lowercase, inner ones begin with ##, and give the text back", async () => {
  const tokenizer = await trained('bert', 600);
  expect(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((token) => tokenizer.tokenId(token))).toEqual([
    0, 1, 2, 3, 4,
  ]);
  const ids = tokenizer.encode('The Licénsor shall grant', { specialTokens: true });
  expect([ids.at(0), ids.at(-1)]).toEqual([2, 3]);
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('the licensor shall grant');
  expect(tokenizer.tokenId('##e')).toBeGreaterThan(4);
  expect(tokenizer.encode('ж')).toEqual([1]);
});

it("t5's pieces give the words back, and its <extra_id_…> come last", async () => {
  const tokenizer = await trained('t5', 600);
  expect(
    ['<pad>', '</s>', '<unk>', '<extra_id_0>', '<extra_id_99>'].map((token) => tokenizer.tokenId(token)),
  ).toEqual([0, 1, 2, 599, 500]);
  const text = 'The Licensor shall <extra_id_0> grant 5 words, unseen.';
  const ids = tokenizer.encode(text, { specialTokens: true });
  expect(ids.at(-1)).toBe(1);
  expect(ids).toContain(599);
  expect(tokenizer.decode(tokenizer.encode('The Licensor shall grant'))).toBe('The Licensor shall grant');
});

it("a unigram model's probabilities sum to at most one, and favour what helps the text", () => {
  const words = new Map([
    ['▁dog', 60],
    ['▁dogs', 30],
    ['▁cat', 50],
    ['▁cats', 40],
    ['▁s', 1],
  ]);
  const alphabet = ['a', 'c', 'd', 'g', 'o', 's', 't', '▁'];
  const pieces = trainUnigram(words, alphabet, 11);
  // Three pieces fit beside the characters: both stems and the more frequent plural.
  const longer = pieces.map(([piece]) => piece).filter((piece) => !alphabet.includes(piece));
  expect(longer.sort()).toEqual(['▁cat', '▁cats', '▁dog']);
  expect(pieces).toHaveLength(11);
  const sum = pieces.reduce((total, [, score]) => total + Math.exp(score), 0);
  // The prior and the pieces dropped last take the rest of the probability.
  expect(sum).toBeGreaterThan(0.8);
  expect(sum).toBeLessThan(1);
});

it('refuses a family without a trainer', () => {
  expect(() => trainTokenizer('opt', texts, 600)).toThrow(/No tokenizer is trained for "opt"/);
});
