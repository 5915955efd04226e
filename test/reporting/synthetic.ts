// Writes made-up records with logs and predictions; used by the tests of reports.
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hashJson } from '../../harness/support/json/canonical-json.ts';
import type { RunRecord, Settings } from '../../harness/records/record.ts';
import { sealJudgement, type JudgementSettings } from '../../harness/records/judgement-record.ts';
import { besideRecord, recordPath } from '../../harness/records/record-files.ts';
import { sampler } from '../../harness/metrics/resampling/bootstrap.ts';
import { sampleRecord, settings } from '../records/sample-record.ts';

/** Made-up results of each method: label, parameters, loss of quality, milliseconds and gigabytes. */
const methods: Record<string, [string, number, number, number, number]> = {
  full: ['FT', 354_823_168, 0, 160, 9.1],
  lora: ['LoRA', 786_432, 0.004, 95, 4.2],
  adapter: ['Adapter', 893_952, 0.012, 104, 4.6],
  'adapter-ffn': ['Adapter (FFN)', 600_000, 0.009, 99, 4.4],
  bitfit: ['BitFit', 272_384, 0.03, 82, 3.7],
  prefix: ['Prefix', 983_040, 0.041, 101, 4.1],
  ia3: ['(IA)³', 221_184, 0.05, 85, 3.8],
  red: ['RED', 49_152, 0.008, 79, 3.5],
  'red~no-scaling': ['RED (no scaling)', 24_576, 0.022, 78, 3.5],
  'red~no-bias': ['RED (no bias)', 24_576, 0.037, 78, 3.5],
  'red~position=attn': ['RED (attn)', 49_152, 0.016, 79, 3.5],
};

export interface Made {
  readonly tasks: readonly string[];
  readonly models: readonly string[];
  readonly seeds: readonly number[];
  readonly variants?: number;
  /** Number of steps in a training log. */
  readonly steps?: number;
  /** Number of predictions of a run; `text` is the first of them. */
  readonly predictions?: number;
  readonly text?: string;
}

/** Writes records of made-up runs in the layout of real ones; returns their paths. */
export async function writeResults(results: string, made: Made): Promise<string[]> {
  const paths: string[] = [];
  for (const [t, task] of made.tasks.entries()) {
    for (const [m, model] of made.models.entries()) {
      for (const variant of Object.keys(methods).slice(0, made.variants)) {
        for (const seed of made.seeds) {
          const path = recordPath(results, { task, model, variant, seed });
          await mkdir(dirname(path), { recursive: true });
          await writeFile(
            path,
            JSON.stringify(await runOf(path, { task, model, variant, seed, t, m }, made)),
          );
          paths.push(path);
        }
      }
    }
  }
  return paths;
}

async function runOf(
  path: string,
  {
    task,
    model,
    variant,
    seed,
    t,
    m,
  }: { task: string; model: string; variant: string; seed: number; t: number; m: number },
  { steps = 40, predictions = 12, text }: Made,
): Promise<RunRecord> {
  const [label, trained, lost, milliseconds, gigabytes] = methods[variant]!;
  const draw = sampler(seed * 1009 + t * 31 + m * 7 + variant.length);
  const noise = (): number => (draw(2001) - 1000) / 1000;
  const quality = 0.66 - 0.05 * t + 0.04 * m - lost + 0.006 * noise();
  const own: Settings = {
    ...settings,
    task: { name: task, version: 1 },
    data: { ...settings.data, name: task, form: 'made' },
    model: { ...settings.model, id: model },
    methods: [{ name: variant.split('~')[0]!, options: { variant } }],
    limits: { examples: null, steps: null },
    seed,
  };
  const log = Array.from({ length: steps }, (_, i) => ({
    step: i + 1,
    loss: 0.9 + 3 * Math.exp((-5 * i) / steps) + lost * 4 + 0.05 * noise(),
    learningRate: 1e-3,
    gradientNorm: 1,
    milliseconds: milliseconds * (i < 10 ? 2 : 1) + 2 * noise(),
    tokens: 500,
  }));
  const answers = Array.from({ length: predictions }, (_, i) => ({
    id: String(i),
    input: `name : Inn ${i} | food : soup`,
    references: [`Inn ${i} has soup .`, `There is soup at Inn ${i} .`],
    prediction: i === 0 && text !== undefined ? text : `Inn ${i} ${label} serves soup .`,
    scores: { BLEU: Math.abs(noise()), 'ROUGE-L': Math.abs(noise()) },
  }));
  const failed = variant === 'prefix' && seed === 2;
  const metric = (name: string, value: number, scale: number) => ({
    name,
    split: 'test' as const,
    value,
    higherIsBetter: true,
    scale,
    decimals: 2,
  });
  return sampleRecord({
    identity: hashJson(own),
    settings: own,
    status: failed ? 'failed' : 'finished',
    ...(failed && { error: { name: 'Diverged', message: 'the loss became non-finite at step_3 & 100 %' } }),
    method: { variant, label },
    parameters: { trained, head: 0, all: 354_823_168 + trained },
    training: {
      steps,
      bestStep: steps,
      neverMoved: [],
      evaluations: [0.25, 0.5, 0.75, 1].map((part) => ({
        step: Math.round(part * steps),
        loss: 1 + 3 * Math.exp(-5 * part) + lost * 4,
        seconds: 1,
      })),
    },
    metrics: failed
      ? []
      : [
          metric('BLEU', quality, 100),
          metric('NIST', 8 + 4 * (quality - 0.6), 1),
          metric('ROUGE-L', quality + 0.04, 100),
        ],
    peakMemoryBytes: Math.round((gigabytes + 0.1 * noise()) * 1e9),
    files: {
      ...(steps > 0 && { steps: await keep(besideRecord(path, 'steps.jsonl'), log) }),
      ...(predictions > 0 && { predictions: await keep(besideRecord(path, 'predictions.jsonl'), answers) }),
    },
  });
}

async function keep(file: string, rows: readonly object[]): Promise<{ name: string; sha256: string }> {
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  await writeFile(file, text);
  return { name: basename(file), sha256: createHash('sha256').update(text).digest('hex') };
}

/** Writes a made-up comparison of two models in both orders, with its answers, and gives its path. */
export async function writeJudgement(results: string, text: string): Promise<string> {
  const [hash, folder] = ['0'.repeat(64), join(results, 'judgements', 'gpt2', 'lora')];
  const examples = [1, 2, 3, 4].map((id) => ({
    id,
    category: 'writing',
    turn: 2,
    question: ['First?', text],
    answers: ['One.', text],
    other: ['Other.', `answer ${id}`],
    verdict: 'tie',
    isFailed: false,
    orders: ['model_1', 'model_2'],
    texts: ['[[A]]', `[[A]] ${text}`],
  }));
  const lines = examples.map((example) => `${JSON.stringify(example)}\n`).join('');
  const files = {
    judgements: { name: 'x.judgements.jsonl', sha256: hash },
    examples: { name: 'x.examples.jsonl', sha256: createHash('sha256').update(lines).digest('hex') },
  };
  const settings: JudgementSettings = {
    evaluation: { name: 'mt-bench', version: 1 },
    mode: 'mt-bench-pairwise',
    answers: { identity: hash, hash },
    against: { model: 'rival', hash },
    references: hash,
    prompts: hash,
    judge: { kind: 'endpoint', model: 'judge', hash: null, maxTokens: 2048 },
  };
  const record = sealJudgement({
    schema: 1,
    kind: 'judgement',
    identity: hashJson(settings),
    settings,
    model: 'gpt2',
    label: 'LoRA',
    started: '2026-01-01T00:00:00.000Z',
    ended: '2026-01-01T00:00:01.000Z',
    judgements: { of: 4, unread: 0, failed: 0 },
    metrics: [{ name: 'win_rate', value: 0 }],
    lengths: { judged: 5, other: 6 },
    order: { judgements: 4, first: 1, second: 0 },
    tokens: { prompt: 1, reply: 1 },
    files,
    code: sampleRecord({}).code,
    environment: sampleRecord({}).environment,
  });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, files.examples.name), lines);
  const path = join(folder, 'mt-bench~pairwise~judge~00000000.json');
  await writeFile(path, JSON.stringify(record));
  return path;
}

/** A result of peft's method_comparison with the numbers that its table shows. */
export const publishedResult = (name: string, accuracy: number, memory = 1e9, more: object = {}) => ({
  run_info: {
    created_at: '2026-07-15T05:41:18+00:00',
    total_time: 2,
    experiment_name: name,
    peft_branch: 'main',
    train_config: { model_id: 'a/base' },
    peft_config: { peft_type: 'LORA' },
  },
  train_info: {
    accelerator_memory_reserved_avg: memory,
    accelerator_memory_max: memory,
    accelerator_memory_reserved_99th: memory,
    train_time: 1,
    file_size: 1e6,
    num_trainable_params: 1000,
    status: 'success',
    metrics: [{ step: 4, 'test accuracy': accuracy, 'train loss': 0.5, 'train samples': 16 }],
    ...more,
  },
  meta_info: { package_info: {}, system_info: {} },
});
