/** What the ReFT paper publishes on GLUE: averages and one recipe. */
import { glueMetrics, type ResultsTable } from '../published-table.ts';
import type { PaperRecipe } from '../recipe.ts';

/** A row of ReFT's averages over GLUE. */
export interface ReftRow {
  readonly model: string;
  readonly method: string;
  readonly label: string;
  /** Trained parameters in percent of the base. */
  readonly paramsPercent: number;
  /** Mean of the eight tasks. */
  readonly average: number;
  /** True for the authors' own runs, false for numbers of the RED paper. */
  readonly own: boolean;
  readonly note?: string;
}

/**
 * Averages over GLUE of the ReFT paper (arXiv:2404.03592) as its released code (pyreft) plots them; the
 * numbers of single tasks are not published.
 */
export const reftGlue: readonly ReftRow[] = (
  [
    ['roberta-base', 'full', 'FT', 100, 85.6, false],
    ['roberta-base', 'adapter', 'Adapter', 0.318, 85, false],
    ['roberta-base', 'lora', 'LoRA', 0.239, 84.7, false],
    ['roberta-base', 'adapter-ffn', 'AdapterFNN', 0.239, 84.7, false],
    ['roberta-base', 'bitfit', 'BitFit', 0.08, 82.3, false],
    ['roberta-base', 'red', 'RED', 0.016, 84.3, false, 'Table 1 of RED; its Table 14 prints 84.7'],
    ['roberta-base', 'direft', 'DiReFT', 0.015, 83.2, true],
    ['roberta-base', 'loreft', 'LoReFT', 0.015, 84.2, true],
    ['roberta-large', 'full', 'FT', 100, 88.6, false, 'RED prints 88.5 (mean of its cells 88.55)'],
    ['roberta-large', 'adapter', 'Adapter', 0.254, 88, false],
    ['roberta-large', 'lora', 'LoRA', 0.225, 88.1, false],
    ['roberta-large', 'adapter-ffn', 'AdapterFNN', 0.225, 87.7, false],
    ['roberta-large', 'red', 'RED', 0.014, 88, false, 'RED prints 87.9 (mean of its cells 87.9625)'],
    ['roberta-large', 'direft', 'DiReFT', 0.014, 87.4, true],
    ['roberta-large', 'loreft', 'LoReFT', 0.014, 88.2, true],
  ] as const
).map(([model, method, label, paramsPercent, average, own, note]) => ({
  model,
  method,
  label,
  paramsPercent,
  average,
  own,
  ...(note !== undefined && { note }),
}));

/** The only public recipe for GLUE: LoReFT on CoLA by pyreft's command, with the head of transformers. */
export const reftRecipes: readonly PaperRecipe[] = [
  {
    source: 'reft/glue',
    model: 'roberta-base',
    task: 'cola',
    method: 'loreft',
    settings: {
      optimizer: 'adamw',
      schedule: 'linear',
      learningRate: 4e-4,
      warmup: 0.005,
      weightDecay: 0,
      batchSize: 32,
      epochs: 60,
      promptLength: 256,
      head: 'huggingface',
    },
    options: { rank: 1, first: 3, last: 0, dropout: 0.2 },
    seeds: [42, 43, 44, 45, 46],
  },
];

/** These averages as a table whose cells are not printed. */
export const reftGlueTable: ResultsTable = {
  id: 'reft/glue',
  caption: 'ReFT on GLUE, RoBERTa base and large',
  columns: Object.entries(glueMetrics).map(([task, metric]) => ({ key: task, task, metric })),
  decimals: 1,
  // Three entries are of what RED's code does besides its paper, which ReFT's does not.
  protocol: ['published', 'optimizer-adamw=paper', 'dropout-first-epoch=paper', 'seeds-cola-rte=paper'],
  quotedFrom: "the RED paper's number: see red/table-1",
  rows: reftGlue.map(({ model, method, label, paramsPercent, average, own, note }) => ({
    model,
    method,
    label,
    params: `${paramsPercent} %`,
    average,
    values: Object.keys(glueMetrics).map(() => null),
    ...(!own && { quoted: true as const }),
    ...(note !== undefined && { note }),
  })),
};
