// Tests of clean_up_tokenization_spaces against transformers' decode and the released E2E references.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { cleanUpSpaces } from '../../../harness/data/tokenizers/clean-up-spaces.ts';
import task from '../../../tasks/e2e.ts';

test("the space before punctuation and in contractions goes, as transformers' decode has it", () => {
  expect(cleanUpSpaces("It 's near the Café , is n't it ? I 'm sure . We 've 'left ' they 're")).toBe(
    "It's near the Café, isn't it? I'm sure. We've 'left'they're",
  );
  expect(cleanUpSpaces('nothing, to do.')).toBe('nothing, to do.');
});

test("E2E's references change on the code's side alone", () => {
  const item = { id: '0', input: 'name : Inn', references: ['Inn , a pub .', 'A pub.'] };
  const splits = {
    source: { name: 'e2e', form: 'made', hash: 'x' },
    train: [],
    validation: [],
    test: [item],
  };
  const drawn = (side: string) => task.draw!(splits, { family: 'gpt2', side: () => side });
  expect(drawn('code').test).toEqual([{ ...item, references: ['Inn, a pub.', 'A pub.'] }]);
  for (const side of ['paper', 'corrected']) expect(drawn(side)).toBe(splits);
});

const official = join(process.env.DELTABENCH_DATA ?? '', 'e2e', 'original', 'testset_w_refs.csv');

test.skipIf(!existsSync(official))('52 of the 4,693 official references, as in the released file', () => {
  const rows = parse<{ ref: string }>(readFileSync(official, 'utf8'), { columns: true, bom: true });
  const changed = rows.filter(({ ref }) => cleanUpSpaces(ref) !== ref);
  expect([rows.length, changed.length]).toEqual([4693, 52]);
});
