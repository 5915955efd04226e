import { Command } from 'commander';
import { didYouMean, UsageError } from '../data/errors.ts';
import type { z } from 'zod';
import type { EngineName } from '../engine/types.ts';
import type { OptionHelp } from '../runs/options.ts';
import { columns, heading, print, printJson } from './output.ts';

const engines: Record<EngineName, string> = {
  onnx: 'programs recorded as graphs, run by onnxruntime (cpu, webgpu, cuda); the default',
  tensorflow: "tfjs on TensorFlow's library (cpu, cuda); npm run setup:tensorflow brings it",
  js: 'tfjs in plain JavaScript: slow, the reference that the others are tested against',
};

/** What can be listed: a JSON value and its text. */
const topics: Record<string, () => Promise<{ json: unknown; text: string }>> = {
  async tasks() {
    const { loadTasks } = await import('../runs/plugins.ts');
    const json = [...(await loadTasks()).values()].map(({ name, label, version, metrics, defaults }) => ({
      ...{ name, label, version, metrics, defaults },
    }));
    const row = ({ name, label, metrics }: (typeof json)[number]) => [
      name,
      label,
      metrics.map((m) => m.name).join(', '),
    ];
    return { json, text: columns(json.map(row)) };
  },
  async methods() {
    const { loadMethods } = await import('../runs/plugins.ts');
    const { describeOptions } = await import('../runs/options.ts');
    const json = [...(await loadMethods()).values()].map((method) => ({
      name: method.name,
      label: method.label,
      paper: method.paper,
      formula: method.formula,
      options: describeOptions(method.options as unknown as z.ZodObject),
      ablations: method.ablations ?? {},
      defaults: method.defaults ?? {},
    }));
    const blocks = json.map(async ({ name, label, paper, formula, options, ablations }) => {
      const variants = Object.keys(ablations).map((ablation) => `${name}~${ablation}`);
      const lines = [
        columns([[name, label, paper]]),
        ...(formula ? [`    ${formula}`] : []),
        ...(options.length ? [await optionLines(options)] : []),
        ...(variants.length ? [`    ablations: ${variants.join(', ')}`] : []),
      ];
      return lines.join('\n');
    });
    return { json, text: (await Promise.all(blocks)).join('\n') };
  },
  async models() {
    const { publicConfigs } = await import('../models/public-configs.ts');
    const { builtinModels } = await import('../models/builtin.ts');
    const known = Object.keys(publicConfigs);
    const json = [...builtinModels, ...known];
    const text = columns([
      ...builtinModels.map((name) => [name, 'built in: small, pretrained, with data of its own']),
      ...known.map((id) => [id, 'from the hub; `params` needs no download']),
      ['OWNER/NAME', 'any other model of a built family on the hub'],
      ['FOLDER', 'a model in Hugging Face layout'],
      ['random-gpt2~layers=4,width=256,heads=4', 'random weights, for tests and benchmarks'],
    ]);
    return { json, text };
  },
  async recipes() {
    const { recipeSchema } = await import('../training/recipe.ts');
    const { describeOptions, formatValue } = await import('../runs/options.ts');
    const { paperRecipes } = await import('../papers/red-recipes.ts');
    const settings = describeOptions(recipeSchema);
    const rows = paperRecipes.map(({ source, task, model, method, settings, options, seeds }) => [
      ...[`    ${source}`, task, model, method],
      [
        ...Object.entries({ ...settings, ...options }).map(([key, value]) => `${key}=${formatValue(value)}`),
        `seeds ${seeds[0]!}–${seeds.at(-1)!}`,
      ].join(' '),
    ]);
    return {
      json: { settings, published: paperRecipes },
      text: `Hyper-parameters, for --set key=value:\n${await optionLines(settings)}\nPublished recipes:\n${columns(rows)}`,
    };
  },
  async protocol() {
    const { discrepancies, sides } = await import('../papers/discrepancies.ts');
    const blocks = discrepancies.map(({ id, what, says, suggested, reproduces = suggested }) =>
      [
        `${id}: ${what}`,
        columns(
          sides.map((side) => {
            const taken = [
              ...(side === suggested ? ['recommended'] : []),
              ...(side === reproduces ? ['published'] : []),
            ];
            return [`    ${side}`, says[side], ...(taken.length > 0 ? [`(${taken.join(', ')})`] : [])];
          }),
        ),
      ].join('\n'),
    );
    return { json: discrepancies, text: blocks.join('\n') };
  },
  engines() {
    const json = Object.entries(engines).map(([name, description]) => ({ name, description }));
    return Promise.resolve({ json, text: columns(json.map(({ name, description }) => [name, description])) });
  },
};

async function optionLines(options: readonly OptionHelp[]): Promise<string> {
  const { formatValue } = await import('../runs/options.ts');
  return columns(
    options.map(({ name, type, default: value, description }) => [
      `    ${name}`,
      type,
      value === undefined ? '' : `default ${formatValue(value)}`,
      description,
    ]),
  );
}

/** `bench list`: what there is. */
export function listCommand(): Command {
  return new Command('list')
    .summary('show tasks, methods, models, recipes, entries of the protocol and engines')
    .argument('[topic]', Object.keys(topics).join(', '))
    .option('--json', 'print one JSON document')
    .action(list);
}

async function list(topic: string | undefined, { json }: { json?: true }): Promise<void> {
  const names = topic === undefined ? Object.keys(topics) : [topic];
  const unknown = names.find((name) => !Object.hasOwn(topics, name));
  if (unknown !== undefined) {
    const known = Object.keys(topics);
    throw new UsageError(
      `There is no list of "${unknown}".${didYouMean(unknown, known)} Lists: ${known.join(', ')}.`,
    );
  }
  const found = await Promise.all(names.map(async (name) => ({ name, ...(await topics[name]!()) })));
  if (json) printJson(Object.fromEntries(found.map(({ name, json }) => [name, json])));
  else if (topic !== undefined) print(found[0]!.text);
  else print(found.map(({ name, text }) => `${heading(name)}\n${text}`).join('\n\n'));
}
