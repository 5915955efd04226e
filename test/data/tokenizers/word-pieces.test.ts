// Tests of BERT's vocab.txt without a tokenizer.json. Golden ids are those of transformers 5.24's AutoTokenizer.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const pieces = (
  '[PAD] [UNK] [CLS] [SEP] [MASK] the cat sat ##s un ##able é e , .'.split(' ') as readonly string[]
).concat('', '##ing');
const text = 'The cats sat, unable É.';

/** Loads a folder with this vocab.txt, BERT's config.json and, where given, a tokenizer_config.json. */
async function load(vocabulary: string, settings?: object, config: object = { model_type: 'bert' }) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'vocab.txt'), vocabulary);
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  if (settings) await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(settings));
  return loadTokenizer(folder);
}

test.each([
  ['as it is', pieces.join('\n'), undefined],
  ['with the class named', pieces.join('\n'), { tokenizer_class: 'BertTokenizer' }],
  ['with a last line feed', `${pieces.join('\n')}\n`, undefined],
  ['with lines of Windows', `${pieces.join('\r\n')}\r\n`, undefined],
  ['with white space behind its lines', pieces.join(' \t\n'), undefined],
])('lower-cases and splits as BERT does, %s', async (_, vocabulary, settings) => {
  const tokenizer = await load(vocabulary, settings);
  const ids = [2, 5, 6, 8, 7, 13, 9, 10, 12, 14, 3];
  expect(tokenizer.encode(text, { specialTokens: true })).toEqual(ids);
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('the cats sat, unable e.');
  expect(tokenizer.vocabSize).toBe(17);
  expect(tokenizer.padId).toBe(0);
});

test('settings beside it count', async () => {
  const tokenizer = await load(pieces.join('\n'), { do_lower_case: false });
  expect(tokenizer.encode(text, { specialTokens: true })).toEqual([2, 1, 6, 8, 7, 13, 9, 10, 1, 14, 3]);
});

test('a special token that it lacks gets an id of its own behind the others', async () => {
  const tokenizer = await load(pieces.filter((piece) => piece !== '[MASK]').join('\n'));
  expect(tokenizer.tokenId('[MASK]')).toBe(16);
  expect(tokenizer.encode('the cat')).toEqual([4, 5]);
});

test('of equal lines the last one counts', async () => {
  const tokenizer = await load([...pieces, 'cat'].join('\n'));
  expect(tokenizer.encode('the cat')).toEqual([5, 17]);
});

test('another class than BERT’s is refused with the way out', async () => {
  for (const config of [{ model_type: 'roberta' }, { model_type: 'gpt2' }, {}]) {
    await expect(load(pieces.join('\n'), undefined, config)).rejects.toThrow(
      /vocab\.txt holds word pieces, which BERT's tokenizers alone read, .* Save the tokenizer with transformers/,
    );
  }
});
