/**
 * Checks a plan for --dry-run: refuses what the run would refuse, and tells which cells would run. It fetches
 * nothing and writes nothing: a base on the hub is checked by its config.json, data on the hub are not
 * checked.
 */
import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isBuiltin } from '../../models/bases/built-in.ts';
import { UsageError } from '../../support/errors.ts';
import { once } from '../../support/once.ts';
import { attachCell, type AttachedCell } from '../cell/attach-cell.ts';
import { withoutEqualCells } from '../cell/equal-cells.ts';
import { dataOpener, openTokenizer } from '../cell/open-data.ts';
import { attachCells } from '../cell/prepare-cells.ts';
import { checkMemory } from '../memory/cell-memory.ts';
import { checkSbatch } from '../cluster/slurm.ts';
import type { Plan } from '../plan/cell.ts';
import { groupBySeed } from './group-by-seed.ts';
import { startEngine } from './start-engine.ts';

/** How a plan would be executed. */
export interface ExecutionMode {
  readonly batchSeeds: boolean;
  readonly launcher: 'local' | 'slurm';
  readonly jobs: number;
}

/**
 * Returns the cells that would run; throws UsageError where the run would, but for what only fetching can
 * tell.
 */
export async function checkPlan(
  plan: Plan,
  { batchSeeds, launcher, jobs }: ExecutionMode,
): Promise<AttachedCell[]> {
  await checkResults(plan.results);
  const attached = await attachCells(plan);
  // Slurm's tasks run on other machines, of whose memory and engines nothing is known here.
  if (launcher === 'local') await checkMemory(attached, plan.engine.device, jobs);
  const cells = await checkCells(plan, attached);
  if (batchSeeds) groupBySeed(cells);
  if (launcher === 'local') await startEngine(plan);
  else await checkSbatch();
  return cells;
}

/** Throws UsageError where records cannot be written; writes nothing itself. */
async function checkResults(folder: string): Promise<void> {
  let existing = folder;
  let found = await stat(existing).catch(() => undefined);
  while (!found && dirname(existing) !== existing) {
    existing = dirname(existing);
    found = await stat(existing).catch(() => undefined);
  }
  const mayWrite = await access(existing, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (found?.isDirectory() && mayWrite) return;
  const why = found?.isDirectory() ? 'may not be written to' : 'is no folder';
  throw new UsageError(`--results ${folder}: ${existing} ${why}; name another folder.`);
}

/**
 * Attaches every cell by config.json, and opens weights, tokenizer and data where they are on this machine.
 */
async function checkCells(plan: Plan, attached: readonly AttachedCell[]): Promise<AttachedCell[]> {
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const baseOf = once((id) => loadBase(id, { ...plan.base, weights: true }));
  const openData = dataOpener();
  for (const { cell } of attached) {
    if (!(await isHere(cell.model, plan.base))) continue;
    const whole = await attachCell(cell, await baseOf(cell.model));
    const tokenizer = await openTokenizer(whole.base);
    if (cell.source.kind !== 'hub') await openData(whole, tokenizer);
  }
  return withoutEqualCells(attached);
}

/**
 * Whether a base's files are on this machine: built in, in a folder, or random with a tokenizer that was
 * given.
 */
async function isHere(id: string, { tokenizer, data }: Plan['base']): Promise<boolean> {
  if (isBuiltin(id)) return true;
  if (id.startsWith('random-')) return tokenizer !== undefined || data !== undefined;
  return stat(id).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
