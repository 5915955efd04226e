/** `bench diff`: the settings, numbers and answers in which two runs differ. */
import { Command } from 'commander';
import { count } from '../arguments/parse-values.ts';
import { print, printJson, terminalWidth } from '../terminal/output.ts';

/** The command `diff`. */
export function diffCommand(): Command {
  return new Command('diff')
    .summary('the settings, numbers and answers in which two runs differ')
    .argument('<first>', "a run's record, results/…/seed-42.json")
    .argument('<second>', "another run's record")
    .option('--examples <number>', 'print so many of the examples that are answered differently', count, 5)
    .option('--json', 'print one JSON document')
    .action(diff);
}

async function diff(
  first: string,
  second: string,
  { examples, json }: { readonly examples: number; readonly json?: true },
): Promise<void> {
  const { diffRuns } = await import('../../reporting/diff/diff-runs.ts');
  const { readRun } = await import('../../reporting/diff/read-run.ts');
  const { runDiffText } = await import('../terminal/run-diff.ts');
  const [a, b] = [await readRun(first), await readRun(second)];
  const found = diffRuns(a, b);
  if (json) printJson(found);
  else print(runDiffText(found, namesOf(a.record, b.record), { most: examples, width: terminalWidth() }));
}

type Named = Parameters<typeof import('../../reporting/diff/diff-runs.ts').settingsDiff>[0];

/** The names of two runs: their methods, else their seeds, else their places in the command. */
function namesOf(a: Named, b: Named): [string, string] {
  const labels: [string, string] = [a.method.label, b.method.label];
  if (labels[0] !== labels[1]) return labels;
  const seeds: [string, string] = [`seed ${a.settings.seed}`, `seed ${b.settings.seed}`];
  return seeds[0] === seeds[1] ? ['first', 'second'] : seeds;
}
