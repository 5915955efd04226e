/** The options of `report` and `table` that say which records they show, and how they call them. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Task } from '../../data/examples/task.ts';
import type { RunRecord } from '../../records/record.ts';
import type { ReportContext } from '../../reporting/report/read-report.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { note } from '../terminal/output.ts';

/** The options as commander gives them. */
export interface ShownOptions {
  readonly results: string[];
  readonly names?: string[];
  readonly task?: string[];
  readonly method?: string[];
  readonly model?: string[];
  readonly split: 'test' | 'validation';
}

/** Gives a command the options of ShownOptions. */
export function addShownOptions(command: Command): Command {
  return command
    .option('--results <folders...>', 'where the records lie; of several, rows say which', ['results'])
    .option('--names <names...>', 'what rows of each folder are called (default: as the folders)')
    .option('--task <names...>', 'show these tasks or groups, such as glue (default: all)')
    .option('--method <variants...>', 'show these methods with all their variants, or these variants')
    .option('--model <bases...>', 'show these bases; NAME=PLACE is what a base is called instead')
    .addOption(
      new Option('--split <name>', 'whose scores: validation has those of the chosen checkpoint')
        .choices(['test', 'validation'])
        .default('test'),
    );
}

/** What a report reads by these options, and a check that every name that was given stands in a record. */
export interface Shown {
  readonly context: ReportContext;
  /** The tasks that were asked for, in that order; undefined for all. */
  readonly tasks: readonly string[] | undefined;
  /** Throws UsageError where a name that was given is in no record that was read. */
  checkNames(): void;
}

/** Reads the options; throws UsageError where names do not fit the folders, or a task does not exist. */
export async function readShown(options: ShownOptions): Promise<Shown> {
  const { results, names, split } = options;
  const { loadEvaluations, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const { taskOfRecord } = await import('../../runs/own-tasks/task-of-record.ts');
  const tasks = await loadTasks();
  if (names && names.length !== results.length) {
    throw new UsageError(
      `--names has ${names.length} names for ${results.length} results folders; give one for each.`,
    );
  }
  const twice = [results, names ?? []].flatMap((all) => all.filter((one, i) => all.indexOf(one) !== i));
  if (twice.length > 0)
    throw new UsageError(`${twice[0]!} is given twice; folders and names are different ones.`);
  const aliases = aliasesOf(options.model ?? []);
  const plain = options.model?.filter((text) => !text.includes('='));
  const alone = (name: string): Name => ({ name, members: [name] });
  const asked = {
    task: options.task && (await namesOf(options.task, tasks)),
    method: options.method?.map(alone),
    model: plain?.length ? plain.map(alone) : undefined,
  };
  const filter = recordFilter(asked, aliases);
  return {
    context: {
      results,
      names,
      split,
      aliases,
      isShown: filter.isShown,
      evaluations: await loadEvaluations(),
      taskOf: (record) => taskOfRecord(record, tasks),
      onNote: note,
    },
    tasks: asked.task?.flatMap(({ members }) => members),
    checkNames: filter.checkNames,
  };
}

/** A name that was given, and what it stands for: itself, or the tasks of a group. */
interface Name {
  readonly name: string;
  readonly members: readonly string[];
}

/** The tasks of the names; one on a user's own data is called after the data, and is no plugin. */
async function namesOf(names: readonly string[], tasks: ReadonlyMap<string, Task>): Promise<Name[]> {
  const { findTasks } = await import('../../runs/plugins/find-tasks.ts');
  return names.map((name) => ({
    name,
    members: /^(text|classify)-/.test(name) ? [name] : findTasks(name, tasks).map((task) => task.name),
  }));
}

/** The names of bases by their places; throws UsageError where two have the same name. */
function aliasesOf(models: readonly string[]): Map<string, string> {
  const aliases = new Map<string, string>();
  for (const text of models.filter((one) => one.includes('='))) {
    const [, name, place] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === undefined || place === undefined)
      throw new UsageError(`--model ${text}: write NAME=PLACE, with the place that the records name.`);
    aliases.set(place, name);
  }
  return aliases;
}

type Asked = Readonly<Record<'task' | 'method' | 'model', readonly Name[] | undefined>>;

/** Which records have the names that were asked for, and a check that each name was in one. */
function recordFilter(
  asked: Asked,
  aliases: ReadonlyMap<string, string>,
): { isShown(record: RunRecord): boolean; checkNames(): void } {
  const seen = {
    task: new Set<string>(),
    method: new Set<string>(),
    model: new Set<string>(aliases.values()),
  };
  const places = new Set<string>();
  return {
    isShown({ settings, method }) {
      const { id } = settings.model;
      places.add(id);
      const own = {
        task: [settings.task.name],
        method: [method.variant, settings.methods.map(({ name }) => name).join('+')],
        model: [id, ...(aliases.has(id) ? [aliases.get(id)!] : [])],
      };
      const keys = ['task', 'method', 'model'] as const;
      for (const key of keys) for (const name of own[key]) seen[key].add(name);
      const isAsked = (key: (typeof keys)[number], { members }: Name) =>
        own[key].some((name) => members.includes(name));
      return keys.every((key) => asked[key]?.some((name) => isAsked(key, name)) ?? true);
    },
    checkNames() {
      for (const key of ['task', 'method', 'model'] as const) {
        const missing = asked[key]?.find(({ members }) => !members.some((one) => seen[key].has(one)))?.name;
        if (missing === undefined) continue;
        const known = [...seen[key]];
        throw new UsageError(
          `--${key} ${missing}: no record has it.${didYouMean(missing, known)} There are: ${known.join(', ')}.`,
        );
      }
      const place = [...aliases.keys()].find((one) => !places.has(one));
      if (place !== undefined) {
        const known = [...places].join(', ');
        throw new UsageError(
          `--model ${aliases.get(place)!}=${place}: no record has that base. There are: ${known}.`,
        );
      }
    },
  };
}
