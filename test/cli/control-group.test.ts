// A real control group with a limit of memory: what a dry run says in it, and what is refused before it loads.
// Skips where this process may make no group.
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, it } from 'vitest';
import { projectRoot } from '../../harness/support/project-root.ts';
import { writeTinyE2E } from './bench.ts';
import { commandLine } from './command-line.ts';

const GIBIBYTE = 2 ** 30;

/** Makes a control group of so many bytes, of either version of the interface; undefined where that is refused. */
function makeGroup(bytes: number): string | undefined {
  const first = '/sys/fs/cgroup/memory';
  const isFirst = existsSync(join(first, 'memory.limit_in_bytes'));
  const group = join(isFirst ? first : '/sys/fs/cgroup', `deltabench-test-${process.pid}`);
  try {
    mkdirSync(group);
  } catch {
    return undefined;
  }
  try {
    writeFileSync(join(group, isFirst ? 'memory.limit_in_bytes' : 'memory.max'), String(bytes));
    return group;
  } catch {
    rmdirSync(group);
    return undefined;
  }
}

const group = makeGroup(GIBIBYTE);
const results = await mkdtemp(join(tmpdir(), 'deltabench-group-'));
const data = await mkdtemp(join(tmpdir(), 'deltabench-group-'));
afterAll(async () => {
  if (group !== undefined) rmdirSync(group);
  for (const folder of [results, data]) await rm(folder, { recursive: true });
});

/** Runs the command in the control group, or outside of it. */
function bench(place: string | undefined, ...args: string[]) {
  const command = [...commandLine, ...args, '--data', 'built-in', '--results', results];
  const options = { cwd: projectRoot, reject: false, env: { DELTABENCH_DATA: undefined } };
  if (place === undefined) return execa(process.execPath, command, options);
  const inside = ['-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', place, process.execPath, ...command];
  return execa('sh', inside, options);
}

/** The tokens that a dry run computes at once. */
const tokensAtOnce = (text: string): number =>
  Number(/(\d+) (?:of the batch's \d+ )?tokens at once/.exec(text)![1]);

it('a dry run tells the memory of its control group, and computes less at once in it', async ({ skip }) => {
  if (group === undefined) skip('no control group can be made here');
  const dry = ['--task', 'e2e', '--method', 'lora', '--base-weights', 'nf4', '--dry-run'];
  dry.push('--model', 'random-llama~layers=16,width=512,heads=8,vocab=8000');
  const [inside, outside] = [await bench(group, ...dry), await bench(undefined, ...dry)];
  expect(inside.stdout).toContain('the 1.0 GiB here');
  expect(tokensAtOnce(inside.stdout)).toBeLessThan(tokensAtOnce(outside.stdout));
});

it('a run whose weights are more than the group allows is refused in a line, and leaves nothing', async ({
  skip,
}) => {
  if (group === undefined) skip('no control group can be made here');
  const base = 'random-roberta~layers=24,width=1024,heads=16,vocab=20000';
  const refused = await bench(group, '--task', 'sst2', '--method', 'full', '--model', base);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toMatch(/full on random-roberta.* does not fit the memory: .* there is 1\.0 GiB/);
  expect(readdirSync(results)).toEqual([]);
});

it('an evaluation of a base that is more than the group allows is refused in a line, and leaves nothing', async ({
  skip,
}) => {
  if (group === undefined) skip('no control group can be made here');
  await writeTinyE2E(data);
  const base = 'random-gpt2~layers=24,width=1024,heads=16,vocab=50257';
  const tokenizer = ['--tokenizer', join(data, 'tokenizers', 'gpt2')];
  const refused = await bench(group, 'eval', '--tasks', 'restaurants', '--model', base, ...tokenizer);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toMatch(
    /^error: random-gpt2.* does not fit the memory: .* there is 1\.0 GiB[^\n]*$/,
  );
  expect(readdirSync(results)).toEqual([]);
});
