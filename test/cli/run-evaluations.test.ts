// Tests of `bench run --evaluations`: what is trained is evaluated, each evaluation once, by kills and jobs too.
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import type { EvaluationRecord } from '../../harness/records/evaluation-record.ts';
import type { RunRecord } from '../../harness/records/record.ts';
import { benchIn, untilStopped } from './bench.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchIn(folder);
const inside = benchInside(folder);

const train = (results: string, ...args: string[]) =>
  bench(
    ...['--task', 'e2e', '--model', 'gpt2-mini', '--method', 'red', '--seeds', '1', '2', '--threads', '2'],
    ...['--max-steps', '2', '--limit', '4', '--set', 'maxNewTokens=2'],
    ...['--results', join(folder, results), ...args],
  );
type Listed<Of> = Of & { path: string };
interface Printed {
  rows: { metrics: { name: string; mean: number; sd: number }[] }[];
  runs: Listed<RunRecord>[];
  evaluations?: Listed<EvaluationRecord>[];
}
const printed = (stdout: string): Printed => JSON.parse(stdout) as Printed;

test('runs are evaluated once each, and no run is trained again for another evaluation', async () => {
  const first = await train('one', '--evaluations', 'restaurants', '--json');
  expect(first.exitCode, first.stderr).toBe(0);
  const { rows, runs, evaluations = [] } = printed(first.stdout);
  expect(evaluations.map(({ settings, status }) => [settings.evaluation.name, status])).toEqual([
    ['restaurants', 'finished'],
    ['restaurants', 'finished'],
  ]);
  expect(evaluations.map(({ settings }) => settings.trained)).toEqual(
    runs.map(({ files }) => files.tensors!.sha256),
  );
  expect(evaluations[0]!.peakMemoryBytes).toBeGreaterThan(1e6);
  const [a, b] = evaluations.map(({ metrics }) => 100 * metrics[0]!.value);
  const column = rows[0]!.metrics.find(({ name }) => name === 'restaurants')!;
  expect(column.mean).toBeCloseTo((a! + b!) / 2, 10);
  expect(column.sd).toBeCloseTo(Math.abs(a! - b!) / Math.SQRT2, 10);

  // The same evaluation by `bench eval` has the same identity, and so the same record.
  const record = await bench(
    ...['eval', '--record', runs[0]!.path, '--tasks', 'restaurants', '--limit', '4', '--json'],
    ...['--results', join(folder, 'one')],
  );
  expect(printed(record.stdout).evaluations).toEqual([evaluations[0]]);
  expect(record.stderr).not.toContain('documents');

  const both = ['--evaluations', 'restaurants', 'restaurants~limit=2', '--jobs', '2'];
  const second = await train('one', ...both, '--json');
  expect(second.exitCode, second.stderr).toBe(0);
  const again = printed(second.stdout);
  expect(again.runs).toEqual(runs);
  expect(again.evaluations!.filter(({ settings }) => settings.limit === 4)).toEqual(evaluations);
  const table = await train('one', ...both);
  expect(table.stdout).toMatch(/^restaurants~shots=0,protocol=lm-eval,limit=2 ↑ +\d/m);
  expect(table.stdout).toMatch(/^average ↑ +\d+\.\d\d ± \d+\.\d\d$/m);
  const none = await train('one', '--evaluations', 'none', '--json');
  expect(printed(none.stdout).evaluations).toBeUndefined();
});

test('kill -9 while runs are evaluated loses neither the runs nor what is evaluated', async () => {
  const place = (results: string): string => join(folder, results, 'evaluations', 'gpt2-mini');
  const recordsIn = async (results: string): Promise<string[]> =>
    (await readdir(place(results), { recursive: true }).catch(() => [])).filter((name) =>
      name.endsWith('.json'),
    );
  const results = await untilStopped(async (results) => {
    const running = train(results, '--evaluations', 'restaurants');
    while (running.exitCode === null && (await recordsIn(results)).length < 1) await sleep(5);
    running.kill('SIGKILL');
    await running;
    return (await recordsIn(results)).length === 1;
  });
  const [kept] = await recordsIn(results);
  const status = await bench('status', '--results', join(folder, results), '--json');
  const { cells } = JSON.parse(status.stdout) as { cells: { kind: string; state: string; path: string }[] };
  expect(cells.filter(({ kind }) => kind === 'run').map(({ state }) => state)).toEqual(['done', 'done']);
  const evaluated = cells.filter(({ kind }) => kind === 'evaluation');
  expect(evaluated.find(({ path }) => path.endsWith(kept!))).toMatchObject({ state: 'done' });
  const written = await stat(join(place(results), kept!));
  const trained = join(folder, results, 'e2e', 'gpt2-mini', 'red', 'seed-1.json');
  const run = await readFile(trained, 'utf8');
  const ended = await train(results, '--evaluations', 'restaurants', '--json');
  expect(ended.exitCode, ended.stderr).toBe(0);
  expect(printed(ended.stdout).evaluations).toHaveLength(2);
  expect((await stat(join(place(results), kept!))).mtimeMs).toBe(written.mtimeMs);
  expect(await readFile(trained, 'utf8')).toBe(run);
});

test.each([
  [['--evaluations', 'restaurant'], /There is no evaluation "restaurant"\. Did you mean "restaurants"\?/],
  [['--evaluations', 'none', 'restaurants'], /--evaluations none stands alone/],
  [['--evaluations', 'restaurants~limits=3'], /has no setting limits\. Did you mean "limit"\?/],
  [['--evaluations', 'restaurants~limit=0'], /limit must be a whole number from 1 on/],
  [
    ['--evaluations', 'arc-easy', '--data', folder],
    /arc-easy \(--evaluations\): .* holds no test split of allenai\/ai2_arc: .* --evaluations none goes without/,
  ],
  [['--evaluations', 'restaurants', '--model', 't5-mini'], /t5-mini is an encoder-decoder .* score decoders/],
])('%j is refused before anything is trained', async (args, message) => {
  const { stdout, stderr, exitCode } = await inside(
    ...['--task', 'e2e', '--method', 'red', '--results', join(folder, 'wrong'), ...args],
  );
  expect([stdout, exitCode]).toEqual(['', 2]);
  expect(stderr).toMatch(message);
  expect(await readdir(join(folder, 'wrong')).catch(() => [])).toEqual([]);
});
