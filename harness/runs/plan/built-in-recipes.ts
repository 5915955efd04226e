import type { Task } from '../../data/examples/task.ts';
import type { BuiltinModel } from '../../models/bases/built-in.ts';
import type { PaperRecipe } from '../../papers/recipe.ts';

/** The tasks that these recipes were made for. */
const tuned = ['e2e', 'cola', 'mnli', 'mrpc', 'qnli', 'qqp', 'rte', 'sst2', 'stsb'];

/** Whether the recipes of built-in bases were made for a task; another's own defaults suit it better. */
export function isTunedFor({ name }: Task): boolean {
  return tuned.includes(name);
}

/** What all methods share on a built-in base: a few passes over a thousand examples, half a minute a seed on two cores. */
const shared: Readonly<Record<Task['kind'], Readonly<Record<string, unknown>>>> = {
  text: { batchSize: 16, epochs: 3, warmup: 0.06, maxNewTokens: 64, targetLength: 64 },
  label: { batchSize: 16, epochs: 15, warmup: 0.06, head: 'mean' },
};

/**
 * Peak learning rates by method, for tasks of text and tasks of classes and values: the best of those tried. On e2e and
 * gpt2-mini (seed 42, loss on the validation split after the last epoch): full 1e-3 .512, 3e-3 .493; ft-top2 1e-3 .738,
 * 3e-3 .608; bitfit 3e-3 2.541, 1e-2 2.100, 3e-2 1.782, 1e-1 1.611, 3e-1 1.725; adapter 3e-3 .947, 1e-2 .686, 3e-2 .696; adapter-ffn
 * 3e-3 1.161, 1e-2 .777, 3e-2 .732; lora 6e-3 1.281, 2e-2 1.003, 5e-2 .999; prefix 1e-2 2.895, 3e-2 1.912, 1e-1 1.234, 3e-1
 * 1.038, 1 1.430; prompt 1e-1 2.714, 3e-1 2.512, 1 2.475; red 3e-2 2.295, 1e-1 2.152, 2e-1 2.112, 4e-1 2.123.
 *
 * On qqp / sst2 and roberta-mini (seed 42, best accuracy on the validation split in fifteen epochs; a dash: not tried):
 * none 3e-3 .607 / –, 1e-2 .647 / .627, 5e-2 .707 / .647;
 * prompt 1e-2 .713 / .653, 3e-2 .707 / .693, 1e-1 .700 / .747, 3e-1 .747 / .713;
 * red 1e-2 .713 / .727, 2e-2 – / .747, 3e-2 .733 / .740, 6e-2 – / .733, 1e-1 .713 / – (on cola, Matthews, and qnli 1e-2 .388 and
 * .747, 2e-2 .427 and .700, 3e-2 .496 and .713, 6e-2 .451 and .680);
 * prefix 1e-2 .707 / –, 3e-2 .767 / .793, 1e-1 .740 / –; bitfit 3e-3 .700 / –, 1e-2 .733 / .780, 3e-2 .713 / –;
 * lora on queries and values 2e-3 .753 / .847, 5e-3 .753 / .893, 1e-2 .573 / –, with dropout .3 5e-3 .793 / .847, on all linear
 * modules 2e-3 .787 / .867 (on qnli queries and values .753, with dropout .767, all modules 2e-3 .807, 1e-3 .793);
 * adapter 1e-3 .787 / –, 2e-3 .787 / .827, 5e-3 .613 / –, 1e-2 .553 / –;
 * adapter-ffn 2e-3 .813 / .793, 5e-3 .800 / –, 1e-2 .767 / –; ft-top2 3e-4 .787 / .833, 1e-3 .827 / .867, 3e-3 .607 / –;
 * full 1e-4 .767 / .860, 3e-4 .753 / .893, 1e-3 .720 / –.
 *
 * The other methods have one or two rates tried, on e2e (loss) and sst2 (accuracy): dora 2e-2 1.017, 5e-3 .893; adalora 2e-2
 * 1.560, 5e-3 .833; vera 1e-1 1.732, 4e-1 1.758, 3e-2 .833; ia3 1e-1 1.486, 3e-1 1.447, 3e-2 .787; ssf 3e-2 1.070, 1e-2 .813;
 * compacter 3e-2 1.564, 1e-2 .773; adapterdrop 1e-2 .980, 2e-3 .813; parallel-adapter 1e-2 .564, 2e-3 .853; p-tuning 1e-3
 * 3.251, 3e-3 3.317, 1e-2 3.265, 3e-2 3.703 (of a hundred tokens 1e-3 3.845; the frozen base's loss is 3.859), 3e-3 .613, 1e-2
 * .673; loreft of one token at each end 1e-2 2.992, 1e-1 3.031, of seven 3e-2 2.575, 1e-1 2.845, 1e-2 .700; direft of one 1e-1
 * 2.998, of seven 3e-2 2.536, 1e-1 2.812, 1e-2 .707.
 */
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

// The bases have three and four layers and a width of 192; prompt tuning's hundred tokens take four times as long as a pair
// of sentences. ReFT's paper edits seven tokens at each end on reasoning, too. Queries and values alone learn pairs of
// sentences by heart.
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
    ...{ model, task, method },
    settings: { ...(learningRate !== undefined && { learningRate }), ...shared[kind] },
    options: options[kind][method] ?? {},
    seeds: [42, 43, 44],
  };
}

/** The recipes of built-in bases as a list: of each method one for the task of text and one for those of classes and values. */
export function builtinRecipes(methods: readonly string[]): PaperRecipe[] {
  const groups = [
    { kind: 'text', task: 'e2e', model: 'gpt2-mini' },
    { kind: 'label', task: tuned.filter((name) => name !== 'e2e').join(','), model: 'roberta-mini' },
  ] as const;
  return groups.flatMap(({ kind, task, model }) =>
    methods
      .filter((method) => learningRates[kind][method] !== undefined)
      .map((method) => recipeOf(kind, task, model, method)),
  );
}
