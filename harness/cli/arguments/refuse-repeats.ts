/**
 * Refuses an option of one value that is given twice: of two values, Commander would drop the first in
 * silence.
 */
import type { Command } from 'commander';
import { UsageError } from '../../support/errors.ts';

/** Makes a command throw UsageError where an option of one value is given again; returns the command. */
export function refuseRepeats(command: Command): Command {
  for (const option of command.options.filter(
    ({ variadic, required, optional }) => !variadic && (required || optional),
  )) {
    let first: string | undefined;
    command.on(`option:${option.name()}`, (value: string | undefined) => {
      const given = value ?? '';
      if (first !== undefined) {
        throw new UsageError(
          `${option.long ?? option.flags} is given twice, as ${first} and as ${given}: it takes one value. ` +
            `Leave one of them out.`,
        );
      }
      first = given;
    });
  }
  return command;
}
