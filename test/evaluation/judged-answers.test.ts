// Evaluations whose answers are judged: their data, prompts, readings and files, on made-up rows.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AnswerEvaluation, EvaluationProtocol } from '../../harness/evaluation/evaluation.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { hubOf } from '../cases/hub.ts';
import { temporaryFolder } from '../support/temporary.ts';

const evaluations = await loadEvaluations();
const find = (name: string) => evaluations.get(name) as AnswerEvaluation;
const user = (content: string) => ({ role: 'user', content }) as const;

async function load(name: string, files: Readonly<Record<string, unknown>>) {
  const path = await temporaryFolder();
  for (const [file, rows] of Object.entries(files)) {
    await mkdir(join(path, file, '..'), { recursive: true });
    const lines = (rows as unknown[]).map((row) => JSON.stringify(row));
    await writeFile(join(path, file), file.endsWith('l') ? lines.join('\n') : `[${lines.join()}]`);
  }
  return find(name).load({ source: { kind: 'folder', path }, protocol: 'red', needsPool: false });
}

const instruction = { instruction: 'Name a river.', output: 'The Po.', generator: 'other', dataset: 'own' };

test.each(['alpaca_eval.json', 'alpaca_eval/alpaca_eval.json', 'eval.json'])(
  'AlpacaEval from %s',
  async (file) => {
    const { documents } = await load('alpaca-eval', { [file]: [instruction] });
    expect(documents).toEqual([
      { id: 0, category: 'own', turns: ['Name a river.'], reference: { model: 'other', turns: ['The Po.'] } },
    ]);
  },
);

const questions = [
  { question_id: 101, category: 'math', turns: ['1 + 1?', 'And 2 + 2?'] },
  { question_id: 81, category: 'writing', turns: ['A rhyme?', 'A longer one?'] },
];
const reference = { question_id: 101, answer_id: 'x', choices: [{ index: 0, turns: ['2', '4'] }] };

test.each(['mt_bench/reference_answer/gpt-4.jsonl', 'reference_gpt-4.jsonl'])(
  'MT-Bench with %s',
  async (file) => {
    const { documents } = await load('mt-bench', {
      'mt_bench/question.jsonl': questions,
      [file]: [reference],
    });
    expect(documents).toEqual([
      {
        id: 101,
        category: 'math',
        turns: questions[0]!.turns,
        reference: { model: 'gpt-4', turns: ['2', '4'] },
      },
      { id: 81, category: 'writing', turns: questions[1]!.turns },
    ]);
  },
);

test("MT-Bench's questions from the hub's Space are those of FastChat's folder", async () => {
  const file = questions.map((row) => JSON.stringify(row)).join('\n');
  const files = { 'data/mt_bench/question.jsonl': Buffer.from(file), 'app.py': Buffer.from('x') };
  const hub = await hubOf({ type: 'space', name: 'lmsys/mt-bench', revisions: { main: files } });
  const fetched = await find('mt-bench').load({ source: { kind: 'hub' }, protocol: 'red', needsPool: false });
  const { documents, hash } = await load('mt-bench', { 'mt_bench/question.jsonl': questions });
  expect(fetched).toMatchObject({ form: 'hub', documents, hash });
  expect(hub.downloads).toEqual(['data/mt_bench/question.jsonl whole']);
});

test('MT-Bench without its file says where it was looked for', async () => {
  await expect(load('mt-bench', {})).rejects.toThrow(/holds no question split of lm-sys\/mt_bench: .*hub/);
  await hubOf({ type: 'space', name: 'lmsys/mt-bench', revisions: { main: { 'app.py': Buffer.from('x') } } });
  const empty = find('mt-bench').load({ source: { kind: 'hub' }, protocol: 'red', needsPool: false });
  await expect(empty).rejects.toThrow("The hub's Space lmsys/mt-bench has no data/mt_bench/question.jsonl.");
});

test('a row of another form is refused by its place', async () => {
  await expect(load('mt-bench', { 'question.jsonl': [{ question_id: 'a' }] })).rejects.toThrow(/row 1: /);
  await expect(load('alpaca-eval', { 'eval.json': [{ instruction: 1 }] })).rejects.toThrow(/row 1: /);
});

test("RED's conversation has every turn, and Alpaca's prompt is pyreft's", () => {
  const turns = [user('1 + 1?'), { role: 'assistant', content: '2' } as const, user('2 + 2?')];
  const human = 'Human: 1 + 1?\n\nAssistant: 2\n\nHuman: 2 + 2?\n\nAssistant: ';
  expect(find('mt-bench').writing('red').prompt(turns)).toBe(human);
  expect(
    find('alpaca-eval')
      .writing('red')
      .prompt([user('Go.')]),
  ).toBe('Human: Go.\n\nAssistant: ');
  const alpaca = find('alpaca-eval')
    .writing('pyreft')
    .prompt([user('Go.')]);
  expect(alpaca).toMatch(/completes the request\.\n\n### Instruction:\nGo\.\n\n### Response:\n$/);
});

test.each<[EvaluationProtocol, string, string]>([
  ['red', 'Human: Go.\n\nAssistant:  Gone. Human: Go.\n\nAssistant: ', ' Gone. '],
  ['red', 'Human: Go.\n\nAssistant:', 'Human: Go.\n\nAssistant:'],
  ['pyreft', 'a\n### Response:\n \x1cGone. ### Response: ', 'Gone. ### Response: '],
  ['pyreft', 'a', ''],
])('the answer of %s in %j is %j', (protocol, whole, answer) => {
  const { read } = find('alpaca-eval').writing(protocol);
  expect(read({ whole, text: 'unused' }, 'Human: Go.\n\nAssistant: ')).toBe(answer);
});

test("an answer is drawn with its category's temperature", () => {
  const { temperature } = find('mt-bench').writing('red');
  const of = (category: string) => temperature({ id: 1, category, turns: [] });
  const names = [
    'writing',
    'roleplay',
    'extraction',
    'math',
    'coding',
    'reasoning',
    'stem',
    'humanities',
    'x',
  ];
  expect(names.map(of)).toEqual([0.7, 0.7, 0, 0, 0, 0, 0.1, 0.1, 0.7]);
});

test('answers are written as both programs read them', () => {
  const about = { model: 'tiny--red', ended: new Date(1500) };
  const document = { id: 81, category: 'own', turns: ['Name a river.', 'Another?'] };
  const fastChat = find('mt-bench').answersFile([{ document, turns: ['Po', 'Arno'] }], about);
  expect(fastChat.ending).toBe('jsonl');
  expect(JSON.parse(fastChat.text)).toEqual({
    question_id: 81,
    answer_id: expect.stringMatching(/^[0-9a-f]{22}$/) as string,
    model_id: 'tiny--red',
    choices: [{ index: 0, turns: ['Po', 'Arno'] }],
    tstamp: 1.5,
  });
  const alpaca = find('alpaca-eval').answersFile([{ document, turns: ['Po'] }], about);
  expect(alpaca.ending).toBe('json');
  expect(JSON.parse(alpaca.text)).toEqual([
    { instruction: 'Name a river.', output: 'Po', generator: 'tiny--red', dataset: 'own' },
  ]);
});
