/**
 * `bench check`: runs the regression gate and prints what drifted from the baseline, or writes the baseline
 * anew.
 */
import { Command } from 'commander';
import { UsageError } from '../../support/errors.ts';
import type { CheckEvents } from '../../runs/check/check-suite.ts';
import type { Drift } from '../../runs/check/drifts.ts';
import type { Suite } from '../../runs/check/suite.ts';
import { benchCommand } from '../../support/project-root.ts';
import { columns, note, print, printJson } from '../terminal/output.ts';

const FOLDER = 'results/baseline';

interface CheckOptions {
  readonly baseline: string;
  readonly only: string[];
  readonly update?: true;
  readonly reason?: string;
  readonly json?: true;
}

/** The command `check`. */
export function gateCommand(): Command {
  return new Command('check')
    .summary('compare quality, speed, memory and parameters with the tracked baseline')
    .description(
      'Trains a small fixed suite on the built-in bases and compares logits, losses, scores, parameters, ' +
        'graph nodes, time and memory with the tracked baseline. Exit code 1 beyond tolerance.',
    )
    .option('--baseline <folder>', 'where the baseline lies', FOLDER)
    .option('--only <names...>', 'cells of the suite, or scores', [])
    .option('--update', 'write the baseline anew, with --reason')
    .option('--reason <text>', 'why the numbers may change; kept in the baseline')
    .option('--json', 'print one JSON document')
    .action(check);
}

async function check({ baseline, only, update: isUpdate, reason, json }: CheckOptions): Promise<void> {
  // Imported here, because help need not wait for it.
  const { chooseSuite } = await import('../../runs/check/suite.ts');
  const suite = chooseSuite(only);
  if (isUpdate) return update(suite, baseline, reason, json);
  if (reason !== undefined) throw new UsageError('--reason belongs to --update.');
  const { checkSuite } = await import('../../runs/check/check-suite.ts');
  const drifts = await checkSuite(suite, baseline, events);
  const failed = drifts.filter(({ ok }) => !ok);
  if (failed.length > 0) process.exitCode = 1;
  if (json) {
    printJson({ ok: failed.length === 0, drifts });
    return;
  }
  print(driftTable(drifts));
  print('');
  const fresh = drifts.filter(isNew);
  if (fresh.length > 0) {
    const where = baseline === FOLDER ? '' : ` --baseline ${quote(baseline)}`;
    print(
      `${fresh.map(({ what }) => what).join(', ')}: no baseline yet. ` +
        `Make it: ${benchCommand} check --only scores --update --reason TEXT${where}`,
    );
  }
  const compared = drifts.length - fresh.length;
  if (failed.length === 0) print(`All ${compared} values are within their limits of ${baseline}.`);
  for (const cell of new Set(failed.map((drift) => drift.cell))) {
    const worst = failed.filter((drift) => drift.cell === cell);
    const where = baseline === FOLDER ? '' : ` --baseline ${quote(baseline)}`;
    const command = `${benchCommand} check --only ${cell}${where}`;
    print(`✗ ${cell}: ${worst.map(({ what }) => what).join(', ')}. See it again: ${command}`);
  }
}

async function update(
  suite: Suite,
  baseline: string,
  reason: string | undefined,
  json: true | undefined,
): Promise<void> {
  if (reason === undefined || reason.trim() === '') {
    throw new UsageError('--update needs --reason TEXT: why the numbers may change. The baseline keeps it.');
  }
  const { updateBaseline } = await import('../../runs/check/check-suite.ts');
  await updateBaseline(suite, baseline, reason.trim(), events);
  if (json) printJson({ updated: baseline, reason: reason.trim() });
  else print(`${baseline} is written. Commit it together with what changed the numbers.`);
}

const events: CheckEvents = {
  onPart(name, number, total) {
    note(`check ${number}/${total} ${name}`);
  },
  onNote: note,
};

/** Whether a score was added after the baseline was made. */
const isNew = ({ ok, baseline, drift }: Drift): boolean =>
  ok && baseline === 'none yet' && Number.isNaN(drift);

/** Every value with its baseline; names that agree are left out. */
function driftTable(drifts: readonly Drift[]): string {
  const shown = drifts.filter((drift) => !drift.ok || typeof drift.baseline === 'number' || isNew(drift));
  const rows = shown.map(({ cell, what, baseline, now, drift, limit, kind, ok }) => [
    ...[cell, what, written(baseline), written(now), driftText(drift, kind), limitText(limit, kind)],
    ok ? (Number.isNaN(drift) ? 'new' : 'ok') : '✗',
  ]);
  return columns([['cell', 'what', 'baseline', 'now', 'drift', 'limit', ''], ...rows]);
}

const written = (value: number | string): string =>
  typeof value === 'string' || Number.isInteger(value) ? String(value) : value.toPrecision(7);

function driftText(drift: number, kind: Drift['kind']): string {
  if (Number.isNaN(drift)) return '–';
  if (kind === 'ratio') return `×${drift.toFixed(2)}`;
  if (kind === 'exact') return drift > 0 ? `+${drift}` : String(drift);
  return drift === 0 ? '0' : drift.toExponential(1);
}

function limitText(limit: number, kind: Drift['kind']): string {
  if (kind === 'exact') return 'equal';
  return kind === 'ratio' ? `×${limit}` : limit.toExponential(0) + (kind === 'relative' ? ' relative' : '');
}

const quote = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
