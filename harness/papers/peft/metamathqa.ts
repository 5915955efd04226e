/**
 * The results of Hugging Face peft's method_comparison on MetaMathQA as a published table, and its learning
 * rates as recipes. Source: huggingface/peft at 5d602fd (2026-08-21), method_comparison/MetaMathQA/results.
 */
import type { PublishedRow, ResultsTable } from '../published-table.ts';
import type { PaperRecipe } from '../recipe.ts';

const model = 'llama-3.2-3b';
const task = 'metamath';
const id = 'peft/metamathqa';

/** Stands for a variant that no method here computes. */
const notHere = undefined;

/** Experiment, our variant, learning rate, accuracy in percent, trained parameters. */
type Result = readonly [string, string | undefined, number, number, number];

/** One run each, seed 0, on one NVIDIA L40S in July 2026; the best first. */
const results: readonly Result[] = [
  ['lily/rank140-mlp-a2-b2-s8.0', notHere, 0.0001, 52.62, 9485280],
  ['hira/rank32-lr4.5e-3', notHere, 0.0045, 51.33, 9175040],
  ['lora/rank64-rslora', 'lora~rank=64~alpha=64~rankStabilized=true', 0.0001, 51.33, 18350080],
  ['shira/lr_0.0003-random_seed_42', notHere, 0.0003, 51.02, 9175040],
  ['frod/default', notHere, 0.0001, 50.87, 5456808],
  ['lily/rank896-a2-b2-s2.0', notHere, 0.0001, 50.49, 18450432],
  ['miss/bat', notHere, 0.0001, 50.42, 7340032],
  ['gralora/rank32', notHere, 0.0002, 49.51, 9175040],
  ['lora/rank10-target-mlp', 'lora~rank=10~alpha=20~targets=mlpUp,mlpGate,mlpOutput', 0.0001, 49.43, 9461760],
  ['oft/rank32', 'oft~blockSize=96', 0.0001, 49.13, 8171520],
  ['c3a/default', notHere, 0.3, 48.75, 5505024],
  ['lora/rank14-target-mlp-bdlora', notHere, 0.0001, 48.67, 8429568],
  ['miss/default', 'miss', 0.0001, 48.67, 7340032],
  ['deft/rank32', notHere, 0.0001, 48.22, 9175040],
  ['lora/rank32', 'lora~rank=32~alpha=64', 0.0001, 47.84, 9175040],
  ['randlora/default', 'randlora', 0.0001, 47.76, 9289728],
  ['lora/rank64', 'lora~rank=64~alpha=128', 0.0001, 47.38, 18350080],
  ['full-finetuning/lr_0.00001', 'full', 1e-5, 47.16, 3212749824],
  ['lora/rank32-dora', 'dora~rank=32~alpha=64', 0.0001, 46.93, 9289728],
  ['delora/rank32', notHere, 0.001, 46.78, 9175096],
  ['lokr/rank32-factor4-lr0.003', 'lokr~rank=32~alpha=64~factor=4', 0.003, 46.63, 2294656],
  [
    'ia3/all-attn-5k-lr0.005',
    'ia3~targets=query,key,value,attentionOutput~feedForward=mlpUp,mlpGate,mlpOutput',
    0.005,
    45.49,
    630784,
  ],
  ['psoft/fast', notHere, 0.0001, 44.96, 1856512],
  ['peanut/rank32-relu-depth0-s2.0', notHere, 0.0001, 44.88, 7340032],
  ['psoft/default', notHere, 0.0001, 44.88, 1856512],
  ['deft/rank32-para', notHere, 0.0001, 43.37, 3670016],
  ['lora/rank32-mica', notHere, 0.0001, 43.06, 5505024],
  ['osf/rank128', notHere, 5e-5, 42.68, 194535936],
  ['glora/default', notHere, 0.0001, 41.85, 4587520],
  ['prefixtuning/tokens50-init_prefix-lr_0.005', notHere, 0.005, 41.62, 2867200],
  ['lora/rank32-lorafa', notHere, 0.0001, 40.41, 3670016],
  ['waveft/n_frequency-5000', notHere, 0.0001, 40.26, 280000],
  ['ia3/lr_0.001', 'ia3', 0.001, 39.8, 286720],
  ['peanut/rank1-relu-depth0-s32.0', notHere, 0.0001, 39.73, 229376],
  ['loha/rank32', 'loha~rank=32~alpha=64', 0.0001, 39.27, 18350080],
  ['road/lr_0.001', notHere, 0.001, 38.51, 229376],
  ['adaptionprompt/lr_5e-3', notHere, 0.005, 38.36, 8601628],
  ['miss/mini', 'miss~outputs=64', 0.0001, 37.98, 229376],
  [
    'adalora/rank32',
    'adalora~rank=64~targetRank=32~alpha=8~initialSteps=200~finalSteps=500~orthogonality=0.5',
    0.0001,
    37.3,
    18353664,
  ],
  ['glora/vector-paths', notHere, 0.0005, 37.15, 229376],
  ['prefixtuning/lr_0.005_zero_init', 'prefix~virtualTokens=200~start=zero', 0.005, 35.78, 11468800],
  ['pvera/rank64', notHere, 0.003, 35.63, 121856],
  ['vera/default', 'vera~rank=256', 0.001, 35.41, 129024],
  ['pvera/default', notHere, 0.003, 35.33, 143360],
  ['ptuning/default', 'p-tuning~virtualTokens=20~hidden=3072', 0.0001, 34.95, 28382208],
  ['adamss/rank32', notHere, 0.0001, 34.5, 293888],
  ['boft/default', notHere, 0.0001, 34.34, 802816],
  ['prompt_tuning/sample_vocab-lr_0.001', 'prompt~virtualTokens=200~start=vocabulary', 0.001, 34.34, 614400],
  ['vblora/default', notHere, 0.0001, 33.36, 1212416],
  ['beft/target-v_proj', notHere, 0.0001, 32.07, 28672],
  ['ia3/default', 'ia3', 0.0001, 31.08, 286720],
  ['frod/sparse0.02-lr_0.001', notHere, 0.001, 27.07, 10741640],
  ['trainable_tokens/sos+eos', notHere, 0.2, 24.56, 6144],
  ['prompt_tuning/lr_0.001', 'prompt~virtualTokens=200', 0.001, 23.43, 614400],
  ['adaptionprompt/lr_0.0005', notHere, 0.0005, 21.15, 8601628],
  ['prefixtuning/lr_0.001', 'prefix~virtualTokens=200', 0.001, 18.57, 11468800],
  ['fourierft/n_frequency-5000', 'fourierft~frequencies=5000~scale=300', 0.0001, 9.55, 280000],
  ['prompt_tuning/default', 'prompt~virtualTokens=200', 0.0001, 5.69, 614400],
  ['tinylora/default', notHere, 0.001, 1.21, 3584],
  ['tinylora/weight-tying', notHere, 0.001, 0.45, 64],
  ['unilora/default', notHere, 0.0001, 0.15, 256],
  ['fourierft/default', 'fourierft~scale=300', 0.0001, 0.0, 56000],
  ['ln_tuning/default', 'ln-tuning', 0.0001, 0.0, 175104],
];

/** The learning rate of every experiment that says no other. */
const usualRate = 1e-4;

const toRow = ([experiment, variant, learningRate, accuracy, trained]: Result): PublishedRow => ({
  model,
  method: variant ?? experiment,
  label: experiment,
  params: trained.toLocaleString('en'),
  values: [accuracy],
  ...(learningRate !== usualRate && { settings: [`learningRate=${learningRate}`] }),
  ...(variant === undefined && { reason: 'no method here computes it' }),
});

/** The 63 experiments; an experiment's own learning rate is a setting of its row. */
export const metamathTable: ResultsTable = {
  id,
  caption: "peft's method_comparison: MetaMathQA to GSM8K, accuracy in percent",
  columns: [{ key: 'accuracy', task, metric: 'accuracy' }],
  decimals: 2,
  rows: results.map(toRow),
};

const methods = new Set(results.flatMap(([, variant]) => variant?.split('~')[0] ?? []));

/** What the experiments share beside the task's own settings. */
export const metamathRecipes: readonly PaperRecipe[] = [...methods].map((method) => ({
  source: id,
  model,
  task,
  method,
  settings: { optimizer: 'adamw', learningRate: usualRate },
  options: {},
  seeds: [0],
}));
