/**
 * What the ReFT paper publishes on commonsense, arithmetic and instructions: averages as its released code
 * (pyreft) plots them, and the commands of its examples; with LLM-Adapters' command for LoRA.
 */
import type { PublishedColumn, PublishedRow, ResultsTable } from '../published-table.ts';
import type { PaperRecipe } from '../recipe.ts';

/** What all of pyreft's commands have: PyTorch's AdamW, a linear schedule, and the clipping of transformers. */
const pyreft = { optimizer: 'adamw', schedule: 'linear', learningRate: 9e-4, weightDecay: 0, clip: 1 };
/** Commonsense and arithmetic: 16 examples at once, two steps together; every layer, seven tokens at each end. */
const reasoning = {
  ...pyreft,
  batchSize: 32,
  microBatch: 16,
  warmup: 0.1,
  promptLength: 512,
  targetLength: 512,
  length: 512,
};
const everyLayer = { rank: 8, first: 7, last: 7, tied: true, dropout: 0 };

/** The commands of pyreft's examples/loreft (README.md), of LoReFT on LLaMA-7B and Llama-2 7B alone. */
const reftCommands: readonly PaperRecipe[] = [
  {
    source: 'reft/commonsense',
    model: 'llama-7b',
    task: 'commonsense',
    method: 'loreft',
    settings: { ...reasoning, template: 'instruction', epochs: 6, maxNewTokens: 32 },
    options: everyLayer,
    seeds: [42, 43, 44],
  },
  {
    source: 'reft/arithmetic',
    model: 'llama-7b',
    task: 'math',
    method: 'loreft',
    settings: { ...reasoning, template: 'pyreft', epochs: 12, maxNewTokens: 512 },
    options: everyLayer,
    seeds: [42, 43, 44],
  },
  {
    source: 'reft/instruct',
    model: 'llama-2-7b',
    task: 'ultrafeedback',
    method: 'loreft',
    settings: {
      ...pyreft,
      batchSize: 128,
      microBatch: 4,
      warmup: 0,
      epochs: 9,
      template: 'pyreft',
      lossOn: 'answer',
      tooLong: 'cut',
      promptLength: 768,
      targetLength: 768,
      length: 768,
    },
    options: { rank: 4, layers: [3, 9, 18, 24], first: 5, last: 5, tied: false, dropout: 0 },
    seeds: [42, 43, 44],
  },
];

/**
 * LLM-Adapters' command for LoRA on LLaMA-7B (README.md, defaults of finetune.py). Its bottleneck adapters stand
 * beside single projections, where no method here has them.
 */
const adaptersCommands: readonly PaperRecipe[] = ['commonsense', 'math'].map((task) => ({
  source: 'llm-adapters/lora',
  model: 'llama-7b',
  task,
  method: 'lora',
  settings: {
    optimizer: 'adamw',
    schedule: 'linear',
    learningRate: 3e-4,
    weightDecay: 0,
    clip: 1,
    warmup: 100,
    batchSize: 16,
    microBatch: 4,
    epochs: 3,
    template: 'llm-adapters',
    lossOn: 'everything',
    promptLength: 256,
    targetLength: 256,
    length: 256,
    beams: 4,
    validationExamples: 120,
    evaluateEvery: 200,
  },
  options: { rank: 8, alpha: 16, dropout: 0.05, targets: ['query', 'value'] },
  seeds: [42],
}));

/** The recipes of the ReFT paper's suites of language models. */
export const reasoningRecipes: readonly PaperRecipe[] = [...reftCommands, ...adaptersCommands];

/** A row as pyreft plots it: base, method, label, trained percent of the base, score, and whether it is ReFT's own. */
type Plotted = readonly [string, string, string, number, number, boolean];

const commonsenseRows = [
  ['llama-7b', 'prefix', 'PrefT', 0.039, 64.6, false],
  ['llama-7b', 'adapter', 'AdapterS', 1.953, 70.8, false],
  ['llama-7b', 'parallel-adapter', 'AdapterP', 3.542, 72.3, false],
  ['llama-7b', 'lora', 'LoRA', 0.826, 74.7, false],
  ['llama-7b', 'dora~half', 'DoRA (half)', 0.427, 77.5, false],
  ['llama-7b', 'dora', 'DoRA', 0.838, 78.1, false],
  ['llama-7b', 'direft', 'DiReFT', 0.031, 79, true],
  ['llama-7b', 'loreft', 'LoReFT', 0.031, 80.2, true],
  ['llama-13b', 'prefix', 'PrefT', 0.031, 68.4, false],
  ['llama-13b', 'adapter', 'AdapterS', 1.586, 79.5, false],
  ['llama-13b', 'parallel-adapter', 'AdapterP', 2.894, 81.5, false],
  ['llama-13b', 'lora', 'LoRA', 0.67, 80.5, false],
  ['llama-13b', 'dora~half', 'DoRA (half)', 0.347, 80.8, false],
  ['llama-13b', 'dora', 'DoRA', 0.681, 81.5, false],
  ['llama-13b', 'direft', 'DiReFT', 0.025, 82.2, true],
  ['llama-13b', 'loreft', 'LoReFT', 0.025, 83.3, true],
  ['llama-2-7b', 'lora', 'LoRA', 0.826, 77.6, false],
  ['llama-2-7b', 'dora~half', 'DoRA (half)', 0.427, 80.5, false],
  ['llama-2-7b', 'dora', 'DoRA', 0.838, 79.7, false],
  ['llama-2-7b', 'direft', 'DiReFT', 0.031, 80.9, true],
  ['llama-2-7b', 'loreft', 'LoReFT', 0.031, 81.8, true],
  ['llama-3-8b', 'lora', 'LoRA', 0.7, 80.8, false],
  ['llama-3-8b', 'dora~half', 'DoRA (half)', 0.361, 85, false],
  ['llama-3-8b', 'dora', 'DoRA', 0.71, 85.2, false],
  ['llama-3-8b', 'direft', 'DiReFT', 0.026, 85.4, true],
  ['llama-3-8b', 'loreft', 'LoReFT', 0.026, 86.6, true],
] as const satisfies readonly Plotted[];
const arithmeticRows = [
  ['llama-7b', 'prefix', 'PrefT', 0.039, 35, false],
  ['llama-7b', 'adapter', 'AdapterS', 1.953, 44.6, false],
  ['llama-7b', 'parallel-adapter', 'AdapterP', 3.542, 46.4, false],
  ['llama-7b', 'lora', 'LoRA', 0.826, 46.9, false],
  ['llama-7b', 'direft', 'DiReFT', 0.031, 40.6, true],
  ['llama-7b', 'loreft', 'LoReFT', 0.031, 42.6, true],
  ['llama-13b', 'prefix', 'PrefT', 0.031, 38.8, false],
  ['llama-13b', 'adapter', 'AdapterS', 1.586, 48.9, false],
  ['llama-13b', 'parallel-adapter', 'AdapterP', 2.894, 50.2, false],
  ['llama-13b', 'lora', 'LoRA', 0.67, 51.1, false],
  ['llama-13b', 'direft', 'DiReFT', 0.025, 48, true],
  ['llama-13b', 'loreft', 'LoReFT', 0.025, 49.6, true],
] as const satisfies readonly Plotted[];
const instructRows = [
  ['llama-2-7b', 'full', 'FT', 100, 80.93, false],
  ['llama-2-7b', 'lora', 'LoRA', 0.1245, 81.48, false],
  ['llama-2-7b', 'red', 'RED', 0.0039, 81.69, false],
  ['llama-2-7b', 'direft', 'DiReFT', 0.0039, 84.85, true],
  ['llama-2-7b', 'loreft', 'LoReFT', 0.0039, 85.6, true],
  ['llama-2-7b', 'loreft~data=1k', 'LoReFT (1K)', 0.0039, 81.91, true],
  ['llama-2-7b', 'loreft~half', 'LoReFT (half)', 0.0019, 84.12, true],
] as const satisfies readonly Plotted[];

const toRow =
  (columns: number) =>
  ([model, method, label, percent, score, own]: Plotted): PublishedRow => ({
    model,
    method,
    label,
    params: `${percent} %`,
    // A suite's sets are not published, only their mean.
    ...(columns > 1
      ? { average: score, values: Array.from({ length: columns }, () => null) }
      : { values: [score] }),
    ...(!own && { quoted: true as const }),
    ...(method === 'loreft~data=1k' && {
      reason: 'it trains on 1,000 examples, and which ones is not published',
    }),
  });

const accuracyColumns = (group: string, sets: readonly string[]): PublishedColumn[] =>
  sets.map((set) => ({ key: set, task: `${group}-${set}`, metric: 'accuracy' }));

/** The suites of the ReFT paper: means over eight and four sets, and the win rate of AlpacaEval. */
export const reftSuiteTables: readonly ResultsTable[] = [
  {
    id: 'reft/commonsense',
    caption: 'ReFT on commonsense reasoning: the plain mean of eight sets',
    columns: accuracyColumns('commonsense', [
      'boolq',
      'piqa',
      'siqa',
      'hellaswag',
      'winogrande',
      'arc-easy',
      'arc-challenge',
      'obqa',
    ]),
    decimals: 1,
    evaluates: { task: 'commonsense', protocol: 'pyreft' },
    quotedFrom: 'quoted from prior work',
    rows: commonsenseRows.map(toRow(8)),
  },
  {
    id: 'reft/arithmetic',
    caption: 'ReFT on arithmetic reasoning: the plain mean of four sets',
    columns: accuracyColumns('arithmetic', ['aqua', 'gsm8k', 'mawps', 'svamp']),
    decimals: 1,
    evaluates: { task: 'math', protocol: 'pyreft' },
    quotedFrom: 'quoted from prior work',
    rows: arithmeticRows.map(toRow(4)),
  },
  {
    id: 'reft/instruct',
    caption: 'ReFT on AlpacaEval 1.0: win rate against text-davinci-003',
    columns: [{ key: 'alpacaeval', task: 'alpaca-eval', metric: 'win rate' }],
    decimals: 2,
    evaluates: { task: 'ultrafeedback', protocol: 'pyreft' },
    quotedFrom: "the RED paper's number: see red/table-4",
    rows: instructRows.map(toRow(1)),
  },
];
