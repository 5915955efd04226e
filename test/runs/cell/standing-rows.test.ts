// Standing rows: answers without a model, which tasks they say something of, and how tables show them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { formatTable } from '../../../harness/reporting/tables/format-table.ts';
import { tableRows } from '../../../harness/reporting/tables/compare-rows.ts';
import type { Outcome } from '../../../harness/runs/execute/executor.ts';
import { standingRows } from '../../../harness/runs/plan/standing-rows.ts';
import { loadMethods, loadTasks } from '../../../harness/runs/plan/load-plugins.ts';
import { tinyRuns } from '../tiny-run.ts';

const tiny = await tinyRuns();
const [methods, tasks] = [await loadMethods(), await loadTasks()];
const builtIn = { models: [], data: 'built-in', settings: [], maxSteps: 2, limit: 40 };

async function predictionsOf({ path, record }: Outcome): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(path, '..', record.files.predictions!.name), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the most frequent answer', () => {
  it('is the class that most training examples have, on an encoder without a trained head', async () => {
    const { outcomes } = await tiny.run('classes', {
      ...builtIn,
      tasks: ['mrpc'],
      methods: ['most-frequent'],
    });
    const { record } = outcomes[0]!;
    expect(record).toMatchObject({
      status: 'finished',
      method: { answers: 'most-frequent' },
      parameters: { trained: 0, head: 0 },
      examples: { train: { used: 40 }, validation: { used: 0 }, test: { used: 40 } },
    });
    expect(record.training).toBeUndefined();
    const task = tasks.get('mrpc')!;
    if (task.kind !== 'label') throw new Error('mrpc has classes');
    const data = task.draw(await task.load({ kind: 'built-in' }), {
      seed: 1,
      family: 'roberta',
      side: () => 'corrected',
    });
    const ones = data.train.slice(0, 40).filter(({ label }) => label === 1).length;
    const majority = ones > 20 ? 1 : 0;
    const rows = await predictionsOf(outcomes[0]!);
    expect(new Set(rows.map(({ prediction }) => prediction))).toEqual(new Set([majority]));
    const right = rows.filter(({ label }) => label === majority).length;
    expect(record.metrics.find(({ name }) => name === 'accuracy')!.value).toBeCloseTo(
      right / rows.length,
      12,
    );
  });

  it('is the commonest target of a task of texts, and every input copied is another row', async () => {
    const asked = { methods: ['most-frequent', 'copied-input'] };
    const { outcomes } = await tiny.run('texts', asked);
    const [frequent, copied] = await Promise.all(outcomes.map(predictionsOf));
    expect(new Set(frequent!.map(({ prediction }) => prediction)).size).toBe(1);
    for (const { input, prediction } of copied!) expect(prediction).toBe(input);
  });

  it('needs one run, whatever the seeds', async () => {
    const { outcomes } = await tiny.run('seeds', { methods: ['copied-input'], seeds: [1, 2, 3] });
    expect(outcomes).toHaveLength(1);
  });
});

describe('where standing rows say something', () => {
  it.each([
    ['sst2', ['none', 'most-frequent']],
    ['stsb', ['none']],
    ['e2e', ['none', 'most-frequent', 'copied-input']],
  ])('%s', (task, names) => {
    expect(standingRows(tasks.get(task)!, methods)).toEqual(names);
  });

  it.each([
    ['stsb', 'most-frequent', /most-frequent says nothing of stsb: its answers are values/],
    ['sst2', 'copied-input', /copied-input says nothing of sst2: its answers are classes or values/],
    ['e2e', 'most-frequent+red', /most-frequent uses no model and stands alone/],
  ])('%s with %s is refused', async (task, method, message) => {
    const planned = tiny.plan('refused', { ...builtIn, tasks: [task], methods: [method] });
    await expect(planned).rejects.toThrow(UsageError);
    await expect(planned).rejects.toThrow(message);
  });
});

it('tables show them last, under a rule, and compare no answers without a model', async () => {
  const asked = { ...builtIn, tasks: ['sst2'], methods: ['bitfit'], standingRows: true, seeds: [1] };
  const { outcomes } = await tiny.run('table', asked);
  const { rows } = await tableRows(outcomes);
  const text = formatTable(rows);
  const table = text.split('\n\n')[1]!.split('\n');
  const lines = table.filter((line) => /^(─|BitFit|Head only|Most frequent)/.test(line));
  expect(lines.map((line) => line.split(/ {2}/)[0]!.replace(/─+/, '─'))).toEqual([
    '─',
    'BitFit',
    '─',
    'Head only',
    'Most frequent answer',
  ]);
  expect(text).not.toMatch(/Most frequent answer.*collapsed/);
});
