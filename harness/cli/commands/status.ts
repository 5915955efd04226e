/** `bench status`: lists the state of the runs and evaluations of a results folder, with those that Slurm has. */
import { Command } from 'commander';
import { columns, note, print, printJson } from '../terminal/output.ts';
import { counted } from '../../support/counted.ts';

interface StatusOptions {
  readonly results: string;
  readonly json?: true;
}

/** The command `status`. */
export function statusCommand(): Command {
  return new Command('status')
    .summary('which runs and evaluations are done, running, queued or failed, and why')
    .option('--results <folder>', 'where records lie', 'results')
    .option('--json', 'print one JSON document')
    .action(status);
}

async function status({ results, json }: StatusOptions): Promise<void> {
  const { resultsStatus } = await import('../../runs/cluster/status.ts');
  const { cells, untrusted } = await resultsStatus(results);
  if (json) {
    printJson({ cells, untrusted });
    return;
  }
  const states = ['done', 'running', 'queued', 'stopped', 'missing', 'failed', 'unknown'] as const;
  const counts = states.flatMap((state) => {
    const count = cells.filter((cell) => cell.state === state).length;
    return count > 0 ? [`${count} ${state}`] : [];
  });
  const kinds = (['run', 'evaluation'] as const).flatMap((kind) => {
    const count = cells.filter((cell) => cell.kind === kind).length;
    return count > 0 || kind === 'run' ? [counted(count, kind)] : [];
  });
  print(`${kinds.join(', ')}${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`);
  const open = cells.filter(({ state }) => state !== 'done');
  if (open.length > 0)
    print(columns(open.map(({ state, path, why }) => [state, path.replace(/\.json$/, ''), why])));
  for (const { path, reason } of untrusted) note(`${path} is not used and stays as it is: ${reason}.`);
}
