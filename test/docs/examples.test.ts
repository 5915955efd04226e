/**
 * The commands of the documents, by the letter: those that can are executed offline (a training as --dry-run, and
 * what it writes goes into a temporary folder), those that need the hub get as far as asking it, and no command has an
 * option that the command line lacks.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { benchInside } from '../cli/inside.ts';
import { writeResults } from '../reporting/synthetic.ts';
import { documents, examples } from './documents.ts';

// A hub that is not there is asked four times, and nobody waits in between.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<typeof import('node:timers/promises')>()),
  setTimeout: () => Promise.resolve(),
}));

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
beforeAll(() =>
  writeResults(join(folder, 'made-up'), { tasks: ['e2e'], models: ['gpt2'], seeds: [1], variants: 2 }),
);
afterAll(() => rm(folder, { recursive: true }));
vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
const bench = benchInside(folder);
const shown = (await documents()).flatMap((document) =>
  examples(document).map((example) => ({ ...example, title: `${document.path}: ${example.args.join(' ')}` })),
);

/** The command's name; a training needs none. */
const commandOf = (args: string[]): string => (args[0]!.startsWith('-') ? 'run' : args[0]!);

/** Each command's help, asked for once. */
const help = new Map<string, ReturnType<typeof bench>>();
function helpOf(command: string): ReturnType<typeof bench> {
  const asked = help.get(command) ?? bench(command, '--help');
  help.set(command, asked);
  return asked;
}

/** What keeps the example's files out of the project, and trainings short. */
function added(args: string[]): string[] {
  const results = ['--results', join(folder, 'results')];
  const command = commandOf(args);
  if (command === 'run') return [...results, ...(args.includes('--dry-run') ? [] : ['--dry-run'])];
  if (command === 'table') return ['--results', join(folder, 'made-up')];
  if (command === 'report') return ['--results', join(folder, 'made-up'), '--out', join(folder, 'report')];
  if (command === 'eval') return [...results, ...(args.includes('--limit') ? [] : ['--limit', '4'])];
  return ['status', 'reproduce'].includes(command) ? results : [];
}

test('there are examples of every kind', () => {
  const kinds = new Set(shown.map(({ needs }) => needs));
  expect([...kinds].sort()).toEqual(['', 'file', 'install', 'network', 'record', 'slow', 'slurm']);
});

test.each(shown)('$title has options that there are', async ({ args }) => {
  const { stdout } = await helpOf(commandOf(args));
  for (const option of args.filter((arg) => /^--[a-z]/.test(arg))) expect(stdout).toContain(` ${option}`);
});

test.each(shown.filter(({ needs }) => needs === ''))('$title runs', async ({ args, output }) => {
  const { stdout, stderr, exitCode } = await bench(...args, ...added(args));
  expect(exitCode, stderr).toBe(0);
  if (output !== undefined && commandOf(args) === 'params') expect(stdout).toBe(output);
});

test.each(shown.filter(({ needs }) => needs === 'network'))('$title asks the hub', async ({ args }) => {
  const { stderr, exitCode } = await bench(...args);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('Cannot reach')]);
});
