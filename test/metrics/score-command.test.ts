// Tests of `bench score`: its table, its segments, comparisons and messages.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { scoreCommand } from '../../harness/cli/commands/score.ts';
import { UsageError } from '../../harness/support/errors.ts';

let folder = '';
let printed = '';
const file = async (name: string, lines: readonly string[]): Promise<string> => {
  const target = path.join(folder, name);
  await writeFile(target, lines.map((line) => `${line}\n`).join(''));
  return target;
};
const run = async (...args: string[]): Promise<string> => {
  await scoreCommand().parseAsync(['--task', 'e2e', '--no-paraphrases', ...args], { from: 'user' });
  return printed;
};

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'deltabench-'));
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const references = ['A red boat sails.', 'The boat that sails is red.', '', 'Old mills turn slowly.'];
const good = ['A red boat sails.', 'Old mills turn slowly.'];
const poor = ['A boat.', 'Mills are old.'];

describe('bench score', () => {
  it('prints a table and, if asked, the segments', async () => {
    const given = [
      '--predictions',
      await file('good.txt', good),
      '--references',
      await file('refs.txt', references),
    ];
    const lines = (await run(...given, '--segments')).trimEnd().split('\n');
    expect(lines[0]).toMatch(/BLEU +NIST +METEOR \(no paraphrases\) +ROUGE-L +CIDEr/);
    expect(lines[1]).toMatch(/^good\.txt +1\.0000 /);
    expect(lines).toHaveLength(2 + 1 + 1 + 2);
  });

  it('compares systems', async () => {
    const text = await run(
      ...['--predictions', await file('good.txt', good), await file('poor.txt', poor)],
      ...['--references', await file('refs.txt', references), '--resamples', '50', '--json'],
    );
    const result = JSON.parse(text) as {
      systems: { metrics: Record<string, number>; intervals: Record<string, number[]> }[];
      comparisons: { metric: string; systems: string[]; difference: number; p: number }[];
    };
    expect(result.systems.map(({ metrics }) => metrics.BLEU)).toEqual([1, expect.any(Number)]);
    expect(result.systems[1]!.intervals.BLEU).toHaveLength(2);
    expect(result.comparisons.map(({ metric }) => metric)).toEqual([
      'BLEU',
      'NIST',
      'METEOR (no paraphrases)',
      'ROUGE-L',
      'CIDEr',
    ]);
    for (const { systems, difference } of result.comparisons) {
      expect(systems).toEqual(['good.txt', 'poor.txt']);
      expect(difference).toBeGreaterThan(0);
    }
  });

  it('says what is wrong with its files', async () => {
    const refs = await file('refs.txt', references);
    const one = await file('one.txt', ['A boat.', 'A mill.', 'A third.']);
    await expect(run('--predictions', one, '--references', refs)).rejects.toThrow(
      /one\.txt.*3 predictions, but references for 2 instances/,
    );
    await expect(run('--predictions', `${one}.not`, '--references', refs)).rejects.toThrow(UsageError);
    await expect(
      run('--predictions', await file('none.txt', []), '--references', await file('no.txt', [])),
    ).rejects.toThrow(/holds no references/);
  });
});
