// Tests of `bench check`: drifts are named with exit code 1, and --update writes the baseline.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { builtinFolder } from '../../harness/models/bases/built-in.ts';
import type { CellBaseline, ScoresBaseline } from '../../harness/runs/check/baseline.ts';
import type { Drift } from '../../harness/runs/check/drifts.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchInside(folder);

const update = (baseline: string, ...only: string[]) =>
  bench('check', '--update', '--reason', 'a test', '--baseline', baseline, '--only', ...only);

/** Edits a baseline's file. */
async function edit(path: string, change: (content: CellBaseline & ScoresBaseline) => void): Promise<void> {
  const content = JSON.parse(await readFile(path, 'utf8')) as Parameters<typeof change>[0];
  change(content);
  await writeFile(path, JSON.stringify(content));
}

describe.concurrent('scores of fixed predictions and of evaluations', () => {
  test('a baseline made of this code holds, and keeps its reason', async () => {
    const baseline = join(folder, 'holds');
    expect((await update(baseline, 'scores')).exitCode).toBe(0);
    const kept = JSON.parse(await readFile(join(baseline, 'scores.json'), 'utf8')) as ScoresBaseline;
    expect(kept.updated).toMatchObject({ reason: 'a test', version: '0.1.0' });
    const { stdout, exitCode } = await bench('check', '--baseline', baseline, '--only', 'scores');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^scores +e2e BLEU +0\.\d+ +0\.\d+ +0 +1e-6 +ok$/m);
    expect(stdout).toMatch(/^scores +restaurants acc_norm +0\.450+ +0\.450+ +0 +1e-6 +ok$/m);
    expect(stdout).toMatch(/^All 21 values are within their limits/m);
  });

  test('a metric off by 0.001 fails, with the command that shows it again', async () => {
    const baseline = join(folder, 'metric');
    await update(baseline, 'scores');
    await edit(join(baseline, 'scores.json'), ({ scores }) => {
      scores['mrpc F1']! += 0.001;
    });
    const { stdout, exitCode } = await bench('check', '--baseline', baseline, '--only', 'scores');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^scores +mrpc F1 .* 1\.0e-3 +1e-6 +✗$/m);
    expect(stdout).toContain(
      `✗ scores: mrpc F1. See it again: npm run bench -- check --only scores --baseline ${baseline}`,
    );
  });

  test.each([
    ['{', /is not JSON/],
    ['{"schema": 9}', /is broken or of another version of deltabench: schema/],
    ['{"schema": 1, "scores": {"e2e BLEU": "much"}}', /is broken .*: (updated|scores)/],
  ])('a broken baseline %s is refused', async (text, message) => {
    const baseline = await mkdtemp(join(folder, 'broken-'));
    await writeFile(join(baseline, 'scores.json'), text);
    const { stderr, exitCode } = await bench('check', '--baseline', baseline, '--only', 'scores');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('check --only scores --update --reason TEXT');
  });

  test.each([
    [['--baseline', join(folder, 'none')], /is not there\. Get it again .* --update --reason TEXT/],
    [['--update'], /--update needs --reason TEXT/],
    [['--update', '--reason', ' '], /--update needs --reason TEXT/],
    [['--reason', 'why'], /--reason belongs to --update/],
    [
      ['--only', 'score'],
      /The gate has no cell "score"\. Did you mean "scores"\? Cells: e2e\/gpt2-mini\/full/,
    ],
  ])('wrong usage: %s', async (args, message) => {
    const { stderr, exitCode } = await bench('check', ...args);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });
});

describe.skipIf(!existsSync(builtinFolder('gpt2-mini')))('a cell on a built-in base', () => {
  const baseline = join(folder, 'cell');
  const cell = 'e2e/gpt2-mini/red';
  const file = join(baseline, `${cell}.json`);

  test('what changed fails, and nothing else', async () => {
    expect((await update(baseline, cell)).exitCode).toBe(0);
    await edit(file, ({ measures }) => {
      // Time and memory get wide limits, since the machine is busy with tests.
      measures.time *= 100;
      measures.memory *= 10;
      measures.losses[13]! *= 1.001;
      measures.trained++;
    });
    const { stdout, exitCode } = await bench('check', '--baseline', baseline, '--only', cell, '--json');
    const { ok, drifts } = JSON.parse(stdout) as { ok: boolean; drifts: Drift[] };
    expect([exitCode, ok]).toEqual([1, false]);
    const failed = drifts.filter((drift) => !drift.ok);
    expect(failed.map(({ what }) => what)).toEqual(['trained parameters', 'training: loss 14 of 20']);
    expect(failed.every((drift) => drift.cell === cell)).toBe(true);
    expect(failed[1]!.drift).toBeCloseTo(0.001, 5);
    // The same machine computes the same bits.
    const exact = drifts.filter(({ what }) => what.startsWith('adapter'));
    expect(exact.map(({ drift }) => drift)).toEqual([0, 0]);
  });

  test('a tracked adapter that is gone or broken is refused', async () => {
    const adapter = join(baseline, `${cell}.safetensors`);
    await writeFile(adapter, 'no tensors');
    const broken = await bench('check', '--baseline', baseline, '--only', cell);
    expect(broken.exitCode).toBe(2);
    expect(broken.stderr).toMatch(/red\.safetensors is not a sound safetensors file/);
    await rm(adapter);
    const gone = await bench('check', '--baseline', baseline, '--only', cell);
    expect(gone.exitCode).toBe(2);
    expect(gone.stderr).toMatch(/The tracked adapter .*red\.safetensors is not there/);
  });
});
