// Tests of `bench eval`: benchmarks on made-up data, their records and tables.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { parseEvaluation, type EvaluationRecord } from '../../harness/records/evaluation-record.ts';
import { benchIn, untilStopped } from './bench.ts';
import { benchInside } from './inside.ts';

// The command runs on a built-in base and on built-in documents.
const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchIn(folder);
const inside = benchInside(folder);
const evaluate = (results: string, ...args: string[]) =>
  bench(
    'eval',
    '--tasks',
    'restaurants',
    '--model',
    'gpt2-mini',
    '--threads',
    '1',
    '--results',
    join(folder, results),
    ...args,
  );

async function recordIn(results: string): Promise<EvaluationRecord> {
  const place = join(folder, results, 'evaluations', 'gpt2-mini', 'none');
  const name = (await readdir(place)).find((file) => /~[0-9a-f]{8}\.json$/.test(file))!;
  const read = parseEvaluation(await readFile(join(place, name), 'utf8'));
  if ('reason' in read) throw new Error(read.reason);
  return read.record;
}

test('an evaluation is a table and a record, and is not done again', async () => {
  const { stdout, stderr, exitCode } = await evaluate('first', '--limit', '6');
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(/^gpt2-mini · Frozen base$/m);
  expect(stdout).toMatch(/^restaurants +1 +0 +6 +acc_norm +[01]\.\d{4} +0\.\d{4}$/m);
  expect(stdout).toMatch(/^restaurants: the first 6 of 150 documents$/m);
  expect(stderr).toContain('documents 0/6');
  const again = await evaluate('first', '--limit', '6', '--json');
  expect(again.stderr).not.toContain('documents');
  const { evaluations } = JSON.parse(again.stdout) as { evaluations: EvaluationRecord[] };
  expect(evaluations).toMatchObject([{ identity: (await recordIn('first')).identity, status: 'finished' }]);
  // Four hundredths of 150 documents are the same six.
  const share = await evaluate('first', '--limit', '0.04', '--json');
  expect(share.stdout).toBe(again.stdout);
  // Reports and status read runs only and must not call evaluations broken records.
  const status = await bench('status', '--results', join(folder, 'first'));
  expect(status.stdout + status.stderr).not.toContain('evaluations');
});

test('a base in four bits has a record of its own', async () => {
  await evaluate('weights', '--limit', '2');
  const { stdout, stderr, exitCode } = await evaluate('weights', '--limit', '2', '--base-weights', 'nf4');
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(/^gpt2-mini in nf4 · Frozen base$/m);
  const place = join(folder, 'weights', 'evaluations', 'gpt2-mini', 'none');
  const names = (await readdir(place)).filter((file) => file.endsWith('.samples.jsonl'));
  const [first, second] = await Promise.all(names.map((name) => readFile(join(place, name), 'utf8')));
  expect(names).toHaveLength(2);
  expect(first).not.toBe(second);
});

test('kill -9 loses no document that was scored, and ends with the same record', async () => {
  const whole = await evaluate('whole');
  expect(whole.exitCode, whole.stderr).toBe(0);
  const scored = async (results: string): Promise<number> => {
    const place = join(folder, results, 'evaluations', 'gpt2-mini', 'none');
    const log = (await readdir(place).catch(() => [])).find((name) => name.endsWith('.work.jsonl'));
    if (!log) return 0;
    return (await readFile(join(place, log), 'utf8').catch(() => '')).split('\n').length - 2;
  };
  const results = await untilStopped(async (results) => {
    const running = evaluate(results);
    while (running.exitCode === null && (await scored(results)) < 1) await sleep(5);
    running.kill('SIGKILL');
    await running;
    const count = await scored(results);
    return count > 0 && count < 150;
  });
  const before = await scored(results);
  const ended = await evaluate(results);
  expect(ended.exitCode, ended.stderr).toBe(0);
  expect(ended.stderr).toContain(`documents ${before}/150`);
  const [a, b] = [await recordIn(results), await recordIn('whole')];
  expect([a.identity, a.metrics, a.files]).toEqual([b.identity, b.metrics, b.files]);
});

test('two records are compared document by document, if they were asked alike', async () => {
  const place = (results: string): string => join(folder, results, 'evaluations', 'gpt2-mini', 'none');
  const { stdout, stderr, exitCode } = await bench('eval', '--compare', place('whole'), place('whole'));
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(
    /^restaurants +acc_norm +150 +(0\.\d{4}) +\1 +0\.0000 +0\.0000 +0\.0000 to 0\.0000 +1\.0$/m,
  );
  const other = await bench('eval', '--compare', place('whole'), place('first'));
  expect([other.stdout, other.exitCode]).toEqual(['', 2]);
  expect(other.stderr).toMatch(/cannot be compared: their limits are all and 6\./);
  const alone = await bench('eval', '--compare', place('whole'));
  expect([alone.exitCode, alone.stderr]).toEqual([
    2,
    expect.stringMatching(/takes two records.*; 1 were given/),
  ]);
});

test('answers are read out of texts that the model writes', async () => {
  const data = join(folder, 'data', 'boolq');
  await mkdir(data, { recursive: true });
  const rows = ['is soup wet', 'is bread a river', 'are cups round'].map((question, i) => ({
    instruction:
      `Please answer the following question with true or false, question: ${question}?\n\n` +
      'Answer format: true/false',
    input: '',
    output: `the correct answer is ${i === 1 ? 'false' : 'true'}`,
    answer: i === 1 ? 'false' : 'true',
  }));
  await writeFile(join(data, 'test.json'), JSON.stringify(rows));
  const args = ['--tasks', 'commonsense-boolq', '--model', 'llama-mini', '--threads', '1'];
  const places = ['--data', join(folder, 'data'), '--results', join(folder, 'texts')];
  for (const protocol of ['pyreft', 'llm-adapters']) {
    const { stdout, stderr, exitCode } = await bench(
      'eval',
      ...args,
      ...places,
      '--protocol',
      protocol,
      '--json',
    );
    expect(exitCode, stderr).toBe(0);
    const { evaluations } = JSON.parse(stdout) as { evaluations: (EvaluationRecord & { path: string })[] };
    expect(evaluations).toMatchObject([
      { status: 'finished', documents: { used: 3, of: 3, cut: 0 }, metrics: [{ name: 'accuracy' }] },
    ]);
    const { path, files } = evaluations[0]!;
    const samples = await readFile(join(path, '..', files.samples!.name), 'utf8');
    for (const [i, line] of samples.trim().split('\n').entries())
      expect(JSON.parse(line)).toMatchObject({
        document: i,
        gold: rows[i]!.answer,
        text: expect.any(String) as string,
      });
  }
});

test.each([
  [['--tasks', 'arc-chalenge'], /There is no evaluation "arc-chalenge"\. Did you mean "arc-challenge"\?/],
  [['--tasks', 'restaurants', '--shots', '2'], /--shots 2: restaurants .* takes no examples/],
  [['--tasks', 'arc_easy', '--data', folder], /holds no test split of allenai\/ai2_arc: looked for/],
  [
    ['--tasks', 'restaurants', '--protocol', 'pyreft'],
    /--protocol pyreft: restaurants has none of this kind; it can be lm-eval, lm-eval-2024, red\./,
  ],
  [
    ['--tasks', 'restaurants', '--protocol', 'rde'],
    /--protocol rde: it can be lm-eval, lm-eval-2024, red, pyreft, llm-adapters\. Did you mean "red"\?/,
  ],
  [
    ['--tasks', 'restaurants', '--model', 'roberta-mini'],
    /roberta-mini is an encoder .* score decoders: give llama-mini/,
  ],
  [['--tasks', 'restaurants', '--record', 'x', '--adapter', 'y'], /leave out --adapter/],
  [
    ['--tasks', 'gsm8k', '--chat-template'],
    /--chat-template: the tokenizer of \S+-mini has none .* Leave it out/,
  ],
  [['--tasks', 'restaurants', '--chat-template'], /restaurants is encoded as its task trains/],
  [
    ['--tasks', 'word-problems', '--protocol', 'pyreft', '--chat-template'],
    /word-problems-gain by the protocol pyreft has prompts of its own/,
  ],
])('%j is refused with the way out', async (args, message) => {
  const model = args.includes('--model') || args.includes('--record') ? [] : ['--model', 'gpt2-mini'];
  const { stdout, stderr, exitCode } = await inside(
    'eval',
    ...args,
    ...model,
    '--results',
    join(folder, 'wrong'),
  );
  expect([stdout, exitCode]).toEqual(['', 2]);
  expect(stderr).toMatch(message);
  expect(await readdir(join(folder, 'wrong')).catch(() => [])).toEqual([]);
});
