// Tests of `bench reproduce` on tables whose columns are evaluations of what their runs train.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import type { EvaluationRecord } from '../../harness/records/evaluation-record.ts';
import type { RunRecord } from '../../harness/records/record.ts';
import { complete, startJudge } from '../judging/judge-server.ts';
import { benchIn, untilStopped } from './bench.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchIn(folder);

const reproduce = (table: string, results: string, ...args: string[]) =>
  bench(
    ...['reproduce', table, '--scale', 'mini', '--threads', '1'],
    ...['--methods', table.startsWith('red') ? 'red' : 'loreft'],
    ...['--max-steps', '2', '--limit', '3', '--results', join(folder, results), ...args],
  );

interface Printed {
  rows: {
    method: string;
    label: string;
    cells: {
      column: string;
      ours?: { mean: number; n: string };
      verdict: { kind: string; reason?: string };
    }[];
  }[];
  runs: (RunRecord & { path: string })[];
  evaluations: (EvaluationRecord & { path: string })[];
}

async function finished(table: string, results: string, ...args: string[]): Promise<Printed> {
  const { stdout, stderr, exitCode } = await reproduce(table, results, ...args, '--json');
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout) as Printed;
}

/** What records say of their models, without times, which are in the steps' file, too. */
const settled = ({ runs, evaluations }: Printed) => [
  runs.map(({ identity, metrics, files: { tensors, predictions } }) => ({
    identity,
    metrics,
    tensors,
    predictions,
  })),
  evaluations.map(({ identity, metrics, files }) => ({ identity, metrics, files })),
];

test('a table is trained and evaluated, once; killed in between, its records are the same', async () => {
  const whole = await finished('red/table-18', 'whole');
  expect(whole.runs).toHaveLength(1);
  const [red] = whole.rows.filter(({ method }) => method === 'red');
  const scores = new Map(
    whole.evaluations.map(({ settings, metrics }) => [settings.evaluation.name, metrics[0]!.value]),
  );
  const byColumn = (column: string) => red!.cells.find((cell) => cell.column === column)!;
  expect(byColumn('arc').ours).toEqual({ mean: 100 * scores.get('everyday-choices')!, n: '1' });
  expect(byColumn('gsm8k').ours).toEqual({ mean: 100 * scores.get('word-problems-gain')!, n: '1' });
  const columns = red!.cells.slice(0, 6).map(({ ours }) => ours!.mean);
  expect(byColumn('average').ours!.mean).toBeCloseTo(columns.reduce((sum, value) => sum + value, 0) / 6, 10);
  expect(byColumn('mmlu').verdict).toEqual({
    kind: 'not comparable',
    reason:
      'base llama-mini in place of llama-2-7b; built-in data; --limit; --max-steps; everyday-choices in place of mmlu',
  });
  expect(await finished('red/table-18', 'whole')).toEqual(whole);

  const evaluated = (results: string): Promise<string[]> =>
    readdir(join(folder, results, 'evaluations'), { recursive: true }).then(
      (names) => names.filter((name) => name.endsWith('.json')),
      () => [],
    );
  const results = await untilStopped(async (results) => {
    const running = reproduce('red/table-18', results);
    while (running.exitCode === null && (await evaluated(results)).length < 1) await sleep(5);
    running.kill('SIGKILL');
    await running;
    const { length } = await evaluated(results);
    return length > 0 && length < whole.evaluations.length;
  });
  expect(settled(await finished('red/table-18', results))).toEqual(settled(whole));
});

test('answers wait for a judge; what is not asked for is not evaluated', async () => {
  const { rows, evaluations } = await finished('red/table-4', 'answers');
  expect(evaluations.map(({ settings }) => settings.evaluation.name)).toEqual(['alpaca-eval']);
  const { reason } = rows.find(({ method }) => method === 'red')!.cells[0]!.verdict;
  expect(reason).toBe(`the answers wait for a judge: bench judge ${evaluations[0]!.path}`);
  const text = await readFile(evaluations[0]!.path.replace(/\.json$/, '.answers.json'), 'utf8');
  expect(JSON.parse(text)).toHaveLength(3);

  const some = await finished('red/table-18', 'answers', '--tasks', 'mmlu');
  expect(some.evaluations.map(({ settings }) => settings.evaluation.name)).toEqual(['everyday-choices']);
  const reasons = some.rows
    .find(({ method }) => method === 'red')!
    .cells.map(({ verdict }) => verdict.reason);
  expect(reasons[0]).toBe('left out by --tasks');
  // Answers beside the records of scores are none of them.
  const records = join(folder, 'answers', 'evaluations', 'llama-mini', 'red~seed=42');
  const compared = await bench('eval', '--compare', records, records, '--json');
  expect(compared.exitCode, compared.stderr).toBe(0);
  // The run of the other table serves this one.
  expect(await readdir(join(folder, 'answers', 'ultrafeedback', 'llama-mini', 'red'))).toContain(
    'seed-42.json',
  );
});

test('a column without its data is left out, and nothing is trained for none', async () => {
  const { stderr, exitCode, stdout } = await reproduce('reft/arithmetic', 'none', '--data', folder);
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/^not evaluated: arithmetic-aqua: /m);
  expect(stdout).toMatch(/not run/);
  expect(await readdir(join(folder, 'none')).catch(() => [])).toEqual([]);
});

test("once judged, tables show the judge's numbers, by turn and over all ratings", async () => {
  const waiting = await finished('red/table-16', 'judged');
  const [record] = waiting.evaluations;
  const prompts = ['single-v1', 'single-math-v1', 'single-v1-multi-turn', 'single-math-v1-multi-turn'].map(
    (name) => JSON.stringify({ name, system_prompt: name, prompt_template: 'Rate it.' }),
  );
  const data = join(folder, 'fastchat');
  await mkdir(data);
  await writeFile(join(data, 'judge_prompts.jsonl'), prompts.join('\n'));
  // Second turns get 4, first turns 7 and 8 by turns.
  const server = await startJudge(({ body }, response, number) => {
    const rating = body.messages[0]!.content.includes('multi') ? 4 : 7 + (number % 2);
    complete(response, `Rating: [[${rating}]]`);
  });
  const { exitCode, stderr } = await bench(
    ...['judge', record!.path, '--judge', server.url, '--judge-model', 'gpt-4', '--yes', '--parallel', '1'],
    ...['--data', data, '--results', join(folder, 'judged')],
  );
  expect(exitCode, stderr).toBe(0);
  const { rows } = await finished('red/table-16', 'judged');
  const of = (turn: string) => rows.find(({ label }) => label === `RED, ${turn}`)!.cells;
  const mean = (turn: string, column: string) => of(turn).find((cell) => cell.column === column)!.ours?.mean;
  // Three questions of three categories or fewer.
  const columns = of('turn-1').flatMap(({ column, ours }) => (ours && column !== 'average' ? [column] : []));
  expect(columns.length).toBeGreaterThan(0);
  for (const column of columns) {
    expect(mean('turn-2', column)).toBe(4);
    expect(mean('final', column)).toBeCloseTo((mean('turn-1', column)! + 4) / 2, 10);
  }
  expect(mean('turn-2', 'average')).toBe(4);
  expect(mean('final', 'average')).toBeCloseTo((mean('turn-1', 'average')! + 4) / 2, 10);
  expect(of('final').at(-1)!.verdict.reason).toContain('built-in questions');
});
