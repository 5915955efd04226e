// The published rows of method_comparison: each variant trains as many parameters as peft counted.
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { countParameters } from '../../../harness/models/delta/count-parameters.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { metamathTable } from '../../../harness/papers/peft/metamathqa.ts';
import { sameParameters } from '../../../harness/reporting/published/verdict.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { loadMethods, loadTasks } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { planTable, type ReproduceRequest } from '../../../harness/runs/reproduce/plan-table.ts';

/** The shape of Llama 3.2 3B, which its config.json gives. */
const llama = {
  model_type: 'llama',
  hidden_size: 3072,
  intermediate_size: 8192,
  num_hidden_layers: 28,
  num_attention_heads: 24,
  num_key_value_heads: 8,
  head_dim: 128,
  vocab_size: 128256,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  tie_word_embeddings: true,
  hidden_act: 'silu',
};
const asked = { table: metamathTable, bases: new Map<string, string>(), engine: 'onnx', results: 'results' };
const plan = async (scale: ReproduceRequest['scale']) =>
  planTable({ ...asked, scale }, await loadMethods(), await loadTasks());

test('63 rows; those that can be run train exactly as many parameters as peft counted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'config.json'), JSON.stringify(llama));
  const [base, methods] = [await loadBase(folder), await loadMethods()];
  const { rows } = metamathTable;
  expect(rows).toHaveLength(63);
  const run = rows.filter(({ reason }) => reason === undefined);
  expect(run.length).toBeGreaterThanOrEqual(26);
  for (const { method, params } of run) {
    const { trained } = countParameters(base, await attachMethods(parseVariant(method, methods), base));
    expect({ method, same: sameParameters(trained, params!) }).toEqual({ method, same: true });
  }
});

test('runs follow the code, with the rates of their rows; a rehearsal has those of its base', async () => {
  const full = await plan('full');
  const of = ({ runs }: typeof full, label: string) => runs.find(({ row }) => row.label === label)!.cells[0]!;
  const lora = of(full, 'lora/rank32');
  expect(lora.recipe).toMatchObject({
    learningRate: 1e-4,
    weightDecay: 0.1,
    clip: 1,
    schedule: 'cosine',
    warmup: 0.1,
    batchSize: 4,
    maxSteps: 5000,
    evaluateEvery: 250,
    order: 'buckets',
    endOfLongest: 'not-learnt',
    keep: 'last',
    lossOn: 'everything',
    template: 'metamath',
    maxNewTokens: 300,
  });
  expect([lora.model, lora.seed]).toEqual(['meta-llama/Llama-3.2-3B', 0]);
  expect(of(full, 'ia3/lr_0.001').recipe.learningRate).toBe(1e-3);
  expect(of(await plan('mini'), 'ia3/lr_0.001').recipe).toMatchObject({ maxSteps: 800, order: 'buckets' });
});

const gathered = join(process.env.DELTABENCH_DATA ?? '', '..', 'papers', 'peft-method-comparison.json');
test.skipIf(!existsSync(gathered))('accuracies and counts as in the result files', () => {
  const { rows } = JSON.parse(readFileSync(gathered, 'utf8')) as {
    rows: { experiment: string; testAccuracy: number; trainedParameters: number; learningRate: number }[];
  };
  expect(
    metamathTable.rows.map(({ label, values, params, settings }) => [label, values, params, settings ?? []]),
  ).toEqual(
    rows.map(({ experiment, testAccuracy, trainedParameters, learningRate }) => [
      experiment.replace('llama-3.2-3B-', ''),
      [Number((100 * testAccuracy).toFixed(2))],
      trainedParameters.toLocaleString('en'),
      learningRate === 1e-4 ? [] : [`learningRate=${learningRate}`],
    ]),
  );
});
