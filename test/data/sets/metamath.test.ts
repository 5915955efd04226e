// Answers as peft's method_comparison reads and compares them (golden: its own functions on made-up texts); data.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { isEqualAnswer, readAnswer } from '../../../harness/data/sets/metamath/answers.ts';
import { loadMetaMath } from '../../../harness/data/sets/metamath/load.ts';

const golden = z
  .object({
    answers: z.array(z.tuple([z.string(), z.string().nullable()])),
    values: z.array(z.string()),
    equal: z.array(z.string()),
  })
  .parse(JSON.parse(await readFile('test/golden/metamath/answers.json', 'utf8')));

test.each(golden.answers)('the answer of %j', (text, answer) => {
  expect(readAnswer(text) ?? null).toBe(answer);
});

test('answers are equal as there, for each pair of texts', () => {
  const { values, equal } = golden;
  const ours = values.map((own) =>
    values
      .map((right, i) =>
        equal[0]![i] === '?'
          ? '?'
          : isEqualAnswer(
                readAnswer(`The answer is: ${own}`),
                readAnswer(`The answer is: ${right}`) ?? '',
                false,
              )
            ? 1
            : 0,
      )
      .join(''),
  );
  expect(ours).toEqual(equal);
});

test('commas are read where they are asked for', () => {
  expect(isEqualAnswer('2125', '2,125', false)).toBe(false);
  expect(isEqualAnswer('2125', '2,125', true)).toBe(true);
});

test('long examples are left out; 50 questions of the training set validate, as numpy draws them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const questions = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) =>
      JSON.stringify({ question: `${name} ${i}?`, answer: `#### ${i}` }),
    ).join('\n');
  await mkdir(join(folder, 'gsm8k'));
  await writeFile(join(folder, 'gsm8k', 'train.jsonl'), questions('train', 7_473));
  await writeFile(join(folder, 'gsm8k', 'test.jsonl'), questions('test', 3));
  // Characters are code points: this one is two units in JavaScript.
  const rows = [1_298, 1_299].map((length) => ({
    query: '🙂'.repeat(length),
    response: 'a',
    type: 'made up',
  }));
  await writeFile(join(folder, 'MetaMathQA-395K.json'), JSON.stringify(rows));
  const { train, validation, test: tested } = await loadMetaMath({ kind: 'folder', path: folder });
  expect(train.map(({ query }) => Array.from(query).length)).toEqual([1_298]);
  expect(validation).toHaveLength(50);
  expect(validation.slice(0, 4).map(({ query }) => query)).toEqual(
    [6447, 6827, 39, 4229].map((i) => `train ${i}?`),
  );
  expect(tested.map(({ response }) => response)).toEqual(['#### 0', '#### 1', '#### 2']);
});
