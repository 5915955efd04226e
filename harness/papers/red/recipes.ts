/** The recipes that the RED paper prints, as data. */
import type { PaperRecipe } from '../recipe.ts';

/** The columns of Tables 9, 10 and 12. */
const tasks = ['mnli', 'sst2', 'mrpc', 'cola', 'qnli', 'qqp', 'rte', 'stsb'] as const;

/** One value for all tasks, or one a task in the order of the columns. */
type Line = number | readonly number[];

interface Block {
  readonly table: number;
  readonly model: string;
  readonly method: string;
  readonly lines: Readonly<Record<string, Line>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

// The lines of each block as printed; all use AdamW, a linear schedule and at most 256 tokens.
const roberta = { table: 9, model: 'roberta-base' };
const large = { table: 10, model: 'roberta-large' };
const epochsBase = [20, 40, 40, 40, 20, 20, 40, 40];
const epochsLarge = [10, 10, 20, 20, 10, 10, 20, 10];
const base = { batchSize: 32, epochs: epochsBase, warmup: 0.06 };
const baseLarge = { batchSize: 32, epochs: epochsLarge, warmup: 0.06 };

const blocks: readonly Block[] = [
  { ...roberta, method: 'full', lines: { ...base, learningRate: 1e-5, weightDecay: 1e-4 } },
  {
    ...roberta,
    method: 'lora',
    lines: { ...base, learningRate: [5e-4, 5e-4, 4e-4, 4e-4, 4e-4, 5e-4, 5e-4, 4e-4] },
    options: { rank: 8, alpha: 8 },
  },
  { ...roberta, method: 'adapter', lines: { ...base, learningRate: 1e-4 }, options: { bottleneck: 8 } },
  { ...roberta, method: 'adapter-ffn', lines: { ...base, learningRate: 1e-4 }, options: { bottleneck: 16 } },
  { ...roberta, method: 'bitfit', lines: { ...base, learningRate: 1e-4 } },
  {
    ...roberta,
    method: 'red',
    lines: { ...base, learningRate: [1e-3, 1e-3, 5e-3, 5e-3, 3e-3, 1e-3, 8e-3, 3e-3] },
  },
  {
    ...large,
    method: 'full',
    lines: {
      ...baseLarge,
      batchSize: [16, 32, 32, 32, 16, 16, 16, 32],
      learningRate: [2e-5, 2e-5, 2e-5, 2e-5, 2e-5, 1e-5, 1e-5, 2e-5],
      weightDecay: 0.1,
    },
  },
  {
    ...large,
    method: 'lora',
    lines: { ...baseLarge, learningRate: [3e-4, 4e-4, 3e-4, 2e-4, 2e-4, 3e-4, 4e-4, 2e-4] },
    options: { rank: 8, alpha: 16 },
  },
  { ...large, method: 'adapter', lines: { ...baseLarge, learningRate: 3e-4 }, options: { bottleneck: 8 } },
  {
    ...large,
    method: 'adapter-ffn',
    lines: { ...baseLarge, learningRate: 3e-4 },
    options: { bottleneck: 16 },
  },
  {
    ...large,
    method: 'red',
    lines: {
      ...baseLarge,
      learningRate: [1e-3, 1e-3, 2e-3, 1e-3, 1e-3, 1e-3, 5e-3, 5e-3],
      weightDecay: [0, 0, 0, 0, 0, 0, 1e-4, 0],
      warmup: [0.06, 0.06, 0, 0.06, 0.06, 0.06, 0.01, 0.06],
    },
  },
  {
    table: 12,
    model: 't5-base',
    method: 'red',
    lines: {
      batchSize: 32,
      epochs: [10, 10, 20, 60, 10, 10, 30, 50],
      learningRate: [5e-2, 3e-2, 1e-1, 4e-2, 2e-2, 5e-3, 7e-2, 4e-2],
      warmup: [0.01, 0.06, 0.01, 0.01, 0, 0.01, 0.01, 0.06],
    },
  },
];

/**
 * Tables 9, 10 and 12 of the RED paper, one recipe a cell. The seeds are those of its section A.1, which
 * states none for T5.
 */
const glueRecipes: readonly PaperRecipe[] = blocks.flatMap(({ table, model, method, lines, options }) =>
  tasks.map((task, column) => ({
    source: `red/table-${table}`,
    model,
    task,
    method,
    settings: {
      schedule: 'linear',
      promptLength: 256,
      ...Object.fromEntries(
        Object.entries(lines).map(([key, line]) => [key, typeof line === 'number' ? line : line[column]!]),
      ),
    },
    options: options ?? {},
    seeds: [42, 43, 44, 45, 46],
  })),
);

// Table 11, one column a line, with an evaluation every 500 steps (section B.2). Only RED's columns name one
// of the two bases; the others serve both.
const shared = {
  schedule: 'linear',
  weightDecay: 0,
  epochs: 5,
  labelSmoothing: 0,
  warmup: 500,
  batchSize: 10,
  beams: 10,
  lengthPenalty: 0.9,
  noRepeatNgram: 4,
  evaluateEvery: 500,
};
const gpt2s = ['gpt2-medium', 'gpt2-large'];
const textColumns = [
  { method: 'full', models: gpt2s, settings: { learningRate: 5e-5 } },
  { method: 'ft-top2', models: ['gpt2-medium'], settings: { learningRate: 5e-5 } },
  { method: 'adapter', models: gpt2s, settings: { learningRate: 8e-5 }, options: { bottleneck: 8 } },
  { method: 'adapter-ffn', models: gpt2s, settings: { learningRate: 8e-5 }, options: { bottleneck: 16 } },
  {
    method: 'lora',
    models: gpt2s,
    settings: { learningRate: 2e-4, weightDecay: 0.01, labelSmoothing: 0.1 },
    options: { rank: 8, alpha: 32 },
  },
  { method: 'prefix', models: gpt2s, settings: { learningRate: 8e-5 }, options: { virtualTokens: 16 } },
  { method: 'red', models: ['gpt2-medium'], settings: { learningRate: 0.06, weightDecay: 1e-4 } },
  { method: 'red', models: ['gpt2-large'], settings: { learningRate: 5e-5, epochs: 10 } },
];

/** Table 11 of the RED paper; seeds are those of its section A.2. */
const textRecipes: readonly PaperRecipe[] = textColumns.flatMap(({ method, models, settings, options }) =>
  models.map((model) => ({
    source: 'red/table-11',
    model,
    task: 'e2e',
    method,
    settings: { ...shared, ...settings },
    options: options ?? {},
    seeds: [42, 43, 44],
  })),
);

// Table 13: 768 tokens are those of prompt and answer. Its code has prompts of at most 256 and drops longer
// examples, which the paper does not say; nor does it state seeds.
const instructed = {
  batchSize: 128,
  microBatch: 2,
  schedule: 'cosine',
  warmup: 0.1,
  length: 768,
  noRepeatNgram: 5,
  repetitionPenalty: 1.1,
};
const instructedColumns = [
  { method: 'full', settings: { learningRate: 2e-5, epochs: 3 } },
  {
    method: 'lora',
    settings: { learningRate: 3e-4, epochs: 3 },
    options: { rank: 16, alpha: 16, dropout: 0.1, targets: ['query', 'value'] },
  },
  { method: 'red', settings: { learningRate: 1e-3, epochs: 10 } },
];

/** Table 13 of the RED paper: Llama-2 7B on UltraFeedback. */
const instructionRecipes: readonly PaperRecipe[] = instructedColumns.map(({ method, settings, options }) => ({
  source: 'red/table-13',
  model: 'llama-2-7b',
  task: 'ultrafeedback',
  method,
  settings: { ...instructed, ...settings },
  options: options ?? {},
  seeds: [42],
}));

/** Tables 9 to 13 of the RED paper. */
export const redRecipes: readonly PaperRecipe[] = [...glueRecipes, ...textRecipes, ...instructionRecipes];
