/**
 * `bench list`: lists what there is: tasks, methods, evaluations, models, families, recipes, discrepancies and
 * engines.
 */
import { Command } from 'commander';
import { didYouMean, UsageError } from '../../support/errors.ts';
import type { EngineName } from '../../engine/types.ts';
import type { Evaluation } from '../../evaluation/evaluation.ts';
import type { OptionHelp } from '../../runs/plan/variants/option-values.ts';
import { benchCommand } from '../../support/project-root.ts';
import { wrapText } from '../../reporting/tables/layout-text.ts';
import { columns, described, print, printJson, terminalWidth } from '../terminal/output.ts';

const engines: Record<EngineName, string> = {
  onnx: 'programs recorded as graphs, run by onnxruntime (cpu, webgpu, cuda); the default',
  tensorflow: `tfjs on TensorFlow's library (cpu, cuda); ${benchCommand} setup tensorflow brings it`,
  js: 'tfjs in plain JavaScript: slow, the reference that the others are tested against',
};

/** The lists by name; each gives a JSON value and its text. */
const topics: Record<string, (name?: string) => Promise<{ json: unknown; text: string }>> = {
  async tasks() {
    const { loadTasks } = await import('../../runs/plan/load-plugins.ts');
    const { taskGroups } = await import('../../runs/plugins/find-tasks.ts');
    const tasks = await loadTasks();
    const json = [...tasks.values()].map(({ name, label, groups = [], version, metrics, defaults }) => ({
      name,
      label,
      groups,
      version,
      metrics,
      defaults,
    }));
    const row = ({ name, label, metrics }: (typeof json)[number]) => [
      name,
      label,
      metrics.map((m) => m.name).join(', '),
    ];
    const { ownTasks } = await import('../../runs/own-tasks/options.ts');
    const groups = taskGroups(tasks).map((group) => {
      const members = json.filter((task) => task.groups.includes(group)).map(({ name }) => name);
      return [group, 'group', members.join(', ')];
    });
    return { json, text: described([...json.map(row), ...Object.entries(ownTasks), ...groups]) };
  },
  async methods(name) {
    const { loadMethods } = await import('../../runs/plan/load-plugins.ts');
    const { describeOptions } = await import('../../runs/plan/variants/option-values.ts');
    const methods = await loadMethods();
    if (name !== undefined && !methods.has(name)) {
      const known = [...methods.keys()];
      throw new UsageError(
        `There is no method "${name}".${didYouMean(name, known)} Methods: ${known.join(', ')}.`,
      );
    }
    const chosen = [...methods.values()].filter((method) => name === undefined || method.name === name);
    const json = chosen.map((method) => ({
      name: method.name,
      label: method.label,
      paper: method.paper,
      formula: method.formula,
      options: describeOptions(method.options),
      ablations: method.ablations ?? {},
      defaults: method.defaults ?? {},
    }));
    const blocks = json.map(async ({ name, label, paper, formula, options, ablations, defaults }) => {
      const variants = Object.keys(ablations).map((ablation) => `${name}~${ablation}`);
      const lines = [
        columns([[name, label, paper]]),
        ...(formula ? [described([['   ', formula]])] : []),
        ...(options.length ? [await optionLines(options)] : []),
        ...(variants.length ? [described([['    ablations:', variants.join(', ')]])] : []),
        ...Object.entries(defaults).map(
          ([key, value]) => `    ${key}=${String(value)}, where no recipe says otherwise`,
        ),
      ];
      return lines.join('\n');
    });
    return { json, text: (await Promise.all(blocks)).join('\n') };
  },
  async evaluations() {
    const { loadEvaluations } = await import('../../runs/plan/load-plugins.ts');
    const all = [...(await loadEvaluations()).values()];
    const json = all.map(
      ({ name, label, kind, version, groups = [], groupMean, measures, shots, sources }) => ({
        name,
        label,
        kind,
        version,
        groups,
        ...(groupMean && { groupMean }),
        measures,
        shots,
        sources,
      }),
    );
    return { json, text: evaluationLines(json) };
  },
  async models() {
    const { publicConfigs } = await import('../../models/bases/public-configs.ts');
    const { builtinModels } = await import('../../models/bases/built-in.ts');
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
  async families() {
    const { families } = await import('../../models/families/registry.ts');
    const json = Object.entries(families).map(([name, { models, triedWith, refuses }]) => ({
      name,
      models,
      triedWith,
      refuses,
    }));
    const rows = json.map(({ name, models, triedWith, refuses }) => [
      name,
      `${models}; tried with ${triedWith}${refuses && `; refused: ${refuses}`}`,
    ]);
    const remark = 'tiny: a small random model, whose numbers are held to those of transformers.';
    return { json, text: `${described(rows)}\n\n${remark}` };
  },
  async recipes() {
    const { recipeSchema } = await import('../../training/recipe.ts');
    const { describeOptions } = await import('../../runs/plan/variants/option-values.ts');
    const { paperRecipes } = await import('../../papers/find-recipe.ts');
    const { builtinRecipes } = await import('../../runs/plan/built-in-recipes.ts');
    const { loadMethods } = await import('../../runs/plan/load-plugins.ts');
    const settings = describeOptions(recipeSchema);
    const builtin = builtinRecipes([...(await loadMethods()).keys()]);
    const lines = async (recipes: readonly ListedRecipe[]) =>
      described(await Promise.all(recipes.map(recipeRow)));
    return {
      json: { settings, published: paperRecipes, builtin },
      text: [
        'Hyper-parameters, for --set key=value; others may be usual for a task or method:',
        await optionLines(settings),
        'Recipes of the built-in bases, tuned for the built-in tasks alone (seed 42):',
        await lines(builtin),
        'Published recipes:',
        await lines(paperRecipes),
      ].join('\n'),
    };
  },
  async protocol() {
    const { discrepancies } = await import('../../papers/find-discrepancies.ts');
    const { sides } = await import('../../papers/discrepancy.ts');
    const blocks = discrepancies.map(({ id, what, says, suggested, reproduces = suggested }) =>
      [
        wrapText(`${id}: ${what}`, terminalWidth()),
        described(
          sides.map((side) => {
            const taken = [
              ...(side === suggested ? ['recommended'] : []),
              ...(side === reproduces ? ['published'] : []),
            ];
            return [`    ${side}`, taken.length > 0 ? `${says[side]} (${taken.join(', ')})` : says[side]];
          }),
        ),
      ].join('\n'),
    );
    const classifiers = wrapText(
      "huggingface: beside any of these, classes and values come from transformers' …ForSequenceClassification, of " +
        'decoders and encoder-decoders too, which otherwise write them',
      terminalWidth(),
    );
    return { json: discrepancies, text: [...blocks, classifiers].join('\n') };
  },
  engines() {
    const json = Object.entries(engines).map(([name, description]) => ({ name, description }));
    return Promise.resolve({
      json,
      text: described(json.map(({ name, description }) => [name, description])),
    });
  },
};

/** Groups of more evaluations than this are listed as one. */
const longestGroup = 12;

/** Evaluations with kind, metrics, shots by protocol and where their data lie; then the groups. */
function evaluationLines(
  all: readonly Pick<
    Evaluation,
    'name' | 'label' | 'kind' | 'groups' | 'groupMean' | 'measures' | 'shots' | 'sources'
  >[],
): string {
  const membersOf = (group: string) => all.filter(({ groups = [] }) => groups.includes(group));
  const groups = [...new Set(all.flatMap((one) => one.groups ?? []))];
  const isLong = (group: string): boolean => membersOf(group).length > longestGroup;
  const single = all.filter(({ groups: own = [] }) => !own.some(isLong));
  const lines = single.flatMap(({ name, label, kind, measures, shots, sources }) => [
    `${name}: ${label}`,
    `    ${[kind, measures.join(' ')].filter(Boolean).join(', ')}, data: ${sources.join(', ')}`,
    `    shots: ${shotsText(shots)}`,
  ]);
  const groupLines = groups.flatMap((group) => {
    const members = membersOf(group);
    const [first] = members;
    const about = isLong(group)
      ? [
          `    ${first!.kind}, ${first!.measures.join(' ')}, data: ${first!.sources.join(', ')}`,
          `    shots: ${shotsText(first!.shots)}`,
        ]
      : [];
    const mean = first!.groupMean === 'parts' ? 'its evaluations' : 'all documents';
    const ends = `${first!.name} to ${members.at(-1)!.name}`;
    return [`${group}: ${members.length} evaluations`, `    ${ends}; mean over ${mean}`, ...about];
  });
  return [...lines, '', 'Groups:', ...groupLines].join('\n');
}

const shotsText = (shots: Evaluation['shots']): string =>
  Object.entries(shots)
    .map(([protocol, count]) => `${protocol} ${count}`)
    .join(', ');

/** A recipe, or those of several tasks in one. */
interface ListedRecipe {
  readonly source: string;
  readonly task: string;
  readonly model: string;
  readonly method: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
}

async function recipeRow({
  source,
  task,
  model,
  method,
  settings,
  options,
  seeds,
}: ListedRecipe): Promise<string[]> {
  const { formatValue } = await import('../../runs/plan/variants/option-values.ts');
  const all = Object.entries({ ...settings, ...options }).map(
    ([key, value]) => `${key}=${formatValue(value)}`,
  );
  return [`    ${source}`, task, model, method, [...all, `seeds ${seeds[0]!}–${seeds.at(-1)!}`].join(' ')];
}

async function optionLines(options: readonly OptionHelp[]): Promise<string> {
  const { formatValue } = await import('../../runs/plan/variants/option-values.ts');
  return described(
    options.map(({ name, type, default: value, description }) => {
      const usual = value === undefined ? '' : `, default ${formatValue(value)}`;
      return [`    ${name}`, `${type}${usual}: ${description}`];
    }),
  );
}

/** The command `list`. */
export function listCommand(): Command {
  return new Command('list')
    .summary('show tasks, methods, evaluations, models, families, recipes, protocol, engines')
    .argument('[topic]', Object.keys(topics).join(', '))
    .argument('[name]', 'one of the methods')
    .option('--json', 'print one JSON document')
    .action(list);
}

async function list(
  topic: string | undefined,
  name: string | undefined,
  { json }: { json?: true },
): Promise<void> {
  const known = Object.keys(topics);
  if (topic === undefined && !json) {
    print(await summary());
    return;
  }
  const names = topic === undefined ? known : [topic];
  const unknown = names.find((each) => !Object.hasOwn(topics, each));
  if (unknown !== undefined) {
    throw new UsageError(
      `There is no list of "${unknown}".${didYouMean(unknown, known)} Lists: ${known.join(', ')}.`,
    );
  }
  if (name !== undefined && topic !== 'methods')
    throw new UsageError(
      `list ${topic!} ${name}: only methods are listed one by one, such as list methods red.`,
    );
  const found = await Promise.all(names.map(async (each) => ({ each, ...(await topics[each]!(name)) })));
  if (json) printJson(Object.fromEntries(found.map(({ each, json }) => [each, json])));
  else print(found[0]!.text);
}

/** Names alone, a line for each list. */
async function summary(): Promise<string> {
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const { builtinModels } = await import('../../models/bases/built-in.ts');
  const { families } = await import('../../models/families/registry.ts');
  const { ownTasks } = await import('../../runs/own-tasks/options.ts');
  const rows = [
    ['tasks', [...(await loadTasks()).keys(), ...Object.keys(ownTasks)].join(' ')],
    ['methods', [...(await loadMethods()).keys()].join(' ')],
    ['evaluations', 'benchmarks of language models, and groups of them'],
    ['models', `${builtinModels.join(' ')}, and those of the hub and of folders`],
    ['families', Object.keys(families).join(' ')],
    ['recipes', 'hyper-parameters, recipes of the built-in bases and of papers'],
    ['protocol', 'where a paper, its code and good practice differ'],
    ['engines', Object.keys(engines).join(' ')],
  ];
  const remark = 'list NAME shows all of one, list methods red one method, list --json everything.';
  return `${described(rows.map(([name, text]) => [name!, text!]))}\n\n${remark}`;
}
