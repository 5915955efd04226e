/**
 * The command line: its commands, and how errors become messages and exit codes. Imports no model, engine or
 * data.
 */
import { inspect } from 'node:util';
import { Command, CommanderError } from 'commander';
import { systemError } from '../support/atomic-files.ts';
import { didYouMean, UsageError } from '../support/errors.ts';
import { gateCommand } from './commands/check.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evalCommand } from './commands/eval.ts';
import { exportCommand } from './commands/export.ts';
import { fetchCommand } from './commands/fetch.ts';
import { inFullWords } from './arguments/command-errors.ts';
import { refuseRepeats } from './arguments/refuse-repeats.ts';
import { initCommand } from './commands/init.ts';
import { intrinsicCommand } from './commands/intrinsic.ts';
import { judgeCommand } from './commands/judge.ts';
import { listCommand } from './commands/list.ts';
import { mergeCommand } from './commands/merge.ts';
import { note, surviveLostOutput } from './terminal/output.ts';
import { paramsCommand } from './commands/params.ts';
import { pretrainCommand } from './commands/pretrain.ts';
import { reportCommand } from './commands/report.ts';
import { reproduceCommand } from './commands/reproduce.ts';
import { rerunCommand } from './commands/rerun.ts';
import { runCommand } from './commands/run.ts';
import { scoreCommand } from './commands/score.ts';
import { setupCommand } from './commands/setup.ts';
import { tableCommand } from './commands/table.ts';
import { tuneCommand } from './commands/tune.ts';
import { statusCommand } from './commands/status.ts';

/**
 * Runs the command line; sets the exit code: 0 done, 1 a run or a check failed, 2 wrong usage, 130 stopped by
 * Ctrl-C, 141 nobody reads the output.
 */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  surviveLostOutput();
  const program = new Command('bench')
    .description('Compares parameter-efficient fine-tuning methods the way a paper does.')
    .addCommand(runCommand(), { isDefault: true });
  program
    .addCommand(tuneCommand())
    .addCommand(intrinsicCommand())
    .addCommand(evalCommand())
    .addCommand(judgeCommand())
    .addCommand(listCommand())
    .addCommand(paramsCommand())
    .addCommand(scoreCommand())
    .addCommand(tableCommand())
    .addCommand(reportCommand())
    .addCommand(diffCommand())
    .addCommand(rerunCommand())
    .addCommand(reproduceCommand())
    .addCommand(statusCommand())
    .addCommand(gateCommand())
    .addCommand(exportCommand())
    .addCommand(mergeCommand())
    .addCommand(fetchCommand())
    .addCommand(pretrainCommand())
    .addCommand(doctorCommand())
    .addCommand(setupCommand())
    .addCommand(initCommand());
  const all = [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)];
  for (const command of all) {
    // Errors are printed below, all in one form.
    refuseRepeats(command)
      .exitOverride((error) => {
        throw inFullWords(error, command);
      })
      .allowExcessArguments(false)
      .configureOutput({ outputError: () => undefined });
  }
  try {
    refuseEmpty(args);
    checkCommand(args[0], program);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    report(error);
  }
}

/** Throws UsageError for an unknown command, which commander would hand to the default one as an argument. */
function checkCommand(name: string | undefined, program: Command): void {
  const names = [...program.commands.map((command) => command.name()), 'help'];
  if (name === undefined || name.startsWith('-') || names.includes(name)) return;
  throw new UsageError(
    `There is no command "${name}".${didYouMean(name, names)} Commands: ${names.join(', ')}.`,
  );
}

/**
 * Throws UsageError for an empty argument: a shell's unset variable leaves it, and an empty path is the
 * current folder.
 */
function refuseEmpty(args: readonly string[]): void {
  const at = args.findIndex((argument) => argument === '' || /^--[a-z-]+=$/.test(argument));
  if (at < 0) return;
  const before = args[at] === '' ? args[at - 1] : args[at]!.slice(0, -1);
  const where = before === undefined ? 'The first argument' : `The value after ${before}`;
  throw new UsageError(
    `${where} is empty, as a shell's variable that is not set leaves it; give a value, or leave it out.`,
  );
}

/** Prints an error and sets the exit code. */
function report(caught: unknown): void {
  const error = systemError(caught);
  if (error instanceof CommanderError && error.exitCode === 0) return;
  if (error instanceof CommanderError || error instanceof UsageError) {
    process.exitCode = 2;
    // "(outputHelp)" is no error: commander has printed the help.
    const text = error.message
      .replace(/^error: /, '')
      .replace(/\n\(?Did you mean (.*)\?\)?/, '; did you mean $1?');
    if (text !== '(outputHelp)') note(`error: ${text}`);
  } else {
    process.exitCode = 1;
    const hint = 'DELTABENCH_DEBUG=1 shows where.';
    const isError = error instanceof Error;
    note(isError ? `${error.name}: ${error.message}` : String(error));
    note(process.env.DELTABENCH_DEBUG ? inspect(error) : hint);
  }
}
