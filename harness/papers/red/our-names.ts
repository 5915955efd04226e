/**
 * What the tables of the RED and the ReFT paper name, as it is called here: bases on the hub, the built-in bases
 * that rehearse them, methods and evaluations. `reproduce` plans its runs by these; the tables keep the papers'
 * own names.
 */

/** Hub ids of the papers' bases, where they differ from the papers' names. */
export const hubIds: Readonly<Record<string, string>> = {
  'llama-2-7b': 'meta-llama/Llama-2-7b-hf',
  'llama-7b': 'yahma/llama-7b-hf',
  'llama-13b': 'yahma/llama-13b-hf',
  'llama-3-8b': 'meta-llama/Meta-Llama-3-8B',
  'llama-3.2-3b': 'meta-llama/Llama-3.2-3B',
};

/** The built-in base that rehearses each base of the paper (`--scale mini`). */
export const rehearsalBases: Readonly<Record<string, string>> = {
  'gpt2-medium': 'gpt2-mini',
  'gpt2-large': 'gpt2-mini',
  'roberta-base': 'roberta-mini',
  'roberta-large': 'roberta-mini',
  't5-base': 't5-mini',
  'llama-2-7b': 'llama-mini',
  'llama-7b': 'llama-mini',
  'llama-13b': 'llama-mini',
  'llama-3-8b': 'llama-mini',
  'llama-3.2-3b': 'llama-mini',
};

/**
 * Variants of the tables' methods; OpenDelta's Adapter has the printed number of parameters only with the
 * base's norms.
 */
export const ourVariants: Readonly<Record<string, string>> = {
  adapter: 'adapter~layer-norms',
  'adapter~rank=1': 'adapter~bottleneck=1~layer-norms',
  'adapter-ffn~rank=1': 'adapter-ffn~bottleneck=1',
  // Half of the rank: of our default, since DoRA's recipe is not followed, and of pyreft's.
  'dora~half': 'dora~rank=4',
  'loreft~half': 'loreft~rank=2',
};

/** The evaluations of what ultrafeedback trains, or their groups, by the columns of Tables 4, 16 and 18. */
export const redEvaluations: Readonly<Record<string, string>> = {
  alpacaeval: 'alpaca-eval',
  'mt-bench': 'mt-bench',
  arc: 'ai2-arc',
  truthfulqa: 'truthfulqa-mc2',
  winogrande: 'winogrande',
  gsm8k: 'gsm8k',
  hellaswag: 'hellaswag',
  mmlu: 'mmlu',
};

/**
 * Evaluations with built-in data that rehearse a table's columns whose own data are not built in
 * (`--scale mini`).
 */
export const rehearsalEvaluations: Readonly<Record<string, string>> = {
  arc: 'everyday-choices',
  truthfulqa: 'restaurants',
  winogrande: 'restaurants',
  gsm8k: 'word-problems-gain',
  hellaswag: 'restaurants',
  mmlu: 'everyday-choices',
  'commonsense-boolq': 'everyday-kinds',
  'commonsense-piqa': 'everyday-uses',
  'commonsense-siqa': 'everyday-uses',
  'commonsense-hellaswag': 'everyday-places',
  'commonsense-winogrande': 'everyday-sizes',
  'commonsense-arc-easy': 'everyday-kinds',
  'commonsense-arc-challenge': 'everyday-sizes',
  'commonsense-obqa': 'everyday-places',
  'arithmetic-aqua': 'word-problems-distractor',
  'arithmetic-gsm8k': 'word-problems-two-steps',
  'arithmetic-mawps': 'word-problems-gain',
  'arithmetic-svamp': 'word-problems-loss',
};
