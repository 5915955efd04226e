// Tests of `bench run`: tables, precision, divergence, interrupts and kills.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../harness/support/project-root.ts';
import { parseRecord, type RunRecord } from '../../harness/records/record.ts';
import { says, untilStopped, writeTinyE2E } from './bench.ts';
import { commandLine } from './command-line.ts';
import { benchInside } from './inside.ts';

// Training and testing run in full on made-up rows in the format of LoRA's E2E files, with 300 tokens.
const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
const model = 'random-gpt2~layers=2,width=16,heads=2,vocab=300,positions=128';

beforeAll(async () => {
  await writeTinyE2E(data);
  await mkdir(join(data, 'tokenizers', 't5'));
  const unigram = join(projectRoot, 'test', 'data', 'tokenizers', 'files', 'unigram.json');
  await copyFile(unigram, join(data, 'tokenizers', 't5', 'tokenizer.json'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The arguments of a run on these rows. */
const onRows = (base: string, args: readonly string[]): string[] => [
  ...['--task', 'e2e', '--model', base, '--data', data, '--threads', '1'],
  ...args,
];

/** Runs the command line on these rows in this process. */
const bench = benchInside(folder);
const run = (...args: string[]) => bench(...onRows(model, args));

/** Starts it as a process, which a test can interrupt and kill. */
const start = (...args: string[]) =>
  execa('node', [...commandLine, ...onRows(model, args)], {
    cwd: projectRoot,
    reject: false,
    env: { DELTABENCH_DATA: undefined, DELTABENCH_CACHE: join(folder, 'cache') },
  });

async function readRecord(path: string): Promise<RunRecord> {
  const read = parseRecord(await readFile(path, 'utf8'));
  if ('reason' in read) throw new Error(read.reason);
  return read.record;
}

test('two methods and two seeds give one table; a second run does nothing anew', async () => {
  const results = join(folder, 'table');
  const args = ['--method', 'red', 'lora~rank=2', '--seeds', '1', '2', '--max-steps', '4', '--limit', '20'];
  const short = ['--set', 'max-new-tokens=8', '--results', results];
  const { stdout, stderr, exitCode } = await run(...args, ...short);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/^\[4\/4\] e2e · .* · LoRA \(rank=2\) · seed 2$/m);
  expect(stderr).toMatch(/^trainable params: 64 \|\| all params: \S+ \|\| trainable%: \S+$/m);
  // The table is transposed, since it is wider than 80 columns, the width without a terminal.
  expect(stdout).toMatch(/^method +RED +LoRA \(rank=2\)$/m);
  expect(stdout).toMatch(/^trainable +64 +256$/m);
  expect(stdout).toMatch(/^BLEU ↑ +\S+ ± \S+ +\S+ ± \S+$/m);
  expect(stdout).toMatch(/^n +2 +2$/m);

  const again = await run(...args, ...short, '--json');
  expect(again.stderr).not.toContain('seed');
  const { rows, runs } = JSON.parse(again.stdout) as { rows: object[]; runs: { path: string }[] };
  expect(rows).toMatchObject([
    { variant: 'red', planned: 2, finished: 2, failures: [] },
    { variant: 'lora~rank=2', planned: 2, finished: 2, failures: [] },
  ]);
  expect(await readdir(dirname(runs[0]!.path))).toHaveLength(8);
});

test('an encoder-decoder learns and is tested, RED and all of it', async () => {
  const results = join(folder, 't5');
  const { stdout, stderr, exitCode } = await bench(
    ...onRows('random-t5~layers=2,width=16,heads=2,vocab=304', ['--method', 'red', 'full']),
    ...['--max-steps', '30', '--results', results, '--json'],
    ...['--set', 'learning-rate=0.02', 'epochs=10', 'max-new-tokens=8', 'beams=2'],
  );
  expect(exitCode, stderr).toBe(0);
  const { runs } = JSON.parse(stdout) as { runs: { path: string }[] };
  const falls = await Promise.all(
    runs.map(async ({ path }) => {
      const { metrics } = await readRecord(path);
      expect(metrics.map(({ name }) => name)).toContain('BLEU');
      const lines = (await readFile(path.replace(/json$/, 'steps.jsonl'), 'utf8')).trim().split('\n');
      const losses = lines.map((line) => (JSON.parse(line) as { loss: number }).loss);
      expect(losses).toHaveLength(30);
      return losses.at(-1)! / losses[0]!;
    }),
  );
  expect(falls).toHaveLength(2);
  // RED trains two vectors per layer, which improve random weights little.
  expect(falls[0]).toBeLessThan(0.95);
  expect(falls[1]).toBeLessThan(0.5);
});

test('another precision is another run', async () => {
  const args = ['--method', 'red', '--max-steps', '2', '--limit', '8', '--set', 'max-new-tokens=4'];
  const place = ['--results', join(folder, 'precision')];
  const [exact, half] = [
    await run(...args, ...place, '--json'),
    await run(...args, ...place, '--json', '--precision', 'float16'),
  ].map(({ stdout, stderr, exitCode }) => {
    expect(exitCode, stderr).toBe(0);
    const { runs, rows } = JSON.parse(stdout) as {
      runs: (RunRecord & { path: string })[];
      rows: { label: string; notes: string[] }[];
    };
    return { ...runs[0]!, ...rows[0]! };
  });
  expect(exact!.settings.precision).toBe('float32');
  expect(half!.settings).toEqual({ ...exact!.settings, precision: 'float16' });
  // The CPU emulates products of half precision.
  expect([exact!.engine.emulated, half!.engine.emulated]).toEqual([undefined, true]);
  expect(half!.path).toBe(exact!.path.replace(/\.json$/, `~${half!.identity.slice(0, 8)}.json`));
  expect([exact!.label, half!.label]).toEqual(['RED', 'RED (float16)']);
  expect(half!.notes).toContain('float16: the precision of matrix products; all else is float32');

  const dry = await run(...args, ...place, '--precision', 'bfloat16', '--dry-run');
  expect(dry.stdout).toMatch(/^missing .*^precision +bfloat16 +--precision$/ms);
  const same = await run(...args, ...place, '--precision', 'float32', '--dry-run');
  expect(same.stdout).toMatch(/^finished .*^precision +float32 +default$/ms);
});

test('a precision that is not there is refused with what is', async () => {
  const none = await run('--method', 'red', '--precision', 'half');
  expect(none.stderr).toContain(
    '--precision half: it can be float32, tf32, bfloat16, float16. Did you mean "float16"?',
  );
  expect(none.exitCode).toBe(2);
  const plain = await run('--method', 'red', '--engine', 'js', '--precision', 'bfloat16', '--dry-run');
  expect(plain.stderr).toContain(
    '--precision bfloat16: js computes in float32, the only floating-point type of tfjs; the engine onnx has bfloat16.',
  );
  expect(plain.exitCode).toBe(2);
});

test('a seed that diverges is a row with its reason, and the exit code is 1', async () => {
  const { stdout, stderr, exitCode } = await run(
    ...['--method', 'full', '--set', 'learning-rate=1e30', '--max-steps', '4'],
    ...['--results', join(folder, 'diverged')],
  );
  expect(stdout).toMatch(/^FT +\S+ +0 of 1$/m);
  expect(stdout).toMatch(/^FT, seed 42 failed: Diverged: /m);
  expect(stderr).toContain('1 of 1 runs failed; --retry failed tries them again.');
  expect(exitCode).toBe(1);
});

test('Ctrl-C stops cleanly; the same command goes on and ends as if nothing had been', async () => {
  const args = ['--method', 'lora', '--max-steps', '1500', '--set', 'epochs=500', 'evaluate-every=1500'];
  const short = ['max-new-tokens=4', 'batch-size=4'];
  const results = await untilStopped(async (results) => {
    const running = start(...args, ...short, '--results', join(folder, results));
    // The first line of progress says that training has begun. A second signal would stop at once.
    if (await says(running, /^train /m)) running.kill('SIGINT');
    const { stderr, stdout, exitCode } = await running;
    if (exitCode === 0) return false;
    expect(stderr).toMatch(/^Stopping after this step; Ctrl-C again stops at once\.$/m);
    expect(stderr).toMatch(/^Stopped\. The same command goes on from here\.$/m);
    expect([stdout, exitCode]).toEqual(['', 130]);
    return true;
  });
  const whole = await start(...args, ...short, '--results', join(folder, 'whole'));
  const resumed = await start(...args, ...short, '--results', join(folder, results), '--json');
  expect(resumed.exitCode, resumed.stderr).toBe(0);
  expect(whole.exitCode, whole.stderr).toBe(0);
  const path = join('e2e', model, 'lora', 'seed-42');
  const [a, b] = [
    await readRecord(join(folder, results, `${path}.json`)),
    await readRecord(join(folder, 'whole', `${path}.json`)),
  ];
  expect(a.training?.resumedFrom).toBeGreaterThan(0);
  expect(a.metrics).toEqual(b.metrics);
  expect(a.files.tensors?.sha256).toBe(b.files.tensors?.sha256);
  expect(a.files.predictions?.sha256).toBe(b.files.predictions?.sha256);
  expect(a.training?.evaluations.map(({ loss }) => loss)).toEqual(
    b.training?.evaluations.map(({ loss }) => loss),
  );
});

test('kill -9 at any step, then the same command: the record of an uninterrupted run, bit for bit', async () => {
  const args = [
    '--method',
    'lora~dropout=0.1',
    '--max-steps',
    '300',
    '--set',
    'epochs=100',
    'evaluate-every=25',
  ];
  const short = ['max-new-tokens=4', 'batch-size=4', 'learning-rate=0.01'];
  const whole = await start(...args, ...short, '--results', join(folder, 'undisturbed'));
  expect(whole.exitCode, whole.stderr).toBe(0);

  const path = join('e2e', model, 'lora~dropout=0.1', 'seed-42');
  const results = await untilStopped(async (results) => {
    const work = join(folder, results, `${path}.work`);
    for (let kill = 0; kill < 3; kill++) {
      const running = start(...args, ...short, '--results', join(folder, results));
      // The kill comes at a random moment after the next checkpoint.
      const seen = await checkpointTime(work);
      while (running.exitCode === null && (await checkpointTime(work)) === seen) await sleep(20);
      await sleep(Math.random() * 150);
      running.kill('SIGKILL');
      if ((await running).exitCode === 0) break;
    }
    return (await checkpointTime(work)) > 0;
  });
  const ended = await start(...args, ...short, '--results', join(folder, results), '--json');
  expect(ended.exitCode, ended.stderr).toBe(0);

  const [a, b] = [
    await readRecord(join(folder, results, `${path}.json`)),
    await readRecord(join(folder, 'undisturbed', `${path}.json`)),
  ];
  expect(a.training?.resumedFrom).toBeGreaterThan(0);
  expect(a.metrics).toEqual(b.metrics);
  expect(a.files.tensors?.sha256).toBe(b.files.tensors?.sha256);
  expect(a.files.predictions?.sha256).toBe(b.files.predictions?.sha256);
  expect(await losses(join(folder, results, path))).toEqual(await losses(join(folder, 'undisturbed', path)));
});

async function checkpointTime(work: string): Promise<number> {
  return stat(join(work, 'checkpoint.safetensors')).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

async function losses(path: string): Promise<number[]> {
  const lines = (await readFile(`${path}.steps.jsonl`, 'utf8')).trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { loss: number }).loss);
}
