/**
 * `bench params`: counts trained parameters exactly, from config.json and, where they lie here, the names of
 * the tensors.
 */
import { Command, Option } from 'commander';
import { UsageError } from '../../support/errors.ts';
import { type HeadName, headNames } from '../../models/head-names.ts';
import type { ParameterCounts } from '../../models/delta/count-parameters.ts';
import { positive } from '../arguments/parse-values.ts';
import { columns, note, print, printJson, trainableLine } from '../terminal/output.ts';

interface ParamsOptions {
  readonly model: string;
  readonly method: string[];
  readonly set: string[];
  readonly head: HeadName;
  readonly classes: number;
  readonly tensors?: true;
  readonly json?: true;
}

/** The command `params`. */
export function paramsCommand(): Command {
  return new Command('params')
    .summary('count trained parameters exactly')
    .requiredOption(
      '--model <base>',
      'a hub id, of which only config.json is read, a folder, or random-gpt2~…',
    )
    .requiredOption('--method <variants...>', 'methods, such as red, lora~rank=4')
    .option('--set <settings...>', 'key=value: an option of the methods that have it', [])
    .addOption(new Option('--head <name>', 'of an encoder').choices(headNames).default('paper'))
    .option('--classes <n>', 'that the head of an encoder tells apart; 1 for a value', positive, 2)
    .option('--tensors', 'list every trained tensor')
    .option('--json', 'print one JSON document')
    .action(params);
}

async function params(options: ParamsOptions): Promise<void> {
  const { attachMethods, attachWithHead } = await import('../../runs/cell/attach-method.ts');
  const { makeHead } = await import('../../models/delta/heads.ts');
  const { countParameters } = await import('../../models/delta/count-parameters.ts');
  const { loadMethods } = await import('../../runs/plan/load-plugins.ts');
  const { splitSetting } = await import('../../runs/plan/option-values.ts');
  const { isRecipeKey } = await import('../../runs/plan/resolve-recipe.ts');
  const { checkOptionUsed, parseVariant } = await import('../../runs/plan/parse-variant.ts');
  const methods = await loadMethods();
  const settings = options.set.map(splitSetting);
  const hyper = settings.find(({ key }) => isRecipeKey(key));
  if (hyper) throw new UsageError(`--set ${hyper.key}: a hyper-parameter changes no count; leave it out.`);
  const variants = options.method.map((text) => parseVariant(text, methods, settings));
  for (const { key } of settings) checkOptionUsed(key, variants, methods);
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const base = await loadBase(options.model, { onNote: note });
  const head =
    base.architecture.kind === 'encoder' ? makeHead(base, options.head, options.classes) : undefined;
  const count = async (variant: (typeof variants)[number]): Promise<ParameterCounts> => {
    if (!head) return countParameters(base, await attachMethods(variant, base));
    const { base: whole, delta } = await attachWithHead(variant, base, head);
    return countParameters(whole, delta, head);
  };
  const counted = await Promise.all(
    variants.map(async (variant) => ({ variant, ...(await count(variant)) })),
  );
  if (options.json) {
    printJson({
      model: base.id,
      ...(head && { head: { name: head.name, classes: head.outputs } }),
      methods: counted.map(({ variant, tensors, ...counts }) => ({
        variant: variant.name,
        label: variant.label,
        ...counts,
        trainedWithHead: counts.trained + counts.head,
        ...(options.tensors && { tensors }),
      })),
    });
    return;
  }
  for (const { variant, tensors, ...counts } of counted) {
    print(`${variant.name} (${variant.label}) on ${base.id}`);
    print(`  ${trainableLine(counts)}`);
    print(
      `  without head: ${counts.trained.toLocaleString('en')}; head: ${counts.head.toLocaleString('en')}`,
    );
    if (!options.tensors) continue;
    print(
      columns(
        tensors.map(({ name, shape, parameters }) => [
          `    ${name}`,
          `[${shape.join(', ')}]`,
          parameters.toLocaleString('en'),
        ]),
      ),
    );
  }
}
