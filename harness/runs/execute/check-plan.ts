import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { UsageError } from '../../support/errors.ts';
import { startEngine } from './start-engine.ts';
import type { Plan } from '../plan/cell.ts';
import { checkCells, type AttachedCell } from '../cell/prepare-cells.ts';
import { groupBySeed } from './group-by-seed.ts';
import { noSbatch } from '../cluster/slurm.ts';

// What a dry run checks, so that it refuses what the run would refuse.

/** How the plan would be done. */
export interface ExecutionMode {
  readonly batchSeeds: boolean;
  readonly launcher: 'local' | 'slurm';
}

/** Gives the cells that would run; throws UsageError where the run would, but for what only fetching from the hub can tell. */
export async function checkPlan(
  plan: Plan,
  { batchSeeds, launcher }: ExecutionMode,
): Promise<AttachedCell[]> {
  await checkResults(plan.results);
  const cells = await checkCells(plan);
  if (batchSeeds) await groupBySeed(cells, plan.engine.name);
  // Where Slurm's tasks run is another machine.
  if (launcher === 'local') await startEngine(plan);
  else await checkSbatch();
  return cells;
}

/** Throws UsageError where records cannot be written; writes nothing itself. */
async function checkResults(folder: string): Promise<void> {
  let there = folder;
  let found = await stat(there).catch(() => undefined);
  while (!found && dirname(there) !== there) {
    there = dirname(there);
    found = await stat(there).catch(() => undefined);
  }
  const mayWrite = await access(there, constants.W_OK).then(
    () => true,
    () => false,
  );
  const why = found?.isDirectory() ? 'may not be written to' : 'is no folder';
  if (!found?.isDirectory() || !mayWrite)
    throw new UsageError(`--results ${folder}: ${there} ${why}; name another folder.`);
}

async function checkSbatch(): Promise<void> {
  const { code } = await execa('sbatch', ['--version'], { reject: false, stdin: 'ignore' });
  if (code === 'ENOENT') throw new UsageError(noSbatch);
}
