/**
 * Says in full what commander refuses in few words: which option or argument is missing, and what a command has
 * in place of what was given. The command line puts it on every command.
 */
import type { Command, CommanderError } from 'commander';
import { didYouMean, UsageError } from '../../support/errors.ts';

/** The error to throw in place of commander's; commander's own where its words say it all. */
export function inFullWords(error: CommanderError, command: Command): Error {
  switch (error.code) {
    case 'commander.missingMandatoryOptionValue':
      return missingOption(command) ?? error;
    case 'commander.missingArgument':
      return missingArgument(command) ?? error;
    case 'commander.unknownCommand':
      return unknownPart(command);
    case 'commander.excessArguments':
      return tooMany(command);
    default:
      return error;
  }
}

/** A command's name as it is typed, without the program's: `fetch model`. */
const typedName = (command: Command): string =>
  command.parent?.parent ? `${typedName(command.parent)} ${command.name()}` : command.name();

function missingOption(command: Command): UsageError | undefined {
  const option = command.options.find(
    (each) => each.mandatory && command.getOptionValue(each.attributeName()) === undefined,
  );
  if (!option) return undefined;
  const { flags, description, argChoices } = option;
  const choices = argChoices ? ` (${argChoices.join(', ')})` : '';
  return new UsageError(`${typedName(command)} needs ${flags}: ${description}${choices}.`);
}

function missingArgument(command: Command): UsageError | undefined {
  const argument = command.registeredArguments[command.args.length];
  if (!argument) return undefined;
  return new UsageError(`${typedName(command)} needs <${argument.name()}>: ${argument.description}.`);
}

function unknownPart(command: Command): UsageError {
  const names = command.commands.map((each) => each.name());
  const given = command.args[0] ?? '';
  return new UsageError(
    `${typedName(command)} has no "${given}".${didYouMean(given, names)} It has: ${names.join(', ')}.`,
  );
}

function tooMany(command: Command): UsageError {
  const taken = command.registeredArguments;
  const extra = command.args.slice(taken.length).join(' ');
  const takes =
    taken.length > 0
      ? `nothing behind ${taken.map((argument) => `<${argument.name()}>`).join(' ')} but options`
      : 'options alone';
  return new UsageError(
    `"${extra}" belongs to no option: ${typedName(command)} takes ${takes} (${typedName(command)} --help).`,
  );
}
