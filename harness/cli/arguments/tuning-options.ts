/** The options that `tune` and `intrinsic` share, and the request that they make. */
import type { Command } from 'commander';
import type { RunRequest } from '../../runs/plan/cell.ts';
import { UsageError } from '../../support/errors.ts';
import { addChoiceOptions, checkLauncher, type ChoiceOptions } from './choice-options.ts';
import { addOwnDataOptions, ownDataOf, type OwnDataOptions } from './own-data.ts';
import { addRunOptions, type RunOptions } from './run-options.ts';

/** The options as commander gives them. */
export interface TuningOptions extends RunOptions, ChoiceOptions, OwnDataOptions {
  readonly space?: string[];
}

/** Gives a command the options of TuningOptions. */
export function addTuningOptions(command: Command): Command {
  addChoiceOptions(command).option(
    '--space <values...>',
    'key=a,b, key=low..high or key=log:low..high (/n: n values in a grid); method.key=… for one method',
  );
  return addOwnDataOptions(addRunOptions(command));
}

/** The request for trials of these methods; throws UsageError where tasks or methods are missing. */
export async function tuningRequest(
  options: TuningOptions,
  methods: readonly string[] = [],
): Promise<RunRequest> {
  const { jobs = 1, task = [], recipe } = options;
  checkLauncher(options, jobs);
  if (recipe?.endsWith('.json')) throw new UsageError('--recipe: tuning makes such a file; leave it out.');
  if (task.length === 0) throw new UsageError('Say which tasks with --task (see: list tasks).');
  if (methods.length === 0) throw new UsageError('Say which methods with --method (see: list methods).');
  const own = await ownDataOf(options, task);
  return {
    ...options,
    trials: undefined,
    settings: options.set,
    tasks: task,
    methods,
    models: options.model ?? [],
    ...(own && { own }),
  };
}
