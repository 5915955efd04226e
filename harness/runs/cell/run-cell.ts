/** Trains and tests one cell on an engine that runs, and makes its record. */
import type { Plan } from '../plan/cell.ts';
import { lacksMemory, memoryNeed } from '../execute/out-of-memory.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { UsageError } from '../../support/errors.ts';
import { systemError } from '../../support/atomic-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { openWork } from '../../records/record-files.ts';
import { type Lock, LostLock } from '../../records/file-lock.ts';
import { DeviceLimitError, type Engine } from '../../engine/types.ts';
import { trainAndClassify } from './train-and-classify.ts';
import { watchDeviceMemory } from './device-memory.ts';
import { trainAndGenerate } from './train-and-generate.ts';
import type { RunResults } from './save-results.ts';
import type { PreparedCell } from './prepare-cells.ts';
import { recordOf } from './make-record.ts';
import type { CellRun } from './cell-run.ts';

/** Trains and tests one cell, and writes its files; fills `findings` as it goes, so that a failure keeps them. */
export function trainAndTest(trial: CellRun, findings: RunResults): Promise<void> {
  const { work } = trial.run;
  return work.kind === 'text'
    ? trainAndGenerate(trial, work, findings)
    : trainAndClassify(trial, work, findings);
}
export async function runCell(
  run: PreparedCell,
  { engine, code, threads, recompute }: { engine: Engine; code: RunRecord['code']; } & Pick<Plan['engine'], 'threads' | 'recompute'>, // prettier-ignore
  { lock, ...options }: Pick<CellRun, 'events' | 'signal' | 'companion'> & { readonly lock: Lock },
): Promise<RunRecord> {
  const { place, identity } = run;
  const started = new Date();
  const work = await openWork(place.path, identity);
  const signal = AbortSignal.any([options.signal, lock.lost]);
  const findings: RunResults = { metrics: [], seconds: {}, tokensPerSecond: {}, files: {} };
  const deviceMemory = engine.device.startsWith('cuda') ? watchDeviceMemory() : undefined;
  let peakDeviceBytes: number | undefined;
  let error: RunRecord['error'];
  try {
    await trainAndTest({ ...options, run, engine, folder: work, signal, mayWrite: lock.check }, findings);
  } catch (caught) {
    // What the user can mend, what the user stopped and what another sweep does now is no failure of the method.
    const known = systemError(caught);
    if (known instanceof UsageError || known instanceof Interrupted || known instanceof LostLock) throw known;
    if (caught instanceof DeviceLimitError)
      throw new UsageError(`${run.cell.model} on ${engine.device}: ${caught.message}.`, { cause: caught });
    if (signal.aborted) throw new Interrupted('stopped while generating', { cause: caught });
    error =
      caught instanceof Error
        ? { name: caught.name, message: caught.message }
        : { name: 'Error', message: String(caught) };
    if (lacksMemory(error)) error.message += ` (${memoryNeed(run)})`;
  } finally {
    peakDeviceBytes = await deviceMemory?.stop();
  }
  return recordOf(run, {
    started,
    ...(error && { error }),
    findings,
    // The system counts in KiB.
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    ...(peakDeviceBytes !== undefined && { peakDeviceBytes }),
    engine: { name: engine.name, device: engine.device, ...(recompute && { recompute }) },
    code,
    threads,
  });
}
