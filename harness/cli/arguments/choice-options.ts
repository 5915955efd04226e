/** The options of `run` and `tune` that say what is trained on what, and those of `eval`, too, that say where. */
import type { Command } from 'commander';
import { didYouMean, UsageError } from '../../support/errors.ts';

/** The options as commander gives them. */
export interface ChoiceOptions extends LauncherOptions {
  readonly task?: string[];
  readonly method?: string[];
  readonly model?: string[];
  readonly set: string[];
  readonly recipe?: string;
}

/** The options that say where work is done, as commander gives them. */
export interface LauncherOptions {
  readonly launcher: (typeof launchers)[number];
  readonly slurm: string[];
}

const launchers = ['local', 'slurm'] as const;

/** Throws UsageError where options of this machine and of Slurm's nodes stand together. */
export function checkLauncher({ launcher, slurm }: LauncherOptions, jobs: number): void {
  if (!launchers.includes(launcher)) {
    throw new UsageError(
      `--launcher ${launcher}: it can be "local" or "slurm".${didYouMean(launcher, launchers)}`,
    );
  }
  if (launcher === 'slurm' && jobs > 1) {
    throw new UsageError(
      "--jobs is for work on this machine, --launcher slurm for Slurm's nodes: leave one of them out.",
    );
  }
  if (launcher !== 'slurm' && slurm.length > 0) {
    throw new UsageError('--slurm says how --launcher slurm submits jobs: add that, or leave --slurm out.');
  }
}

/** Gives a command the options of ChoiceOptions. */
export function addChoiceOptions(command: Command): Command {
  return addLauncherOptions(command)
    .option('--task <names...>', 'tasks (see: list tasks)')
    .option('--method <variants...>', 'methods, such as red, lora~rank=4, red+lora (see: list methods)')
    .option(
      '--model <bases...>',
      'base models: gpt2-mini, roberta-mini, … (list models), a hub id, a folder, ' +
        'or random-gpt2~layers=4,width=256,heads=4',
    )
    .option(
      '--recipe <base>',
      "whose published recipe to follow, none, or a file of tune's (default: the model's own; see: list recipes)",
    )
    .option(
      '--set <settings...>',
      'key=value: a hyper-parameter or an option of the methods (see: list recipes)',
      [],
    );
}

/** Gives a command the options of LauncherOptions. */
export function addLauncherOptions(command: Command): Command {
  return command
    .option(
      '--launcher <name>',
      'local, or slurm: submits what is missing as a job array (see: status)',
      'local',
    )
    .option('--slurm <settings...>', 'key=value: partition, time, gpus, memory, cells (of a task)', []);
}
