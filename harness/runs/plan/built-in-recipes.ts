/**
 * The recipes of the built-in bases: tuned here, where a paper's recipes are printed. Each learning rate is
 * the best of those tried, or within half a percent of it. tuning-trials.csv beside this file holds every
 * trial, on seed 42: on e2e the loss of the validation split after the last epoch, on GLUE tasks its best
 * score in fifteen epochs. A test holds the two files together; nothing else reads the trials. Tasks that follow
 * instructions take e2e's rates, their trials being of three or six epochs on llama-mini.
 */
import type { Task } from '../../data/examples/task.ts';
import type { BuiltinModel } from '../../models/bases/built-in.ts';
import type { PaperRecipe } from '../../papers/recipe.ts';

/** Settings of the tasks that follow instructions, in short prompts that small models learn. */
const instructed: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  // That template, though long, is what peft's method_comparison asks by.
  metamath: {
    // AdaLoRA of peft/metamathqa fixes its ranks 500 steps before the end.
    epochs: 8,
    maxSteps: 800,
    evaluateEvery: 100,
    template: 'metamath',
    promptLength: 96,
    targetLength: 49,
    length: 145,
    maxNewTokens: 48,
  },
  math: { epochs: 6, template: 'question', promptLength: 96, targetLength: 48, maxNewTokens: 48 },
  commonsense: { template: 'instruction', promptLength: 96, targetLength: 32, maxNewTokens: 32 },
  // RED's rules of decoding forbid to repeat the prompt, which these answers do.
  ultrafeedback: {
    epochs: 6,
    template: 'question',
    lossOn: 'answer',
    tooLong: 'cut',
    noRepeatNgram: 0,
    repetitionPenalty: 1,
    promptLength: 64,
    targetLength: 32,
    maxNewTokens: 32,
  },
  alpaca: { epochs: 6, template: 'question', promptLength: 64, targetLength: 32, maxNewTokens: 32 },
};

const labelTasks = ['cola', 'mnli', 'mrpc', 'qnli', 'qqp', 'rte', 'sst2', 'stsb'];
/** The tasks that these recipes serve. */
const served = ['e2e', ...labelTasks, ...Object.keys(instructed)];

/**
 * Whether the recipes of built-in bases serve a task; any other task is served better by its own
 * defaults.
 */
export function isTunedFor({ name }: Task): boolean {
  return served.includes(name);
}

/**
 * Settings that all methods share: a few passes over a thousand examples, half a minute a seed on two cores.
 */
const shared: Readonly<Record<Task['kind'], Readonly<Record<string, unknown>>>> = {
  text: { batchSize: 16, epochs: 3, warmup: 0.06, maxNewTokens: 64, targetLength: 64 },
  label: { batchSize: 16, epochs: 15, warmup: 0.06, head: 'mean' },
};

/** Peak learning rates by method, for tasks of text and for tasks of classes and values. */
const learningRates: Readonly<Record<Task['kind'], Readonly<Record<string, number>>>> = {
  text: {
    full: 3e-3,
    'ft-top2': 3e-3,
    bitfit: 1e-1,
    adapter: 1e-2,
    'adapter-ffn': 3e-2,
    lora: 2e-2,
    prefix: 3e-1,
    prompt: 1,
    red: 2e-1,
    dora: 2e-2,
    adalora: 2e-2,
    vera: 1e-1,
    ia3: 3e-1,
    ssf: 3e-2,
    compacter: 3e-2,
    adapterdrop: 1e-2,
    'parallel-adapter': 1e-2,
    'p-tuning': 1e-3,
    loreft: 3e-2,
    direft: 3e-2,
  },
  label: {
    none: 5e-2,
    rslora: 2e-3,
    pissa: 1e-3,
    'ln-tuning': 1e-2,
    lokr: 1e-2,
    'lora-plus': 1e-3,
    miss: 3e-3,
    hra: 3e-3,
    loha: 1e-2,
    oft: 3e-3,
    mam: 1e-3,
    randlora: 1e-3,
    fourierft: 3e-2,
    full: 3e-4,
    'ft-top2': 1e-3,
    bitfit: 1e-2,
    adapter: 2e-3,
    'adapter-ffn': 2e-3,
    lora: 2e-3,
    prefix: 3e-2,
    prompt: 3e-1,
    red: 3e-2,
    dora: 5e-3,
    adalora: 5e-3,
    vera: 3e-2,
    ia3: 3e-2,
    ssf: 1e-2,
    compacter: 1e-2,
    adapterdrop: 2e-3,
    'parallel-adapter': 2e-3,
    'p-tuning': 1e-2,
    loreft: 1e-2,
    direft: 1e-2,
  },
};

/**
 * Options by method that differ from its defaults, for bases of three or four layers and a width of 192:
 * - prompt tuning's hundred tokens would make a pair of sentences four times as long;
 * - ReFT's paper edits seven tokens at each end on reasoning, too;
 * - LoRA on queries and values alone learns pairs of sentences by heart.
 */
const small = { adapterdrop: { drop: 2 }, compacter: { bottleneck: 8 } } as const;
const options: Readonly<Record<Task['kind'], Readonly<Record<string, Readonly<Record<string, unknown>>>>>> = {
  text: { ...small, loreft: { first: 7, last: 7 }, direft: { first: 7, last: 7 } },
  label: {
    ...small,
    prompt: { virtualTokens: 20 },
    lora: { targets: ['query', 'key', 'value', 'attentionOutput', 'mlpUp', 'mlpOutput'] },
  },
};

/** The recipe of a method on a built-in base. */
export function builtinRecipe(task: Task, model: BuiltinModel, method: string): PaperRecipe {
  return recipeOf(task.kind, task.name, model, method);
}

function recipeOf(kind: Task['kind'], task: string, model: BuiltinModel, method: string): PaperRecipe {
  const learningRate = learningRates[kind][method];
  return {
    source: 'built-in',
    model,
    task,
    method,
    settings: { ...(learningRate !== undefined && { learningRate }), ...shared[kind], ...instructed[task] },
    options: options[kind][method] ?? {},
    seeds: task in instructed ? [42] : [42, 43, 44],
  };
}

/**
 * Lists the recipes of built-in bases: for each method one for the task of text, and one for those of classes
 * and values.
 */
export function builtinRecipes(methods: readonly string[]): PaperRecipe[] {
  const groups = [
    { kind: 'text', task: 'e2e', model: 'gpt2-mini' },
    { kind: 'label', task: labelTasks.join(','), model: 'roberta-mini' },
  ] as const;
  return groups.flatMap(({ kind, task, model }) =>
    methods
      .filter((method) => learningRates[kind][method] !== undefined)
      .map((method) => recipeOf(kind, task, model, method)),
  );
}
