/** The options of `run` and `tune` that say which columns of a user's own data hold what. */
import type { Command } from 'commander';
import type { GivenOptions, OwnTaskName } from '../../runs/own-tasks/options.ts';
import { UsageError } from '../../support/errors.ts';

/** The options as commander gives them. */
export interface OwnDataOptions {
  readonly input?: string;
  readonly target?: string;
  readonly references?: string;
  readonly text?: string;
  readonly text2?: string;
  readonly label?: string;
  readonly metric?: string;
  readonly split?: string;
}

/** Gives a command the options of OwnDataOptions. */
export function addOwnDataOptions(command: Command): Command {
  return command
    .option('--input <column>', '--task text: what the model reads')
    .option('--target <column>', '--task text: what it learns to write')
    .option('--references <column>', '--task text: what counts as right (default: the target)')
    .option('--text <column>', '--task classify: the sentence')
    .option('--text2 <column>', '--task classify: a second sentence')
    .option('--label <column>', '--task classify: the class')
    .option('--metric <names>', '--task classify: accuracy,f1,macro-f1,matthews; the first chooses')
    .option('--split <shares>', 'of one file: percent of train/validation/test (default: 80/10/10)');
}

/**
 * The options that were given, as a request has them; throws UsageError where one does not belong to the
 * tasks.
 */
export async function ownDataOf(
  options: OwnDataOptions,
  tasks: readonly string[],
): Promise<GivenOptions | undefined> {
  const { isOwnTask, optionsOf, ownTasks } = await import('../../runs/own-tasks/options.ts');
  const { input, target, references, text, text2, label, metric, split } = options;
  const all = { input, target, references, text, text2, label, metric: metric?.split(','), split };
  const given = Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
  );
  const asked = tasks.find(isOwnTask);
  const known = asked === undefined ? [] : optionsOf(asked);
  const other = Object.keys(given).find((key) => !known.includes(key));
  if (other === undefined) return asked === undefined ? undefined : given;
  const owner = (Object.keys(ownTasks) as OwnTaskName[]).filter((name) => optionsOf(name).includes(other));
  throw new UsageError(`--${other} is an option of --task ${owner.join(' and --task ')}; leave it out.`);
}
