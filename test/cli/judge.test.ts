// Tests of `bench judge`: answers of a built-in base to made-up questions, judged by a server of the test's own.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseJudgement, type JudgementRecord } from '../../harness/records/judgement-record.ts';
import { complete, startJudge, type Answer } from '../judging/judge-server.ts';
import { benchIn } from './bench.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchIn(folder);
const inside = benchInside(folder);
const data = join(folder, 'data');
const place = join(folder, 'evaluations', 'llama-mini', 'none');
let record = '';

const questions = [
  { question_id: 1, category: 'writing', turns: ['Name an inn.', 'Name another.'] },
  { question_id: 2, category: 'math', turns: ['1 + 1?', '2 + 2?'] },
  { question_id: 3, category: 'stem', turns: ['What is ice?', 'And steam?'] },
];
const slots = {
  'single-v1': '{question}|{answer}',
  'single-math-v1': '{question}|{ref_answer_1}|{answer}',
  'single-v1-multi-turn': '{question_1}|{answer_1}|{question_2}|{answer_2}',
  'single-math-v1-multi-turn': '{{}}{question_2}|{ref_answer_2}|{answer_2}',
  'pair-v2': '{question}|{answer_a}|{answer_b}',
  'pair-math-v1': '{question}|{ref_answer_1}|{answer_a}|{answer_b}',
  'pair-v2-multi-turn': '{question_2}|{answer_a_2}|{answer_b_2}',
  'pair-math-v1-multi-turn': '{question_2}|{ref_answer_2}|{answer_a_2}|{answer_b_2}',
};

beforeAll(async () => {
  await mkdir(join(data, 'mt_bench'), { recursive: true });
  const lines = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');
  await writeFile(join(data, 'mt_bench', 'question.jsonl'), lines(questions));
  const reference = { question_id: 2, choices: [{ turns: ['2', '4'] }] };
  await writeFile(join(data, 'mt_bench', 'reference_gpt-4.jsonl'), lines([reference]));
  const prompts = Object.entries(slots).map(([name, prompt_template]) => ({
    name,
    system_prompt: `judge by ${name}`,
    prompt_template,
  }));
  await writeFile(join(data, 'judge_prompts.jsonl'), lines(prompts));
  const options = ['--model', 'llama-mini', '--data', data, '--results', folder];
  const { exitCode, stdout, stderr } = await bench('eval', '--tasks', 'mt-bench', ...options);
  expect(exitCode, stderr).toBe(0);
  const name = (await readdir(place)).find((file) => /~[0-9a-f]{8}\.json$/.test(file))!;
  record = join(place, name);
  expect(stdout).toContain(`mt-bench: the answers wait for a judge: bench judge ${record}`);
});

const judge = (...args: string[]) => bench('judge', record, '--data', data, '--results', folder, ...args);
const rated: Answer = ({ body }, response, number) => {
  complete(response, `Rating: [[${body.messages[0]!.content.includes('multi') ? 4 : 7 + (number % 2)}]]`);
};

async function recordOf(path: string): Promise<JudgementRecord> {
  const read = parseJudgement(await readFile(path, 'utf8'));
  if ('reason' in read) throw new Error(read.reason);
  return read.record;
}
const pathIn = (stderr: string): string => /Record: (.*)/.exec(stderr)![1]!;

test('answers are drawn alike again', async () => {
  const read = async (results: string) => {
    const own = join(results, 'evaluations', 'llama-mini', 'none');
    const file = (await readdir(own)).find((name) => name.endsWith('.samples.jsonl'))!;
    return readFile(join(own, file), 'utf8');
  };
  const again = join(folder, 'again');
  const options = ['--model', 'llama-mini', '--data', data, '--results', again];
  await bench('eval', '--tasks', 'mt-bench', ...options);
  expect(await read(again)).toBe(await read(folder));
  expect((await read(folder)).trim().split('\n')).toHaveLength(3);
});

test('nothing is asked without a yes: calls, tokens and price are told first', async () => {
  const { url, calls } = await startJudge(rated);
  const prices = join(folder, 'prices.json');
  const price = { input_cost_per_token: 0.01, output_cost_per_token: 0.0001 };
  await writeFile(prices, JSON.stringify({ tiny: price }));
  const { exitCode, stderr } = await judge('--judge', url, '--judge-model', 'tiny', '--prices', prices);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^tiny is to be asked 6 times:$/m);
  expect(stderr).toMatch(/^ {2}\d+ tokens of prompts \(estimated at four bytes a token\),$/m);
  expect(stderr).toMatch(/^ {2}at most 12,288 tokens of replies\.$/m);
  expect(stderr).toMatch(/^ {2}Price: \$\d+\.\d+ to \$\d+\.\d+\.$/m);
  expect(stderr).toMatch(/error: Nothing was asked: .* give --yes to go on\.$/m);
  expect(calls).toHaveLength(0);
  const missing = await judge('--judge', url, '--judge-model', 'tinny', '--prices', prices, '--yes');
  expect([missing.exitCode, missing.stderr]).toEqual([2, expect.stringContaining('Did you mean "tiny"?')]);
});

test('answers are rated; a judge with a record is not asked again', async () => {
  const { url, calls } = await startJudge(rated);
  const first = await judge('--judge', url, '--judge-model', 'tiny', '--yes', '--parallel', '1');
  expect(first.exitCode, first.stderr).toBe(0);
  expect(first.stdout).toMatch(/^mt-bench · llama-mini · Frozen base, judged by tiny$/m);
  expect(first.stdout).toMatch(/^turn 2 +4\.0000 +0\.0000$/m);
  expect(first.stdout).toMatch(
    /^judgements: 6; left out: 0 without a verdict in the text, 0 whose call failed$/m,
  );
  expect(calls).toHaveLength(6);
  const math = calls.find(({ body }) => body.messages[0]!.content === 'judge by single-math-v1')!;
  expect(math.body.messages[1]!.content).toMatch(/^1 \+ 1\?\|2\|/);
  const judged = await recordOf(pathIn(first.stderr));
  expect(judged).toMatchObject({
    judgements: { of: 6, unread: 0, failed: 0 },
    tokens: { prompt: 60, reply: 12 },
  });
  expect(JSON.stringify(judged)).not.toContain(url);

  const again = await judge('--judge', url, '--judge-model', 'tiny');
  expect([again.exitCode, again.stdout]).toEqual([0, first.stdout]);
  expect(calls).toHaveLength(6);
  // Reports and status read runs only and must not call judgements broken records.
  const status = await bench('status', '--results', folder);
  expect(status.stdout + status.stderr).not.toContain('judgements');
});

test('what was answered before kill -9 is not asked again', async () => {
  let kill = (): void => undefined;
  const half = await startJudge((call, response, number) => {
    // The fourth call hangs; the process is killed with three replies.
    if (number < 3) rated(call, response, number);
    else kill();
  });
  const options = ['--judge-model', 'killed', '--yes', '--parallel', '1'];
  const running = judge('--judge', half.url, ...options);
  kill = () => running.kill('SIGKILL');
  await running;
  const rest = await startJudge(rated);
  const { exitCode, stderr } = await judge('--judge', rest.url, ...options);
  expect(exitCode, stderr).toBe(0);
  expect(rest.calls).toHaveLength(3);
  const asked = [...half.calls.slice(0, 3), ...rest.calls].map(({ body }) => body.messages[1]!.content);
  expect(new Set(asked).size).toBe(6);
});

test('failed calls are counted apart, and asked again by the same command', async () => {
  let isWell = false;
  const { url, calls } = await startJudge((call, response, number) => {
    const isBad = call.body.messages[1]!.content.startsWith('What is ice?');
    if (isBad && !isWell) response.writeHead(400).end('{"error": "too long"}');
    else if (number % 2 === 0) complete(response, 'No rating.');
    else rated(call, response, number);
  });
  const options = ['--judge', url, '--judge-model', 'failing', '--yes', '--parallel', '1'];
  const first = await judge(...options);
  expect(first.exitCode).toBe(1);
  expect(first.stderr).toContain('answers 400: too long');
  expect((await recordOf(pathIn(first.stderr))).judgements.failed).toBeGreaterThan(0);
  const before = calls.length;
  isWell = true;
  const second = await judge(...options);
  expect(second.exitCode, second.stderr).toBe(0);
  const failed = (await recordOf(pathIn(first.stderr))).judgements;
  expect(failed).toMatchObject({ of: 6, failed: 0 });
  expect(calls.length - before).toBeLessThan(6);
});

test('a judge that answers no call is given up, and one that refuses the key at once', async () => {
  const down = await startJudge((_, response) => response.writeHead(400).end());
  const options = ['--judge-model', 'down', '--yes', '--parallel', '1'];
  const first = await judge('--judge', down.url, ...options);
  expect([first.exitCode, down.calls.length]).toEqual([2, 3]);
  expect(first.stderr).toMatch(/error: The judge fails: .* answers 400\. What it answered is kept;/);
  const locked = await startJudge((_, response) => response.writeHead(401).end());
  const second = await judge('--judge', locked.url, ...options);
  expect([second.exitCode, locked.calls.length]).toEqual([2, 1]);
  expect(second.stderr).toMatch(/answers 401; .*OPENAI_API_KEY/);
});

test('recorded judgements judge, and a judge is compared with them', async () => {
  const { url } = await startJudge(rated);
  const known = await judge('--judge', url, '--judge-model', 'tiny', '--yes');
  const path = pathIn(known.stderr);
  const file = join(path, '..', (await recordOf(path)).files.judgements.name);
  const recorded = await judge('--judgements', file);
  expect(recorded.exitCode, recorded.stderr).toBe(0);
  expect((await recordOf(pathIn(recorded.stderr))).metrics).toEqual((await recordOf(path)).metrics);
  const compared = await judge('--judge', url, '--judge-model', 'tiny', '--judgements', file);
  expect(compared.stdout).toMatch(
    /agreement with the recorded judgements: 100\.0 % of 6, Cohen's kappa 1\.000/,
  );

  const other = join(folder, 'other.jsonl');
  await writeFile(other, (await readFile(file, 'utf8')).replace('"user_prompt":"', '"user_prompt":"x'));
  const refused = await judge('--judgements', other);
  expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('is of other answers')]);
});

test('two models are compared in both orders, and what the order decides is told', async () => {
  const again = join(folder, 'again', 'evaluations', 'llama-mini', 'none');
  const against = join(
    again,
    (await readdir(again)).find((file) => /~[0-9a-f]{8}\.json$/.test(file))!,
  );
  const { url, calls } = await startJudge((_, response) => {
    complete(response, 'The first: [[A]]');
  });
  const { exitCode, stdout, stderr } = await judge(
    '--judge',
    url,
    '--judge-model',
    'a',
    '--against',
    against,
    '--yes',
  );
  expect(exitCode, stderr).toBe(0);
  expect(calls).toHaveLength(12);
  expect(stdout).toMatch(/^win_rate_adjusted +0\.5000/m);
  expect(stdout).toMatch(
    /^the order decided 100\.0 % of 6 comparisons: the answer shown first won 100\.0 %/m,
  );
});

test.each([
  [[], /Say who judges/],
  [['--judge', 'http://127.0.0.1:9/v1'], /--judge-model/],
  [['--judge', 'gpt-4'], /--judge gpt-4: an endpoint's address \(https:\/\/HOST\/v1\) needs the name/],
  [['--judge', 'http://a:b@127.0.0.1:9/v1', '--judge-model', 'x'], /holds a user/],
  [['--judgements', 'nowhere'], /There is no file nowhere/],
])('%j is refused with the way out', async (args, message) => {
  const { exitCode, stderr } = await inside('judge', record, '--data', data, '--results', folder, ...args);
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
});
