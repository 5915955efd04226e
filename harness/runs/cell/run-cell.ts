/** Trains and tests one cell on an engine that runs, and makes its record, whether it finished or failed. */
import { DeviceLimitError, type Engine } from '../../engine/types.ts';
import { LostLock, type Lock } from '../../records/locks/file-lock.ts';
import { openWork } from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { systemError } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { lacksMemory } from '../execute/out-of-memory.ts';
import { memoryNeed } from '../memory/cell-memory.ts';
import { answersOf } from '../plan/variants/variant.ts';
import { answerWithoutModel } from './answer-without-model.ts';
import type { CellRun } from './cell-run.ts';
import { watchDeviceMemory } from '../memory/device-memory.ts';
import { makeRecord } from './make-record.ts';
import type { PreparedCell } from './prepare-cells.ts';
import type { RunResults } from './save-results.ts';
import { trainAndClassify } from './train-and-classify.ts';
import { trainAndGenerate } from './train-and-generate.ts';

/** The engine of a process and its settings, as the records of its cells name them. */
export interface CellEngine {
  readonly engine: Engine;
  readonly code: RunRecord['code'];
  readonly threads: number;
  readonly recompute: boolean;
  /** The memory that each run has, in bytes; undefined on a device whose memory is not asked for. */
  readonly memory?: number | undefined;
}

/**
 * Runs a cell that this process has locked. Throws UsageError, Interrupted or LostLock where the method is
 * not to blame; every other failure is recorded.
 */
export async function runCell(
  run: PreparedCell,
  { engine, code, threads, recompute, memory }: CellEngine,
  { lock, ...options }: Pick<CellRun, 'events' | 'signal' | 'companion'> & { readonly lock: Lock },
): Promise<RunRecord> {
  const started = new Date();
  const folder = await openWork(run.place.path, run.identity);
  const signal = AbortSignal.any([options.signal, lock.lost]);
  const results: RunResults = { metrics: [], seconds: {}, tokensPerSecond: {}, files: {} };
  const deviceMemory = engine.device.startsWith('cuda') ? await watchDeviceMemory() : undefined;
  let peakDeviceBytes: number | undefined;
  let error: RunRecord['error'];
  try {
    const own = { run, engine, memory, recompute, folder, signal, mayWrite: lock.check };
    await trainAndTest({ ...options, ...own }, results);
  } catch (caught) {
    error = failureOf(caught, run, engine, signal);
  } finally {
    peakDeviceBytes = await deviceMemory?.stop();
  }
  return makeRecord(run, {
    started,
    ...(error && { error }),
    results,
    // The system counts in KiB.
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    ...(peakDeviceBytes !== undefined && { peakDeviceBytes }),
    engine: { name: engine.name, device: engine.device, ...(recompute && { recompute }) },
    code,
    threads,
  });
}

/**
 * Trains and tests a cell, and writes its files; fills `results` as it goes, so that a failure keeps them.
 */
function trainAndTest(cellRun: CellRun, results: RunResults): Promise<void> {
  const { work, cell } = cellRun.run;
  const answers = answersOf(cell.variant);
  if (answers) return answerWithoutModel(cellRun, work, answers, results);
  return work.kind === 'text'
    ? trainAndGenerate(cellRun, work, results)
    : trainAndClassify(cellRun, work, results);
}

/**
 * An error as a record has it. Rethrows what the user can mend, what the user stopped, and the loss of the
 * lock.
 */
function failureOf(
  caught: unknown,
  run: PreparedCell,
  { device }: Engine,
  signal: AbortSignal,
): NonNullable<RunRecord['error']> {
  const known = systemError(caught);
  if (known instanceof UsageError || known instanceof Interrupted || known instanceof LostLock) throw known;
  if (caught instanceof DeviceLimitError) {
    throw new UsageError(`${run.cell.model} on ${device}: ${caught.message}.`, { cause: caught });
  }
  if (signal.aborted) throw new Interrupted('stopped while generating', { cause: caught });
  const error =
    caught instanceof Error
      ? { name: caught.name, message: caught.message }
      : { name: 'Error', message: String(caught) };
  return lacksMemory(error) ? { ...error, message: `${error.message} (${memoryNeed(run)})` } : error;
}
