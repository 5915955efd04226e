/**
 * The program of the gate's child process, which measures one cell. Its arguments are `bare`, or a cell, the
 * file of its tracked adapter ('' for none) and perhaps `renew`. It prints one line of JSON; for a UsageError
 * it prints the message to standard error and exits with 2.
 */
import { UsageError } from '../../support/errors.ts';
import { measureBare, measureCell } from './measure-cell.ts';
import { chooseSuite } from './suite.ts';

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
