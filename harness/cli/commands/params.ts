/**
 * `bench params`: counts trained parameters exactly, from config.json and, where they lie here, the names of
 * the tensors; with --base-weights also the memory that training and decoding take.
 */
import { Command, Option } from 'commander';
import { baseWeightsText } from '../../models/bases/base-weights.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { ParameterCounts } from '../../models/delta/count-parameters.ts';
import type { Head } from '../../models/delta/heads.ts';
import { type HeadName, headNames } from '../../models/head-names.ts';
import type { Delta } from '../../models/method.ts';
import type { MemoryEstimate } from '../../runs/memory/estimate-memory.ts';
import type { OptionSetting } from '../../runs/plan/variants/option-values.ts';
import type { Variant } from '../../runs/plan/variants/variant.ts';
import { UsageError } from '../../support/errors.ts';
import { positive } from '../arguments/parse-values.ts';
import { baseWeightsHelp } from '../arguments/run-options.ts';
import { memoryText } from '../terminal/memory-text.ts';
import { columns, note, print, printJson, trainableLine } from '../terminal/output.ts';

interface ParamsOptions {
  readonly model: string;
  readonly method?: string[];
  readonly set: string[];
  readonly head: HeadName;
  readonly classes: number;
  readonly tensors?: true;
  readonly baseWeights?: string;
  readonly task?: string;
  readonly recompute?: true;
  readonly json?: true;
}

/** The command `params`. */
export function paramsCommand(): Command {
  return new Command('params')
    .summary('count trained parameters exactly, and estimate memory')
    .requiredOption(
      '--model <base>',
      'a hub id, of which only config.json is read, a folder, or random-gpt2~…',
    )
    .option('--method <variants...>', 'methods, such as red, lora~rank=4 (with --base-weights: lora)')
    .option('--set <settings...>', 'key=value: an option of the methods that have it', [])
    .addOption(new Option('--head <name>', 'of an encoder').choices(headNames).default('paper'))
    .option('--classes <n>', 'that the head of an encoder tells apart; 1 for a value', positive, 2)
    .option('--tensors', 'list every trained tensor')
    .option('--base-weights <type>', `tell the memory, too; ${baseWeightsHelp}`)
    .option('--task <name>', 'of which the memory is told (default: the recipe without a task)')
    .option('--recompute', 'tell the memory of training that computes activations again')
    .option('--json', 'print one JSON document')
    .action(params);
}

/** A variant on the base, as it is printed. */
interface Counted extends ParameterCounts {
  readonly variant: Variant;
  readonly memory?: MemoryEstimate;
}

async function params(options: ParamsOptions): Promise<void> {
  const { makeHead } = await import('../../models/delta/heads.ts');
  const { loadMethods } = await import('../../runs/plan/load-plugins.ts');
  const { parseBaseWeights } = await import('../../models/bases/base-weights.ts');
  const { splitSetting } = await import('../../runs/plan/variants/option-values.ts');
  const { isRecipeKey } = await import('../../runs/plan/resolve-recipe.ts');
  const { checkOptionUsed, parseVariant } = await import('../../runs/plan/variants/parse-variant.ts');
  const { baseWeights } = options;
  const asked = checkAsked(options);
  const methods = await loadMethods();
  const all = options.set.map(splitSetting);
  const hyper = all.filter(({ key }) => isRecipeKey(key));
  const settings = all.filter((setting) => !hyper.includes(setting));
  if (hyper.length > 0 && baseWeights === undefined)
    throw new UsageError(
      `--set ${hyper[0]!.key}: a hyper-parameter changes no count; leave it out, or give --base-weights to see ` +
        'the memory.',
    );
  const variants = asked.map((text) => parseVariant(text, methods, settings));
  for (const { key } of settings) checkOptionUsed(key, variants, methods);
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const base = await loadBase(options.model, {
    onNote: note,
    baseWeights: baseWeights === undefined ? undefined : parseBaseWeights(baseWeights),
  });
  const head =
    base.architecture.kind === 'encoder' ? makeHead(base, options.head, options.classes) : undefined;
  const counted: Counted[] = [];
  for (const variant of variants) {
    const attached = await attach(variant, base, head);
    const memory =
      baseWeights === undefined ? {} : { memory: await memoryOf(options, variant, attached, hyper) };
    counted.push({ variant, ...attached.counts, ...memory });
  }
  if (options.json) printCountsAsJson(base, head, counted, options.tensors ?? false);
  else for (const one of counted) printCounts(base, one, options.tensors ?? false);
}

/** The methods that were asked for; throws UsageError where there are none, or an option tells memory alone. */
function checkAsked({ method, baseWeights, task, recompute }: ParamsOptions): readonly string[] {
  if (baseWeights === undefined && (task !== undefined || recompute))
    throw new UsageError(
      `--${task === undefined ? 'recompute' : 'task'} changes the memory alone, which --base-weights tells.`,
    );
  if (method?.length) return method;
  if (baseWeights !== undefined) return ['lora'];
  throw new UsageError('Say which with --method (list methods).');
}

/** A variant on the base, under a head where it is an encoder. */
async function attach(
  variant: Variant,
  base: BaseModel,
  head: Head | undefined,
): Promise<{ base: BaseModel; delta: Delta; counts: ParameterCounts }> {
  const { attachMethods, attachWithHead } = await import('../../runs/cell/attach-method.ts');
  const { countParameters } = await import('../../models/delta/count-parameters.ts');
  const whole = head
    ? await attachWithHead(variant, base, head)
    : { base, delta: await attachMethods(variant, base) };
  return { ...whole, counts: countParameters(whole.base, whole.delta, head) };
}

/** The memory of a variant under the recipe of the task, or the recipe without one. */
async function memoryOf(
  { model, task: name, recompute }: ParamsOptions,
  variant: Variant,
  { base, delta }: { base: BaseModel; delta: Delta },
  settings: readonly OptionSetting[],
): Promise<MemoryEstimate> {
  const { checkPackedTensors } = await import('../../runs/cell/attach-cell.ts');
  const { estimateMemory } = await import('../../runs/memory/estimate-memory.ts');
  const { usableMemory } = await import('../../support/usable-memory.ts');
  const { loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const { findTasks } = await import('../../runs/plugins/find-tasks.ts');
  const { ownRecipe, recipeWithoutTask, resolveRecipe } = await import('../../runs/plan/resolve-recipe.ts');
  checkPackedTensors(variant.name, base, delta);
  const [task, ...others] = name === undefined ? [] : findTasks(name, await loadTasks());
  if (others.length > 0) throw new UsageError(`--task ${name} is a group of tasks; name one of them.`);
  const recipe = task
    ? resolveRecipe({ task, variant, published: ownRecipe(task, model) }, settings)
    : recipeWithoutTask(variant, settings);
  const memory = usableMemory();
  const run = { base, delta, recipe, memory, precision: 'float32', size: task?.sizes } as const;
  return estimateMemory({ ...run, recompute: recompute ?? false });
}

function printCountsAsJson(
  base: BaseModel,
  head: Head | undefined,
  counted: readonly Counted[],
  withTensors: boolean,
): void {
  printJson({
    model: base.id,
    ...(head && { head: { name: head.name, classes: head.outputs } }),
    methods: counted.map(({ variant, tensors, ...counts }) => ({
      variant: variant.name,
      label: variant.label,
      ...counts,
      trainedWithHead: counts.trained + counts.head,
      ...(withTensors && { tensors }),
    })),
  });
}

function printCounts(
  base: BaseModel,
  { variant, tensors, memory, ...counts }: Counted,
  withTensors: boolean,
): void {
  print(`${variant.name} (${variant.label}) on ${base.id}`);
  print(`  ${trainableLine(counts)}`);
  print(`  without head: ${counts.trained.toLocaleString('en')}; head: ${counts.head.toLocaleString('en')}`);
  if (memory) print(memoryText(baseWeightsText(base.weights), memory));
  if (!withTensors) return;
  const rows = tensors.map(({ name, shape, parameters }) => [
    `    ${name}`,
    `[${shape.join(', ')}]`,
    parameters.toLocaleString('en'),
  ]);
  print(columns(rows));
}
