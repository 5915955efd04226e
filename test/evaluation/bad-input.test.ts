// What evaluations do with bad input: missing and malformed data, prompts that are too long, answers that cannot
// be read, models whose numbers are not finite.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeSafetensors, type StoredTensor } from '../../harness/data/formats/safetensors.ts';
import type { Evaluation, EvaluationProtocol } from '../../harness/evaluation/evaluation.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { evaluate } from '../../harness/runs/evaluate/evaluate.ts';
import { planEvaluations, type EvaluateRequest } from '../../harness/runs/evaluate/plan-evaluations.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { UsageError } from '../../harness/support/errors.ts';
import { writeTinyE2E } from '../cli/bench.ts';
import { temporaryFolder } from '../support/temporary.ts';

const all = await loadEvaluations();

/** Reads the data of an evaluation from a folder. */
function loadFrom(folder: string, { load, shots }: Evaluation): Promise<unknown> {
  const protocol = Object.keys(shots)[0] as EvaluationProtocol;
  return load({ source: { kind: 'folder', path: folder }, protocol, needsPool: true });
}

async function messageOf(loading: Promise<unknown>): Promise<string> {
  const error: unknown = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  return (error as UsageError).message;
}

test.each([...all.values()].filter(({ sources }) => sources.includes('folder')))(
  '$name: missing data are refused by where they were looked for and where they are',
  async (evaluation) => {
    const folder = await temporaryFolder();
    const message = await messageOf(loadFrom(folder, evaluation));
    expect(message).toContain(folder);
    expect(message).toMatch(/--data hub|--data built-in|Get (it|them) from |get github\.com/);
  },
);

test.each([
  ['mmlu-anatomy', 'test/anatomy_test.csv'],
  ['truthfulqa-mc1', 'TruthfulQA.csv'],
])('%s: where nothing is there, the official %s is named, too', async (name, file) => {
  expect(await messageOf(loadFrom(await temporaryFolder(), all.get(name)!))).toContain(
    `the official ${file}`,
  );
});

describe('a malformed row is refused by its file and number', () => {
  const arc = {
    question: 'Is soup wet?',
    choices: { text: ['yes', 'no'], label: ['A', 'B'] },
    answerKey: 'A',
  };
  const mc = { choices: ['Yes.', 'No.'], labels: [1, 0] };
  test.each([
    [
      'arc-easy',
      'ARC-Easy/test.jsonl',
      [arc, { ...arc, answerKey: 'E' }],
      /row 2.*the answer is "E"; expected A, B/,
    ],
    ['arc-easy', 'ARC-Easy/test.jsonl', [arc, { ...arc, choices: 'yes' }], /row 2.*choices/],
    [
      'winogrande',
      'validation.jsonl',
      [{ sentence: 'no gap', option1: 'a', option2: 'b', answer: '1' }],
      /row 1.*no gap/,
    ],
    [
      'truthfulqa-mc2',
      'validation.jsonl',
      [{ question: 'q', mc1_targets: mc, mc2_targets: { ...mc, labels: [0, 0] } }],
      /row 1.*none of the mc2 answers is true/,
    ],
    [
      'hellaswag',
      'validation.jsonl',
      [{ activity_label: 'a', ctx_a: 'b', ctx_b: 'c', endings: ['d', 'e'], label: '7' }],
      /row 1.*the answer is "7"/,
    ],
    ['gsm8k', 'test.jsonl', [{ question: 'How many?' }], /row 1.*answer/],
    ['commonsense-boolq', 'boolq/test.json', [{ instruction: 'Ask.', answer: 'true' }], /row 1.*output/],
    ['mmlu-anatomy', 'test/anatomy_test.csv', 'Which?,a,b,c\n', /row 1.*choices/],
    [
      'mmlu-anatomy',
      'test/anatomy_test.csv',
      'Which?,a,b,c,d,F\n',
      /row 1.*the answer is "F"; expected A, B, C, D/,
    ],
    ['truthfulqa-mc1', 'TruthfulQA.csv', 'Question,Best Answer\nq,a\n', /row 1.*Correct Answers/],
  ] as const)('%s, %s', async (name, file, rows, message) => {
    const folder = await temporaryFolder();
    const path = join(folder, file);
    await mkdir(dirname(path), { recursive: true });
    const lines = path.endsWith('.jsonl')
      ? (rows as readonly unknown[]).map((row) => JSON.stringify(row)).join('\n')
      : '';
    await writeFile(path, lines || (typeof rows === 'string' ? rows : JSON.stringify(rows)));
    const evaluation = all.get(name)!;
    const protocol = Object.keys(evaluation.shots)[0] as EvaluationProtocol;
    const source = { kind: 'folder', path: folder } as const;
    const told = await messageOf(evaluation.load({ source, protocol, needsPool: false }));
    expect(told.replaceAll('\n', ' ')).toMatch(message);
    expect(told).toContain(path);
  });
});

/** Evaluates and gives the records. */
async function recordsOf(request: Pick<EvaluateRequest, 'subjects' | 'tasks' | 'limit' | 'protocol'>) {
  const results = await temporaryFolder();
  const whole = { ...request, engine: 'onnx', threads: 1, results };
  const { signal } = new AbortController();
  const events = { onProgress: () => undefined, onEnd: () => undefined, onNote: () => undefined };
  const evaluated = await evaluate(await planEvaluations(whole), whole, {
    events,
    signal,
    retryFailed: true,
  });
  return { results, records: evaluated.map(({ record }) => record) };
}

async function tinySubject(positions: number) {
  const folder = await temporaryFolder();
  await writeTinyE2E(folder);
  const model = `random-gpt2~layers=1,width=16,heads=2,vocab=300,positions=${positions}`;
  return [{ model, tokenizer: join(folder, 'tokenizers', 'gpt2') }];
}

test('prompts that are longer than the window are cut on the left and counted', async () => {
  const tasks = ['everyday-choices', 'word-problems-gain'];
  const { records } = await recordsOf({ subjects: await tinySubject(96), tasks, limit: 3 });
  expect(records).toMatchObject([
    { status: 'finished', documents: { used: 3, cut: 3 } },
    { status: 'finished', documents: { used: 3, cut: 3 } },
  ]);
});

test('texts in which no answer can be read are wrong, and counted apart', async () => {
  const subjects = await tinySubject(512);
  const { records } = await recordsOf({ subjects, tasks: ['everyday-kinds'], limit: 2, protocol: 'pyreft' });
  expect(records).toMatchObject([
    { status: 'finished', documents: { used: 2, cut: 0, unread: 2 }, metrics: [{ value: 0 }] },
  ]);
});

test('a model whose numbers are not finite has failed records, by the document, and no scores', async () => {
  const folder = await temporaryFolder();
  const { architecture } = await loadBase('llama-mini', {});
  const { layers, width, heads, headWidth } = architecture;
  const tensors: Record<string, StoredTensor> = {};
  for (let layer = 0; layer < layers; layer++) {
    const name = `base_model.model.model.layers.${layer}.self_attn.q_proj.lora_`;
    const rows = heads * headWidth;
    tensors[`${name}A.weight`] = { shape: [1, width], data: new Float32Array(width).fill(1) };
    tensors[`${name}B.weight`] = { shape: [rows, 1], data: new Float32Array(rows).fill(NaN) };
  }
  await writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors, {});
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    r: 1,
    lora_alpha: 1,
    target_modules: ['q_proj'],
  };
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
  const subjects = [{ model: 'llama-mini', adapter: folder }];
  const { records, results } = await recordsOf({
    subjects,
    tasks: ['restaurants', 'word-problems-gain'],
    limit: 2,
  });
  expect(records.map(({ status, error, metrics, files }) => [status, error?.name, metrics, files])).toEqual([
    ['failed', 'NotFinite', [], {}],
    ['failed', 'NotFinite', [], {}],
  ]);
  expect(records[0]!.error!.message).toBe(
    'document 1: a log-likelihood is not finite; the weights or the adapter hold numbers that are not',
  );
  const files = await readdir(results, { recursive: true });
  expect(files.filter((name) => name.endsWith('.samples.jsonl'))).toEqual([]);
});
