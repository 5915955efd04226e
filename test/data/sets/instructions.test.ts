// Tests of the sets of instructions: files of a folder and the hub, damaged ones, and the built-in grammars.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { loadInstructions } from '../../../harness/data/sets/instructions/load.ts';
import type { InstructionSet, InstructionSetName } from '../../../harness/data/sets/instructions/rows.ts';
import { builtinEveryday } from '../../../harness/data/sets/instructions/synthetic/everyday.ts';
import { builtinRequests } from '../../../harness/data/sets/instructions/synthetic/requests.ts';
import { builtinWordProblems } from '../../../harness/data/sets/instructions/synthetic/word-problems.ts';
import { UsageError } from '../../../harness/support/errors.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { startHub } from '../hub/hub-server.ts';

async function load(
  name: InstructionSetName,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<InstructionSet> {
  const path = await temporaryFolder();
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), content);
  }
  return loadInstructions(name, { kind: 'folder', path });
}

const row = { instruction: 'Name a bird.', input: '', output: 'An owl.' };
const list = JSON.stringify([
  { ...row, answer: 'unused' },
  { ...row, input: 'of the night' },
]);

describe('files', () => {
  test.each<[InstructionSetName, string]>([
    ['math', 'ft-training_set/math_10k.json'],
    ['math', 'math_10k/train.json'],
    ['math', 'math_10k.json'],
    ['commonsense', 'commonsense_170k.json'],
    ['alpaca', 'alpaca_data_cleaned/train.json'],
    ['alpaca', 'alpaca_data.json'],
    ['ultrafeedback', 'ultrafeedback/train.json'],
  ])('%s from %s, plain and packed, to learn from alone', async (name, file) => {
    const plain = await load(name, { [file]: list });
    expect(plain).toMatchObject({ form: 'folder', validation: [], test: [] });
    expect(plain.train).toEqual([row, { ...row, input: 'of the night' }]);
    const packed = await load(name, { [`${file}.gz`]: gzipSync(list) });
    expect(packed.train).toEqual(plain.train);
  });

  test("an object a line, as pyreft's ultrafeedback_1k.json has it; input may be missing", async () => {
    const lines =
      '{"instruction":"Go.","output":"Yes."}\n{"instruction":"Stop.","input":"","output":"No."}\n';
    const { train } = await load('ultrafeedback', { 'ultrafeedback_1k/ultrafeedback_1k.json': lines });
    expect(train).toEqual([
      { instruction: 'Go.', input: '', output: 'Yes.' },
      { instruction: 'Stop.', input: '', output: 'No.' },
    ]);
  });

  test("UltraFeedback's binarized rows: the question, and the answer of the chosen conversation", async () => {
    const turns = (answer: string) => [
      { role: 'user', content: 'Go.' },
      { role: 'assistant', content: answer },
    ];
    const binarized = { prompt: 'Go.', chosen: turns('Yes.'), rejected: turns('No.') };
    const { train } = await load('ultrafeedback', {
      'ultrafeedback_binarized/train_sft.jsonl': JSON.stringify(binarized),
    });
    expect(train).toEqual([{ instruction: 'Go.', input: '', output: 'Yes.' }]);
  });

  test.each<[string, Readonly<Record<string, string | Buffer>>, RegExp]>([
    ['missing', {}, /holds none of ft-training_set\/math_10k\.json, .* Get them from github/],
    ['empty', { 'math_10k.json': '[]' }, /holds no rows/],
    ['cut short', { 'math_10k.json': list.slice(0, -9) }, /is not JSON/],
    ['cut short within a line', { 'math_10k.json': '{"instruction":"Go.","output' }, /line 1 is not JSON/],
    ['no list', { 'math_10k.json': '"rows"' }, /holds no list of rows/],
    ['a broken archive', { 'math_10k.json.gz': gzipSync(list).subarray(0, 40) }, /is not a sound gzip file/],
    ['no answer', { 'math_10k.json': '[{"instruction":"Go."}]' }, /math_10k\.json, row 1: output/],
    ['a number', { 'math_10k.json': '[{"instruction":4,"output":"Yes."}]' }, /row 1: instruction/],
    ['an empty answer', { 'math_10k.json': '[{"instruction":"Go.","output":""}]' }, /row 1: output/],
    ['no object', { 'math_10k.json': '[3]' }, /row 1/],
  ])('%s: what is wrong is said', async (_, files, message) => {
    const loading = load('math', files);
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow(message);
  });

  test.each<[InstructionSetName, string, string, string, InstructionSet['train']]>([
    [
      'ultrafeedback',
      'HuggingFaceH4/ultrafeedback_binarized',
      'data/train_sft-00000-of-00001.parquet',
      'binarized',
      [
        { instruction: 'Name a bird.', input: '', output: 'An owl.' },
        { instruction: 'Say „ö“.', input: '', output: 'ö\n' },
      ],
    ],
    [
      'alpaca',
      'tatsu-lab/alpaca',
      'data/train-00000-of-00001-a09b74b3ef9c3b56.parquet',
      'alpaca',
      [
        { instruction: 'Name a bird.', input: '', output: 'An owl.' },
        { instruction: 'Sum up.', input: 'A text.', output: 'Text.' },
      ],
    ],
  ])(
    "%s from the hub's parquet, and from a copy of the hub's folder",
    async (name, repo, path, file, rows) => {
      const bytes = await readFile(new URL(`instructions/${file}.parquet`, import.meta.url));
      // Other splits of the set, which are not read.
      const others = { 'data/test_sft-00000-of-00001.parquet': bytes, 'data/train_prefs-0.parquet': bytes };
      const revisions = { main: { [path]: bytes, ...others } };
      const hub = await startHub({ type: 'dataset', name: repo, revisions });
      vi.stubEnv('HF_ENDPOINT', hub.url);
      vi.stubEnv('HF_HOME', await temporaryFolder());
      onTestFinished(() => void vi.unstubAllEnvs());
      const fetched = await loadInstructions(name, { kind: 'hub' });
      expect(fetched).toMatchObject({ form: 'hub', train: rows, validation: [], test: [] });
      const copied = await load(name, { [`${repo.split('/')[1]}/${path}`]: bytes });
      expect(copied).toMatchObject({ form: 'folder', train: rows });
      expect(copied.hash).toBe(fetched.hash);
    },
  );

  test('what the hub does not have is said with the place that has it', async () => {
    await expect(loadInstructions('commonsense', { kind: 'hub' })).rejects.toThrow(
      /hub does not have the data of commonsense\. Get them from github\.com\/AGI-Edgerunners/,
    );
  });
});

/** The keys of splits, each of which may occur once. */
const expectDistinct = (keys: readonly string[]): void => {
  expect(new Set(keys).size).toBe(keys.length);
};

describe('built-in grammars', () => {
  test('word problems: the answer follows from the numbers of the story', () => {
    const { train, validation, test } = builtinWordProblems();
    const all = [...train, ...validation, ...test];
    expectDistinct(all.map(({ question }) => question));
    for (const { set, question, solution, answer } of all) {
      const [a, b, c] = question.match(/\d+/g)!.map(Number) as [number, number, number?];
      const [, asked] = /How many (\w+)/.exec(question)!;
      const own = Number(new RegExp(`(\\d+) ${asked}`).exec(question)![1]);
      const expected = { gain: a + b, loss: a - b, 'two-steps': a + b - c!, distractor: own }[set];
      expect(answer, question).toBe(expected);
      expect(answer).toBeGreaterThan(0);
      expect(solution).toMatch(new RegExp(`The answer is ${answer}\\.$`));
      for (const [, x, sign, y, z] of solution.matchAll(/(\d)([+-])(\d)=(\d)/g))
        expect(sign === '+' ? Number(x) + Number(y) : Number(x) - Number(y)).toBe(Number(z));
    }
  });

  test('everyday questions: one right answer among four, named in its sentence', () => {
    const { train, validation, test } = builtinEveryday();
    const all = [...train, ...validation, ...test];
    expectDistinct(all.map(({ instruction }) => instruction));
    const answers = new Map<string, number>();
    for (const { set, instruction, sentences, gold } of all) {
      expect(sentences).toHaveLength(4);
      sentences.forEach((sentence, i) => {
        const [, noun, answer, name] = /^An? (\w+) is (.*): the correct answer is (answer\d)$/.exec(
          sentence,
        )!;
        expect(name).toBe(`answer${i + 1}`);
        expect(instruction).toContain(`${name}: ${answer}`);
        expect(instruction).toContain(noun);
      });
      // All questions of a set about one noun have one answer.
      const noun = `${set} ${sentences[0]!.split(' is ')[0]}`;
      expect(answers.get(noun) ?? gold).toBe(gold);
      answers.set(noun, gold);
    }
    // No place is right more often than chance would have it.
    for (const place of [0, 1, 2, 3]) {
      const share = all.filter(({ gold }) => gold === place).length / all.length;
      expect(Math.abs(share - 0.25)).toBeLessThan(0.03);
    }
  });

  test('requests: no split shares one, and answers are made of words that were given', () => {
    const { train, validation, test } = builtinRequests();
    const all = [...train, ...validation, ...test];
    expectDistinct(all.map(({ instruction, input }) => `${instruction}\n${input}`));
    for (const { instruction, input, output } of all) {
      const given = `${instruction} ${input} it is`.toLowerCase();
      for (const word of output.toLowerCase().match(/\w+/g)!) expect(given).toContain(word);
    }
  });

  test.each<[InstructionSetName, number]>([
    ['math', 1600],
    ['commonsense', 1600],
    ['alpaca', 1600],
    ['ultrafeedback', 1600],
  ])('%s has its size, and the same content on every call', async (name, count) => {
    const first = await loadInstructions(name, { kind: 'built-in' });
    expect(first.train).toHaveLength(count);
    expect(await loadInstructions(name, { kind: 'built-in' })).toEqual(first);
  });
});
