// The columns of time per token: measured once, kept beside records, and with a reason where nothing merges.
import { readFile, rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { tableRows } from '../../../harness/reporting/tables/compare-rows.ts';
import { findColumns } from '../../../harness/reporting/tables/cost-columns.ts';
import { formatTable } from '../../../harness/reporting/tables/format-table.ts';
import { measureColumns } from '../../../harness/runs/measure/measure-columns.ts';
import { tinyRuns } from '../tiny-run.ts';

const { run, plan } = await tinyRuns();
const { engine } = await plan('plan');
const columns = findColumns(['token-time', 'merged-token-time', 'base-token-time']);

test('a base, its adapter and the merged model are timed once; what does not merge says why', async () => {
  const { outcomes } = await run('times', { methods: ['lora', 'prompt', 'none'], maxSteps: 1 });
  const measured: number[] = [];
  const measure = () =>
    measureColumns(columns, outcomes, {
      engine,
      signal: new AbortController().signal,
      onProgress: (_, __, total) => void measured.push(total),
    });
  await measure();
  const filesOf = (variant: string): string =>
    outcomes.find(({ cell }) => cell.variant.name === variant)!.path.replace(/json$/, 'token-times.json');
  const lora = JSON.parse(await readFile(filesOf('lora'), 'utf8')) as Record<string, unknown>;
  expect(lora).toMatchObject({ tokens: 96, trained: outcomes[0]!.record.files.tensors!.sha256 });
  const { rows, comparisons } = await tableRows(outcomes);
  const [first, second, frozen] = rows;
  for (const { name } of columns) expect(first!.costs[name]).toBeGreaterThan(0);
  expect(first!.costs['token-time']).toBe(lora.adapter);
  expect(first!.costs['base-token-time']).toBe(lora.base);
  expect(first!.costs['merged-token-time']).toBe(lora.merged);
  expect(first!.notes).not.toContainEqual(expect.stringContaining('merging'));
  expect(second!.costs['token-time']).toBeGreaterThan(0);
  expect(second!.costs['merged-token-time']).toBeUndefined();
  expect(second!.notes).toContainEqual('Prompt Tuning has no time after merging: it does not merge');
  expect(frozen!.costs['token-time']).toBeGreaterThan(0);
  const table = formatTable(rows, comparisons, Infinity, columns);
  expect(table).toMatch(/ms\/token +merged, ms\/token +base, ms\/token/);
  expect(table).toContain('Prompt Tuning has no time after merging');
  expect(measured.at(-1)).toBe(3);
  measured.length = 0;
  await measure();
  expect(measured).toEqual([]);
  await rm(filesOf('prompt'));
  await measure();
  expect(measured.at(-1)).toBe(1);
});

test('an encoder-decoder that answers in words has times, an encoder with a head of classes has none', async () => {
  const runOn = async (model: string) =>
    (
      await run('classes', {
        tasks: ['sst2'],
        models: [model],
        methods: ['lora'],
        data: undefined,
        maxSteps: 1,
        settings: ['batch-size=4'],
      })
    ).outcomes;
  const outcomes = [...(await runOn('t5-mini')), ...(await runOn('roberta-mini'))];
  const options = { engine, signal: new AbortController().signal, onProgress: () => undefined };
  await measureColumns(columns, outcomes, options);
  const [writes, classifies] = (await tableRows(outcomes)).rows;
  for (const { name } of columns) {
    expect(writes!.costs[name]).toBeGreaterThan(0);
    expect(classifies!.costs[name]).toBeUndefined();
  }
});
