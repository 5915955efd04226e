// Result files of peft's method_comparison: our runs written in their form, and theirs read with their fronts.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { publishedResults } from '../../harness/reporting/peft/published-results.ts';
import { resultSchema } from '../../harness/reporting/peft/result-file.ts';
import { peftResults } from '../../harness/reporting/peft/write-results.ts';
import { readReport } from '../../harness/reporting/report/read-report.ts';
import { loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { tinyRuns } from '../runs/tiny-run.ts';
import { publishedResult } from './synthetic.ts';

const { folder, run } = await tinyRuns();

async function folderOf(files: Readonly<Record<string, unknown>>): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'deltabench-'));
  onTestFinished(() => rm(made, { recursive: true }));
  for (const [name, content] of Object.entries(files))
    await writeFile(join(made, name), typeof content === 'string' ? content : JSON.stringify(content));
  return made;
}

test('a run of metamath has every field that the app reads, and the table reads it back', async () => {
  const { outcomes } = await run('peft', {
    tasks: ['metamath'],
    models: ['llama-mini'],
    methods: ['lora~rank=2'],
    data: 'built-in',
    limit: 4,
    maxSteps: 4,
    settings: ['batch-size=2', 'max-new-tokens=2', 'evaluate-every=2'],
  });
  const tasks = await loadTasks();
  const report = await readReport({
    results: [join(folder, 'peft')],
    split: 'test',
    taskOf: ({ settings }) => tasks.get(settings.task.name),
    onNote: () => undefined,
  });
  const files = await peftResults(report);
  expect(Object.keys(files)).toEqual(['peft/lora--llama-mini-lora~rank=2-seed-1.json']);
  const written = resultSchema.parse(JSON.parse(Object.values(files)[0]!));
  const { record } = outcomes[0]!;
  const steps = (
    await readFile(join(folder, 'peft/metamath/llama-mini/lora~rank=2', record.files.steps!.name), 'utf8')
  )
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { loss: number; tokens: number });
  expect(written.run_info).toMatchObject({
    experiment_name: 'lora/llama-mini-lora~rank=2-seed-1',
    train_config: { model_id: 'llama-mini', batch_size: 2, seed: 1, optimizer_type: 'AdamW' },
    peft_config: { peft_type: 'LORA', rank: 2 },
    error_msg: '',
  });
  // The app reads no other form of times beside its own.
  expect(written.run_info.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
  expect(written.train_info).toMatchObject({
    num_trainable_params: record.parameters.trained,
    status: 'success',
    accelerator_memory_max: record.peakMemoryBytes,
  });
  // The tensors are float32, behind a header.
  expect(written.train_info.file_size).toBeGreaterThan(4 * record.parameters.trained);
  expect(written.train_info.metrics).toMatchObject([
    { step: 2, 'train samples': 4, 'train loss': (steps[0]!.loss + steps[1]!.loss) / 2 },
    { step: 4, 'train samples': 8, 'train loss': (steps[2]!.loss + steps[3]!.loss) / 2 },
    {
      step: 4,
      'test accuracy': record.metrics[0]!.value,
      'train samples': 8,
      'train total tokens': steps.reduce((sum, { tokens }) => sum + tokens, 0),
    },
  ]);
  const needed = ['transformers', 'peft', 'datasets', 'bitsandbytes', 'torch'].map(
    (name) => `${name}-version`,
  );
  expect(Object.keys(written.meta_info.package_info)).toEqual(expect.arrayContaining(needed));
  const { tables } = await publishedResults(await folderOf({ 'own.json': written }));
  expect(tables[0]!.body[0]!.map(({ text }) => text).slice(0, 2)).toEqual([
    'lora/llama-mini-lora~rank=2-seed-1',
    'LORA',
  ]);
});

test('published results: the best first, the latest of each, fronts in bold, broken files told', async () => {
  const older = publishedResult('lora/a', 0.9, 1e9);
  older.run_info.created_at = '2026-07-14T00:00:00+00:00';
  const place = await folderOf({
    'a.json': publishedResult('lora/a', 0.25, 2e9),
    'older.json': older,
    'b.json': publishedResult('lora/b', 0.5, 4e9, { metrics: [{ 'test accuracy': 0.5, forgetting: 0.125 }] }),
    'dominated.json': publishedResult('lora/c', 0.25, 3e9),
    'failed.json': publishedResult('lora/d', 1, 1, { status: 'failed' }),
    'half.json': '{"run_info": ',
    'other.json': { rows: [] },
    'notes.txt': 'no result',
  });
  const { tables, untrusted } = await publishedResults(place);
  expect(untrusted.map(({ path }) => path.slice(place.length + 1))).toEqual(['half.json', 'other.json']);
  expect(tables.map(({ title }) => title)).toEqual(["peft's method_comparison · a/base"]);
  const [, , accuracy, trainable, memory] = [0, 1, 2, 3, 4].map((at) =>
    tables[0]!.body.map((cells) => `${cells[at]!.text}${cells[at]!.mark ?? ''}`),
  );
  expect(tables[0]!.body.map(([name]) => name!.text)).toEqual(['lora/b', 'lora/a', 'lora/c']);
  expect(accuracy).toEqual(['50.00best', '25.00best', '25.00']);
  expect(memory).toEqual(['4.00best', '2.00best', '3.00']);
  expect(trainable).toEqual(['1,000best', '1,000', '1,000']);
  expect(tables[0]!.body[0]!.at(-1)).toMatchObject({ text: '0.13', value: 0.125, mark: 'best' });
  expect(tables[0]!.body[1]!.at(-1)).toEqual({ text: '–' });
});

test('a folder without results says which files it wants', async () => {
  await expect(publishedResults(await folderOf({}))).rejects.toThrow(/holds no result .* method_comparison/);
  await expect(publishedResults('/nowhere')).rejects.toThrow(/--published \/nowhere cannot be read/);
});
