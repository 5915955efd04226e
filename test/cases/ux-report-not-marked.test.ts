// Regression test: `report` marked nothing above 40,000 test examples in total, where the table of `run` had
// marks. Expected: each table of any size has the terminal's marks; a table with too many texts says so
// itself (test/reporting/tables/marks.test.ts).
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tableRows } from '../../harness/reporting/tables/compare-rows.ts';
import { collectRecords } from '../../harness/records/read-records.ts';
import type { Outcome } from '../../harness/runs/execute/executor.ts';
import { loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { benchInside } from '../cli/inside.ts';
import { writeLabelled } from './labelled-results.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
const results = join(root, 'results');
const examples = 5_001;
afterAll(() => rm(root, { recursive: true }));
beforeAll(() =>
  writeLabelled(
    results,
    [
      { name: 'none', right: [0.6, 0.61, 0.6] },
      { name: 'red', right: [0.9, 0.905, 0.9] },
      { name: 'lora', right: [0.9, 0.9, 0.904] },
    ],
    { task: 'sst2', examples },
  ),
);

test('45,009 test examples are marked, in the report as in the terminal', async () => {
  const out = join(root, 'out');
  const { exitCode, stderr } = await benchInside(root)(
    'report',
    '--results',
    results,
    '--out',
    out,
    '--format',
    'md',
  );
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain('Comparing the rows of sst2 · roberta-mini: 45,009 answers');
  const markdown = await readFile(join(out, 'report.md'), 'utf8');
  expect(markdown).toMatch(/^\| red .*\*\*90\.2 ± 0\.3\*\*/m);
  expect(markdown).toMatch(/^\| lora .*\*\*90\.1 ± 0\.2\*\*/m);
  expect(markdown).toMatch(/^\| none .*<u>60\.3 ± 0\.6<\/u>/m);

  const tasks = await loadTasks();
  const { records } = await collectRecords(results);
  // The records come in another order than the report's, the one that `run` has.
  const outcomes = records.toReversed().map(({ path, record }): Outcome => {
    const { task, model, seed } = record.settings;
    const cell = {
      task: tasks.get(task.name)!,
      model: model.id,
      variant: { name: record.method.variant, label: record.method.label },
      seed,
    };
    return { cell: cell as unknown as Outcome['cell'], record, path: join(results, path) };
  });
  const { rows, comparisons } = await tableRows(outcomes);
  expect(Object.fromEntries(rows.map(({ variant, marks }) => [variant, marks?.accuracy]))).toEqual({
    red: 'best',
    lora: 'best',
    none: 'next',
  });
  const again = await tableRows(outcomes.toReversed());
  const byOther = (all: typeof comparisons) => all.toSorted((a, b) => (a.other < b.other ? -1 : 1));
  expect(byOther(again.comparisons)).toEqual(byOther(comparisons));
});
