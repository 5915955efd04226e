import { UsageError } from '../../support/errors.ts';
import { measureBare, measureCell } from './measure-cell.ts';
import { chooseSuite } from './suite.ts';

/**
 * The child process of a measurement: its arguments are `bare`, or a cell with the tracked adapter's file ('' where there is
 * none) and perhaps `renew`. Prints one line of JSON; exit code 2 and a line of standard error for what the user can mend.
 */
const [name = '', adapter = '', renew] = process.argv.slice(2);
try {
  const [cell] = name === 'bare' ? [] : chooseSuite([name]).cells;
  const measured = cell
    ? await measureCell(cell, adapter === '' ? undefined : adapter, renew !== undefined)
    : await measureBare();
  process.stdout.write(`${JSON.stringify(measured)}\n`);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
