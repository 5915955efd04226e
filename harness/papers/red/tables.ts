import { glueMetrics, type Claim, type PublishedColumn, type ResultsTable } from '../published-table.ts';

/** Columns of GLUE in the order of Tables 1, 3 and 14. */
export const glueOrder = ['mnli', 'sst2', 'mrpc', 'cola', 'qnli', 'qqp', 'rte', 'stsb'] as const;

function glueColumnsOf(...tasks: readonly (typeof glueOrder)[number][]): PublishedColumn[] {
  return tasks.map((task) => ({ key: task, task, metric: glueMetrics[task] }));
}
const glueColumns = glueColumnsOf(...glueOrder);
const e2eColumns: readonly PublishedColumn[] = [
  { key: 'bleu', task: 'e2e', metric: 'BLEU' },
  { key: 'nist', task: 'e2e', metric: 'NIST' },
  { key: 'meteor', task: 'e2e', metric: 'METEOR' },
  { key: 'rouge-l', task: 'e2e', metric: 'ROUGE-L' },
  { key: 'cider', task: 'e2e', metric: 'CIDEr' },
];
/** Categories of MT-Bench, judged by GPT-4 from 1 to 10. */
const mtBenchColumns: readonly PublishedColumn[] = ['writing', 'roleplay', 'reasoning', 'math', 'coding', 'extraction', 'stem', 'humanities'].map((key) => ({ key, task: 'mt-bench', metric: key })); // prettier-ignore
const alpacaColumns: readonly PublishedColumn[] = [
  { key: 'alpacaeval', task: 'alpacaeval', metric: 'win rate' },
];
const leaderboardColumns: readonly PublishedColumn[] = [
  { key: 'arc', task: 'arc', metric: 'acc_norm' },
  { key: 'truthfulqa', task: 'truthfulqa', metric: 'mc2' },
  { key: 'winogrande', task: 'winogrande', metric: 'acc' },
  { key: 'gsm8k', task: 'gsm8k', metric: 'acc' },
  { key: 'hellaswag', task: 'hellaswag', metric: 'acc_norm' },
  { key: 'mmlu', task: 'mmlu', metric: 'acc' },
];

/** Every table of results of the RED paper (ACL 2024), and its Figure 2, as printed. */
export const redTables: readonly ResultsTable[] = [
  {
    id: 'red/table-1',
    caption: 'RoBERTa base and large on GLUE',
    columns: glueColumns,
    decimals: 1,
    // prettier-ignore
    rows: [
      { model: 'roberta-base', method: 'full', label: 'FT (base)', params: '125M', values: [87.3, 94.4, 87.9, 62.4, 92.5, 91.7, 78.3, 90.6], average: 85.6 },
      { model: 'roberta-base', method: 'adapter', label: 'Adapter (base)', params: '0.4M', values: [87, 93.3, 88.4, 60.9, 92.5, 90.5, 76.5, 90.5], average: 85, note: 'RTE 76.5 here, 76.6 in Table 14' },
      { model: 'roberta-base', method: 'lora', label: 'LoRA (base)', params: '0.3M', values: [86.6, 93.9, 88.7, 59.7, 92.6, 90.4, 75.3, 90.3], average: 84.7 },
      { model: 'roberta-base', method: 'adapter-ffn', label: 'Adapter_FFN (base)', params: '0.3M', values: [87.1, 93, 88.8, 58.5, 92, 90.2, 77.7, 90.4], average: 84.7, note: 'QNLI 92.0 here, 92.1 in Table 14' },
      { model: 'roberta-base', method: 'bitfit', label: 'BitFit (base)', params: '0.1M', values: [84.7, 94, 88.1, 54, 91, 87.3, 69.8, 89.5], average: 82.3 },
      { model: 'roberta-base', method: 'red', label: 'RED (base)', params: '0.02M', values: [83.9, 93.9, 89.2, 61, 90.7, 87.2, 78, 90.4], average: 84.3 },
      { model: 'roberta-large', method: 'full', label: 'FT (large)', params: '355M', values: [88.8, 96, 91.7, 68.2, 93.8, 91.5, 85.8, 92.6], average: 88.5 },
      { model: 'roberta-large', method: 'adapter', label: 'Adapter (large)', params: '0.9M', values: [90.1, 95.2, 90.5, 65.4, 94.6, 91.4, 85.3, 91.5], average: 88 },
      { model: 'roberta-large', method: 'lora', label: 'LoRA (large)', params: '0.8M', values: [90.2, 96, 89.8, 65.5, 94.7, 90.7, 86.3, 91.7], average: 88.1 },
      { model: 'roberta-large', method: 'adapter-ffn', label: 'Adapter_FFN (large)', params: '0.8M', values: [90.3, 96.1, 90.5, 64.4, 94.3, 91.3, 84.8, 90.2], average: 87.7 },
      { model: 'roberta-large', method: 'red', label: 'RED (large)', params: '0.05M', values: [89.5, 96, 90.3, 68.1, 93.5, 88.8, 86.2, 91.3], average: 87.9, note: 'printed average 87.9, mean of the printed cells 87.9625 (explained by rounding of the cells); QQP 88.8 here, 88.7 in Tables 6 and 7' },
    ],
  },
  {
    id: 'red/table-2',
    caption: 'GPT-2 medium and large on E2E NLG',
    columns: e2eColumns,
    decimals: 2,
    // prettier-ignore
    rows: [
      { model: 'gpt2-medium', method: 'full', label: 'FT (medium)', params: '355M', values: [65.95, 8.52, 45.95, 69.13, 2.35] },
      { model: 'gpt2-medium', method: 'ft-top2', label: 'FT^top2 (medium)', params: '25.2M', values: [65.94, 8.53, 44.28, 68.83, 2.23], note: 'Table 15 repeats the FT row instead' },
      { model: 'gpt2-medium', method: 'adapter', label: 'Adapter (medium)', params: '0.9M', values: [64.31, 8.29, 44.91, 67.72, 2.28] },
      { model: 'gpt2-medium', method: 'lora', label: 'LoRA (medium)', params: '0.8M', values: [67.43, 8.65, 46.01, 69.64, 2.42] },
      { model: 'gpt2-medium', method: 'adapter-ffn', label: 'Adapter_FFN (medium)', params: '0.8M', values: [64.41, 8.3, 44.74, 67.53, 2.29] },
      { model: 'gpt2-medium', method: 'prefix', label: 'Prefix Tuning (medium)', params: '0.8M', values: [63.92, 8.26, 41.81, 66.86, 2.03] },
      { model: 'gpt2-medium', method: 'red', label: 'RED (medium)', params: '0.05M', values: [64.86, 8.36, 44.99, 67.62, 2.28] },
      { model: 'gpt2-large', method: 'full', label: 'FT (large)', params: '774M', values: [65.56, 8.5, 45.4, 68.38, 2.27] },
      { model: 'gpt2-large', method: 'adapter', label: 'Adapter (large)', params: '1.8M', values: [65.94, 8.46, 45.78, 68.65, 2.34] },
      { model: 'gpt2-large', method: 'lora', label: 'LoRA (large)', params: '1.5M', values: [68.24, 8.76, 46.23, 69.92, 2.42] },
      { model: 'gpt2-large', method: 'adapter-ffn', label: 'Adapter_FFN (large)', params: '1.5M', values: [65.53, 8.41, 45.65, 68.46, 2.33] },
      { model: 'gpt2-large', method: 'prefix', label: 'Prefix Tuning (large)', params: '1.5M', values: [65.5, 8.45, 43.97, 67.32, 2.23] },
      { model: 'gpt2-large', method: 'red', label: 'RED (large)', params: '0.09M', values: [65.77, 8.42, 46.12, 69.03, 2.36] },
    ],
  },
  {
    id: 'red/table-3',
    caption: 'T5 base on GLUE',
    columns: glueColumns,
    decimals: 1,
    // prettier-ignore
    rows: [
      { model: 't5-base', method: 'full', label: 'FT (base)*', params: '220M', values: [86.8, 94.6, 90.2, 61.8, 93, 91.6, 71.9, 89.7], average: 84.9, quoted: true },
      { model: 't5-base', method: 'adapter', label: 'Adapter (base)*', params: '1.9M', values: [86.5, 93.8, 85.3, 64, 93.2, 90.2, 71.9, 90.7], average: 84.5, quoted: true },
      { model: 't5-base', method: 'adapterdrop', label: 'AdapterDrop (base)*', params: '1.1M', values: [86.3, 93.6, 86.3, 62.7, 93.2, 90.2, 71.2, 91.4], average: 84.4, quoted: true },
      { model: 't5-base', method: 'bitfit', label: 'BitFit (base)*', params: '0.3M', values: [85.3, 94.2, 86.8, 58.2, 93, 90.1, 67.6, 90.9], average: 83.3, quoted: true },
      { model: 't5-base', method: 'prompt', label: 'PT (base)*', params: '0.08M', values: [81.3, 90.9, 68.1, 10.6, 92.8, 89.7, 54.7, 89.5], average: 72.2, quoted: true },
      { model: 't5-base', method: 'red', label: 'RED (base)', params: '0.04M', values: [85.9, 93, 91.7, 61.1, 91.2, 89.2, 72.7, 88.2], average: 84.1 },
    ],
  },
  {
    id: 'red/table-4',
    caption: 'AlpacaEval win rate against text-davinci-003',
    columns: alpacaColumns,
    evaluates: { task: 'ultrafeedback', protocol: 'red' },
    decimals: 2,
    // prettier-ignore
    rows: [
      { model: 'llama-2-7b', method: 'full', label: 'FT', params: '6739M', values: [80.93] },
      { model: 'llama-2-7b', method: 'lora', label: 'LoRA', params: '8.39M', values: [81.48] },
      { model: 'llama-2-7b', method: 'red', label: 'RED', params: '0.26M', values: [81.69] },
    ],
    note: 'model named in section 4.5',
  },
  {
    id: 'red/table-5',
    caption: 'RED against methods of rank 1, GPT-2 medium on E2E NLG',
    columns: e2eColumns,
    decimals: 2,
    // prettier-ignore
    rows: [
      { model: 'gpt2-medium', method: 'adapter~rank=1', label: 'Adapter (rank 1)', params: '0.25M', values: [63.76, 8.37, 42.74, 66.7, 2.09] },
      { model: 'gpt2-medium', method: 'adapter-ffn~rank=1', label: 'Adapter_FFN (rank 1)', params: '0.07M', values: [62.99, 8.09, 40.88, 66.39, 1.98] },
      { model: 'gpt2-medium', method: 'lora~rank=1', label: 'LoRA (rank 1)', params: '0.1M', values: [64.51, 8.38, 44.78, 67.35, 2.28] },
      { model: 'gpt2-medium', method: 'red', label: 'RED', params: '0.05M', values: [64.86, 8.36, 44.99, 67.62, 2.28], note: 'same numbers as RED (medium) of Table 2' },
    ],
    note: 'the model is named in section 5.3, not in the caption',
  },
  {
    id: 'red/table-6',
    caption: "ablation of RED's vectors, RoBERTa large",
    columns: glueColumnsOf('mrpc', 'cola', 'qqp'),
    decimals: 1,
    // prettier-ignore
    rows: [
      { model: 'roberta-large', method: 'red', label: 'RED', values: [90.3, 68.1, 88.7], note: 'QQP 88.7 here, 88.8 in Tables 1 and 14' },
      { model: 'roberta-large', method: 'red~no-scaling', label: '-Scaling Vector', values: [89.8, 65.9, 87.6] },
      { model: 'roberta-large', method: 'red~no-bias', label: '-Bias Vector', values: [75.8, 46.9, 87.2] },
    ],
    note: 'the paper does not name the model; roberta-large is inferred: MRPC and CoLA of the RED row equal RED (large) of Table 1',
  },
  {
    id: 'red/table-7',
    caption: "ablation of RED's position, RoBERTa large",
    columns: glueColumnsOf('mrpc', 'cola', 'qqp'),
    decimals: 1,
    // prettier-ignore
    rows: [
      { model: 'roberta-large', method: 'red', label: 'FFN', values: [90.3, 68.1, 88.7], note: 'QQP 88.7 here, 88.8 in Tables 1 and 14' },
      { model: 'roberta-large', method: 'red~position=attn', label: 'Attn', values: [88.9, 66.1, 88.6] },
      { model: 'roberta-large', method: 'red~position=ffn+attn', label: 'FFN & Attn', values: [89.2, 68.4, 89.4] },
    ],
    note: 'the paper does not name the model; roberta-large is inferred: MRPC and CoLA of the RED row equal RED (large) of Table 1',
  },
  {
    id: 'red/table-14',
    caption: 'Table 1 with standard deviations',
    columns: glueColumns,
    decimals: 1,
    // prettier-ignore
    rows: [
      { model: 'roberta-base', method: 'full', label: 'FT (base)', params: '125M', values: [87.3, 94.4, 87.9, 62.4, 92.5, 91.7, 78.3, 90.6], sds: [0.34, 0.96, 0.91, 3.29, 0.22, 0.19, 3.2, 0.59], average: 85.6 },
      { model: 'roberta-base', method: 'adapter', label: 'Adapter (base)', params: '0.4M', values: [87, 93.3, 88.4, 60.9, 92.5, 90.5, 76.6, 90.5], sds: [0.28, 0.4, 1.54, 3.09, 0.02, 0.08, 2.26, 0.35], average: 85, note: 'RTE 76.6 here, 76.5 in Table 1' },
      { model: 'roberta-base', method: 'adapter-ffn', label: 'Adapter_FFN (base)', params: '0.3M', values: [87.1, 93, 88.8, 58.5, 92.1, 90.2, 77.7, 90.4], sds: [0.1, 0.5, 1.38, 1.69, 0.28, 0.07, 1.93, 0.31], average: 84.7, note: 'QNLI 92.1 here, 92.0 in Table 1' },
      { model: 'roberta-base', method: 'lora', label: 'LoRA (base)', params: '0.3M', values: [86.6, 93.9, 88.7, 59.7, 92.6, 90.4, 75.3, 90.3], sds: [0.23, 0.49, 0.76, 4.36, 0.1, 0.08, 2.79, 0.54], average: 84.7 },
      { model: 'roberta-base', method: 'bitfit', label: 'BitFit (base)', params: '0.1M', values: [84.7, 94, 88.1, 54, 91, 87.3, 69.8, 89.5], sds: [0.08, 0.87, 1.57, 3.07, 0.05, 0.02, 1.51, 0.35], average: 82.3 },
      { model: 'roberta-base', method: 'red', label: 'RED (base)', params: '0.02M', values: [83.9, 93.9, 89.2, 61, 90.7, 87.2, 78, 90.4], sds: [0.14, 0.31, 0.98, 2.96, 0.35, 0.17, 2.06, 0.32], average: 84.7, note: 'printed average 84.7, mean of the printed cells 84.2875; Table 1 prints 84.3' },
      { model: 'roberta-large', method: 'full', label: 'FT (large)', params: '355M', values: [88.8, 96, 91.7, 68.2, 93.8, 91.5, 85.8, 92.6], sds: [0.45, 0.66, 1.73, 2.62, 0.33, 1.28, 1.4, 0.16], average: 88.5 },
      { model: 'roberta-large', method: 'lora', label: 'LoRA (large)', params: '0.8M', values: [90.2, 96, 89.8, 65.5, 94.7, 90.7, 86.3, 91.7], sds: [0.25, 0.85, 2.09, 2.02, 0.21, 0.91, 2.41, 0.44], average: 88.1 },
      { model: 'roberta-large', method: 'adapter', label: 'Adapter (large)', params: '0.9M', values: [90.1, 95.2, 90.5, 65.4, 94.6, 91.4, 85.3, 91.5], sds: [0.12, 0.48, 0.59, 2.24, 0.17, 0.13, 1.34, 0.33], average: 88 },
      { model: 'roberta-large', method: 'adapter-ffn', label: 'Adapter_FFN (large)', params: '0.8M', values: [90.3, 96.1, 90.5, 64.4, 94.3, 91.3, 84.8, 90.2], sds: [0.15, 0.75, 1.26, 1.56, 0.39, 0.24, 2.01, 0.24], average: 87.7 },
      { model: 'roberta-large', method: 'red', label: 'RED (large)', params: '0.05M', values: [89.5, 96, 90.3, 68.1, 93.5, 88.8, 86.2, 91.3], sds: [0.38, 0.48, 1.4, 1.69, 0.33, 0.11, 1.4, 0.21], average: 87.9, note: 'printed average 87.9, mean of the printed cells 87.9625 (explained by rounding of the cells); QQP 88.8 here, 88.7 in Tables 6 and 7' },
    ],
  },
  {
    id: 'red/table-15',
    caption: 'Table 2 with standard deviations',
    columns: e2eColumns,
    decimals: 2,
    // prettier-ignore
    rows: [
      { model: 'gpt2-medium', method: 'full', label: 'FT (medium)', params: '355M', values: [65.95, 8.52, 45.95, 69.13, 2.35], sds: [0.26, 0.03, 0.07, 0.3, 0.01] },
      { model: 'gpt2-medium', method: 'ft-top2', label: 'FT^top2 (medium)', params: '25.2M', values: [65.95, 8.52, 45.95, 69.13, 2.35], sds: [0.33, 0.03, 0.09, 0.17, 0.02], note: 'the five means repeat the FT row above; Table 2 has other ones; the standard deviations differ from those of FT' },
      { model: 'gpt2-medium', method: 'adapter', label: 'Adapter (medium)', params: '0.9M', values: [64.31, 8.29, 44.91, 67.72, 2.28], sds: [0.17, 0.01, 0.29, 0.26, 0.01] },
      { model: 'gpt2-medium', method: 'adapter-ffn', label: 'Adapter_FFN (medium)', params: '0.8M', values: [64.41, 8.3, 44.74, 67.53, 2.29], sds: [0.17, 0.02, 0.11, 0.02, 0.01] },
      { model: 'gpt2-medium', method: 'lora', label: 'LoRA (medium)', params: '0.8M', values: [67.43, 8.65, 46.01, 69.64, 2.42], sds: [0.39, 0.05, 0.07, 0.14, 0.01] },
      { model: 'gpt2-medium', method: 'prefix', label: 'Prefix Tuning (medium)', params: '0.8M', values: [63.92, 8.26, 41.81, 66.86, 2.03], sds: [0.27, 0.11, 0.62, 0.22, 0.05] },
      { model: 'gpt2-medium', method: 'red', label: 'RED (medium)', params: '0.05M', values: [64.86, 8.36, 44.99, 67.62, 2.28], sds: [0.4, 0.03, 0.02, 0.22, 0.01] },
      { model: 'gpt2-large', method: 'full', label: 'FT (large)', params: '774M', values: [65.56, 8.5, 45.4, 68.38, 2.27], sds: [0.47, 0.05, 0.29, 0.23, 0.02] },
      { model: 'gpt2-large', method: 'adapter', label: 'Adapter (large)', params: '1.8M', values: [65.94, 8.46, 45.78, 68.65, 2.34], sds: [0.35, 0.05, 0.11, 0.35, 0.01] },
      { model: 'gpt2-large', method: 'adapter-ffn', label: 'Adapter_FFN (large)', params: '1.5M', values: [65.53, 8.41, 45.65, 68.46, 2.33], sds: [0.61, 0.07, 0.12, 0.16, 0.01] },
      { model: 'gpt2-large', method: 'lora', label: 'LoRA (large)', params: '1.5M', values: [68.24, 8.76, 46.23, 69.92, 2.42], sds: [0.28, 0.04, 0.04, 0.16, 0.01] },
      { model: 'gpt2-large', method: 'prefix', label: 'Prefix Tuning (large)', params: '1.5M', values: [65.5, 8.45, 43.97, 67.32, 2.23], sds: [0.63, 0.05, 0.21, 0.38, 0.02] },
      { model: 'gpt2-large', method: 'red', label: 'RED (large)', params: '0.09M', values: [65.77, 8.42, 46.12, 69.03, 2.36], sds: [0.48, 0.06, 0.1, 0.09, 0.02] },
    ],
  },
  {
    id: 'red/table-16',
    caption: 'MT-Bench by category and turn',
    columns: mtBenchColumns,
    evaluates: { task: 'ultrafeedback', protocol: 'red' },
    decimals: 3,
    // prettier-ignore
    rows: [
      { model: 'llama-2-7b', method: 'full', label: 'FT', params: '6739M', turn: 'turn-1', values: [9.111, 6.5, 4.778, 1.444, 2.7, 4.8, 7.944, 8.833], average: 5.688 },
      { model: 'llama-2-7b', method: 'lora', label: 'LoRA', params: '8.39M', turn: 'turn-1', values: [8.6, 7.9, 4, 1.6, 2.35, 4.75, 8.7, 8.95], average: 5.856 },
      { model: 'llama-2-7b', method: 'red', label: 'RED', params: '0.26M', turn: 'turn-1', values: [8.778, 7.278, 4.875, 1.3, 2.625, 4.125, 7.4, 9.167], average: 5.732 },
      { model: 'llama-2-7b', method: 'full', label: 'FT', params: '6739M', turn: 'turn-2', values: [1.667, 5.938, 2.222, 1.7, 2, 2.111, 3.2, 5.3], average: 3.021 },
      { model: 'llama-2-7b', method: 'lora', label: 'LoRA', params: '8.39M', turn: 'turn-2', values: [1.9, 5.8, 2.1, 1.6, 2.55, 1.222, 3.1, 5.5], average: 2.994 },
      { model: 'llama-2-7b', method: 'red', label: 'RED', params: '0.26M', turn: 'turn-2', values: [1.375, 5.5, 2.444, 1.444, 2.125, 1.75, 3, 5.875], average: 2.946 },
      { model: 'llama-2-7b', method: 'full', label: 'FT', params: '6739M', turn: 'final', values: [5.389, 6.2, 3.5, 1.579, 2.412, 3.526, 5.447, 6.974], average: 4.354 },
      { model: 'llama-2-7b', method: 'lora', label: 'LoRA', params: '8.39M', turn: 'final', values: [5.25, 6.85, 3.05, 1.6, 2.45, 3.079, 5.9, 7.225], average: 4.434 },
      { model: 'llama-2-7b', method: 'red', label: 'RED', params: '0.26M', turn: 'final', values: [5.294, 6.389, 3.588, 1.368, 2.375, 2.938, 5.75, 7.618], average: 4.401 },
    ],
    note: 'Average is the mean over the judged answers, not the mean of the eight columns: with half-point scores and at most 10 answers a category and turn there is one set of counts that gives all printed values: FT 144, LoRA 159, RED 136 judged answers of 160 (both turns); answers without a score were dropped',
  },
  {
    id: 'red/table-18',
    caption: 'Open LLM Leaderboard',
    columns: leaderboardColumns,
    evaluates: { task: 'ultrafeedback', protocol: 'red' },
    decimals: 2,
    // prettier-ignore
    rows: [
      { model: 'llama-2-7b', method: 'full', label: 'FT', params: '6739M', values: [73.34, 47.07, 74.03, 16.22, 79.95, 46.55], average: 56.19 },
      { model: 'llama-2-7b', method: 'lora', label: 'LoRA', params: '8.39M', values: [72.07, 44.84, 75.85, 15.01, 78.6, 44.42], average: 55.13 },
      { model: 'llama-2-7b', method: 'red', label: 'RED', params: '0.26M', values: [72.04, 47.59, 72.85, 11.9, 77.86, 42.27], average: 54.09 },
    ],
  },
  {
    id: 'red/figure-2',
    caption: 'MT-Bench by category, first turn',
    columns: mtBenchColumns,
    evaluates: { task: 'ultrafeedback', protocol: 'red' },
    decimals: 3,
    // prettier-ignore
    rows: [
      { model: 'llama-2-7b', method: 'full', label: 'FT', params: '6739M', turn: 'turn-1', values: [9.111, 6.5, 4.778, 1.444, 2.7, 4.8, 7.944, 8.833], note: 'the figure is a radar chart without printed values; these are the Turn-1 row of Table 16' },
      { model: 'llama-2-7b', method: 'lora', label: 'LoRA', params: '8.39M', turn: 'turn-1', values: [8.6, 7.9, 4, 1.6, 2.35, 4.75, 8.7, 8.95], note: 'the figure is a radar chart without printed values; these are the Turn-1 row of Table 16' },
      { model: 'llama-2-7b', method: 'red', label: 'RED', params: '0.26M', turn: 'turn-1', values: [8.778, 7.278, 4.875, 1.3, 2.625, 4.125, 7.4, 9.167], note: 'the figure is a radar chart without printed values; these are the Turn-1 row of Table 16' },
    ],
  },
];

/** Table 8: sizes of the divided GLUE sets and their metric, as printed (cut, not rounded). */
export const redDataSets = [
  { task: 'cola', label: 'CoLA', train: '8.5K', valid: '522', test: '521', metric: 'Mcc' },
  { task: 'sst2', label: 'SST-2', train: '67k', valid: '436', test: '436', metric: 'Acc' },
  { task: 'mrpc', label: 'MRPC', train: '3.7K', valid: '204', test: '204', metric: 'Acc' },
  { task: 'qqp', label: 'QQP', train: '364K', valid: '1K', test: '39K', metric: 'Acc' },
  { task: 'stsb', label: 'STS-B', train: '5.7k', valid: '750', test: '750', metric: 'Corr' },
  { task: 'mnli', label: 'MNLI', train: '393k', valid: '1K', test: '8K', metric: 'Acc' },
  { task: 'qnli', label: 'QNLI', train: '105K', valid: '1K', test: '4.5K', metric: 'Acc' },
  { task: 'rte', label: 'RTE', train: '2.5k', valid: '139', test: '138', metric: 'Acc' },
] as const;

/** Table 17: what the Open LLM Leaderboard asks. */
export const redLeaderboard = [
  { task: 'arc', label: 'Arc', fewShot: 25, metric: 'acc_norm' },
  { task: 'truthfulqa', label: 'TruthfulQA', fewShot: 0, metric: 'mc2' },
  { task: 'winogrande', label: 'Winogrande', fewShot: 5, metric: 'acc' },
  { task: 'gsm8k', label: 'GSM8k', fewShot: 5, metric: 'acc' },
  { task: 'hellaswag', label: 'HellaSwag', fewShot: 10, metric: 'acc_norm' },
  { task: 'mmlu', label: 'MMLU', fewShot: 5, metric: 'acc' },
] as const;

/**
 * Table 16's averages are over judged answers, not over categories: how many there are, in the order of the
 * columns (computed from the printed numbers).
 */
export const judgedAnswers = {
  full: { 'turn-1': [9, 7, 9, 9, 10, 10, 9, 9], 'turn-2': [9, 8, 9, 10, 7, 9, 10, 10] },
  lora: { 'turn-1': [10, 10, 10, 10, 10, 10, 10, 10], 'turn-2': [10, 10, 10, 10, 10, 9, 10, 10] },
  red: { 'turn-1': [9, 9, 8, 10, 8, 8, 10, 9], 'turn-2': [8, 9, 9, 9, 8, 8, 6, 8] },
} as const;

/** Numbers that the text claims, and whether its tables bear them out. */
export const redClaims: readonly Claim[] = [
  {
    id: 'params-factor-vs-full',
    value: 25700,
    unit: 'times',
    section: 'abstract',
    holds: true,
    check: 'Llama-2 7B: 6,738,415,616 / 262,144 = 25,705',
  },
  {
    id: 'params-factor-vs-lora',
    value: 32,
    unit: 'times',
    section: 'abstract',
    holds: true,
    check: 'Llama-2 7B: 8,388,608 / 262,144 = 32; on RoBERTa the factor is 16',
  },
  {
    id: 'bert-size',
    value: 220,
    unit: 'M',
    section: '1',
    holds: false,
    check: '220M is T5-base (Table 3, section 4.4); BERT large has about 340M',
  },
  { id: 't5-size', value: 11, unit: 'B', section: '1' },
  { id: 'gpt3-size', value: 175, unit: 'B', section: '1' },
  { id: 'd90-percent', value: 90, unit: 'percent', section: '1, footnote 1' },
  { id: 'd90-roberta-base', value: 896, section: '1' },
  {
    id: 'lora-roberta-base-params',
    value: 0.3,
    unit: 'M',
    section: '1',
    holds: true,
    check: '12 x 2 x 2 x 768 x 8 = 294,912; Table 1 agrees',
  },
  {
    id: 'red-llama-params',
    value: 0.26,
    unit: 'M',
    section: '1',
    holds: true,
    check: '2 x 32 x 4096 = 262,144',
  },
  { id: 'ssf-factor', value: 300, unit: 'times', section: '2' },
  { id: 'ssf-factor-red', value: 25700, unit: 'times', section: '2' },
  { id: 'ssf-model-size', value: 100, unit: 'M', section: '2' },
  { id: 'red-largest-model', value: 7, unit: 'B', section: '2' },
  {
    id: 'small-dataset-limit',
    value: 100,
    unit: 'k',
    section: '4.2',
    holds: 'partly',
    check:
      '"match or even surpass other PEFT methods on SST-2, MRPC, CoLA, STS-B, and RTE": RED is the best PEFT row of Table 1 on MRPC, CoLA, RTE (base) and CoLA (large) only; elsewhere it is up to 0.4 points below the best',
  },
  { id: 'large-dataset-limit', value: 100, unit: 'k', section: '4.2' },
  {
    id: 'roberta-factor-vs-full',
    value: 7200,
    unit: 'times',
    section: '4.2',
    holds: true,
    check: 'large: 355M / 49,152 = 7,222 (base: 125M / 18,432 = 6,782)',
  },
  {
    id: 'roberta-factor-vs-lora',
    value: 16,
    unit: 'times',
    section: '4.2',
    holds: true,
    check: '294,912 / 18,432 = 786,432 / 49,152 = 16',
  },
  { id: 'gpt2-medium-size', value: 355, unit: 'M', section: '4.3' },
  { id: 'gpt2-large-size', value: 774, unit: 'M', section: '4.3' },
  { id: 'roberta-base-size', value: 125, unit: 'M', section: '4.2' },
  { id: 'roberta-large-size', value: 355, unit: 'M', section: '4.2' },
  { id: 't5-base-size', value: 220, unit: 'M', section: '4.4' },
  {
    id: 'rank-1-better',
    value: 1,
    unit: 'rank',
    section: '4.3',
    holds: 'partly',
    check:
      'Table 5: NIST of RED 8.36 is below Adapter 8.37 and LoRA 8.38; CIDEr ties with LoRA at 2.28; the other three metrics are the best',
  },
  {
    id: 't5-red-over-pt',
    value: 11.9,
    unit: 'points',
    section: '4.4',
    holds: true,
    check: 'Table 3: 84.1 - 72.2',
  },
  { id: 'llama-size', value: 7, unit: 'B', section: '4.5' },
  { id: 'alpacaeval-factor-full', value: 25700, unit: 'times', section: '4.5', holds: true },
  {
    id: 'alpacaeval-factor-lora',
    value: 32,
    unit: 'times',
    section: '4.5',
    holds: true,
    check: '8.39M / 0.26M',
  },
  { id: 'best-mt-bench', section: '4.5', holds: true, check: 'Table 16, turn 1: 9.167 and 4.875' },
  {
    id: 'every-vector-helps',
    section: '5.1',
    holds: true,
    check: 'Table 6; the bias matters more on MRPC (75.8) and CoLA (46.9), by 0.4 only on QQP',
  },
  {
    id: 'smallest-of-rank-1',
    section: '5.3',
    holds: 'partly',
    check: 'Table 5; NIST is lower than two of three',
  },
];
