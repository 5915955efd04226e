/** Does what is missing of a plan: each cell under its lock, with a record at the end whatever happens to it. */
import { dirname } from 'node:path';
import { makeFolder, removeTemporaries, systemError } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { DeviceLimitError } from '../../engine/onnxruntime/device-limits.ts';
import { isEmulated, type Engine } from '../../engine/types.ts';
import type { Companion } from '../../training/loop/train-together.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { watchDeviceMemory } from '../cell/device-memory.ts';
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import type { ParameterCounts } from '../../models/delta/count-parameters.ts';
import { killedLast, lacksMemory, memoryNeed, wasKilled } from './out-of-memory.ts';
import { LostLock, readLock, tryLock, type Lock } from '../../records/file-lock.ts';
import { addressOf, type Cell, type Plan, type RunRequest } from '../plan/plan-runs.ts';
import { describePublished, prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import { sealRecord, type RunRecord } from '../../records/record.ts';
import { groupBySeed } from './group-by-seed.ts';
import { planNotes } from '../plan/plan-notes.ts';
import { shareOut } from './work-queue.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import {
  besideRecord,
  cellName,
  checkWritable,
  findPlace,
  openWork,
  removeWork,
  workIdentity,
  writeRecord,
  type Place,
} from '../../records/record-files.ts';
import type { CellProgress, Findings } from '../cell/keep-findings.ts';
import { trainAndTest, type Trial } from '../cell/trial.ts';

export interface RunEvents {
  /** A cell begins, one of `total` that were missing. */
  onStart(cell: Cell, counts: ParameterCounts, number: number, total: number): void;
  onProgress(progress: CellProgress, cell: Cell): void;
  onEnd(record: RunRecord, path: string, cell: Cell): void;
  /** Something that the user should know; one line. */
  onNote(text: string): void;
}

export interface ExecuteOptions {
  readonly events: RunEvents;
  readonly signal: AbortSignal;
  /** Tries failed runs again. */
  readonly retryFailed: boolean;
  /** Runs so many cells at once, each in a process of its own; in this process where it is one. */
  readonly jobs?: number;
  /** What plans a cell again in a process of its own; where absent, all is done in this one. */
  readonly requestOf?: (cell: Cell) => RunRequest;
  /** Trains cells that differ in nothing but their seed in one program. */
  readonly batchSeeds?: boolean;
}

/** A cell and its record. */
export interface Outcome {
  readonly cell: Cell;
  readonly record: RunRecord;
  readonly path: string;
}

/**
 * Runs the cells of a plan that have no record yet; a failed run is recorded and the rest goes on. Throws UsageError
 * before any training where something asked for cannot be used, and Interrupted when `signal` is aborted.
 */
export async function executePlan(plan: Plan, options: ExecuteOptions): Promise<Outcome[]> {
  await checkWritable(plan.results);
  // Asked before anything runs: the tree may change while training takes its time.
  const code = await codeVersion();
  const prepared = await unlessAborted(prepareCells(plan, { signal: options.signal, onNote: options.events.onNote }), options.signal); // prettier-ignore
  for (const { path, reason } of prepared.flatMap(({ place }) => place.broken)) {
    options.events.onNote(`${path} is not used and stays as it is: ${reason}.`);
  }
  for (const text of new Set([...prepared.flatMap(({ notes }) => notes), ...planNotes(prepared)]))
    options.events.onNote(text);
  if (plan.cells.some(({ source }) => source.kind === 'built-in')) {
    options.events.onNote(
      'Data: built-in, written by deltabench itself; --data hub or --data FOLDER takes the real data.',
    );
  }
  const isMissing = ({ place: { record } }: PreparedCell) =>
    record === undefined || (options.retryFailed && record.status === 'failed');
  const missing = await killedLast(prepared.filter(isMissing), ({ place }) => place.path);
  const groups = options.batchSeeds
    ? await groupBySeed(missing, plan.engine.name)
    : missing.map((run) => [run]);
  for (const { place, identity } of prepared) {
    if (place.record?.status === 'finished') await tidy(place.path, identity);
  }
  const numberOf = new Map(missing.map((run, i) => [run, i + 1]));
  const attempt = missing.length > 0 ? await startAttempter(plan, code, options) : undefined;
  const events = (run: PreparedCell): CellEvents => ({
    onStart() {
      options.events.onStart(run.cell, run.counts, numberOf.get(run)!, missing.length);
    },
    onProgress(progress) {
      options.events.onProgress(progress, run.cell);
    },
    onNote: options.events.onNote,
  });
  const done = new Map<PreparedCell, Attempted>();
  const attemptOne = async (run: PreparedCell, signal: AbortSignal, companion?: Companion): Promise<void> => {
    const attempted = await attempt!.attempt(run, events(run), signal, companion);
    if (attempted === 'busy') return;
    options.events.onEnd(attempted.record, attempted.path, run.cell);
    done.set(run, attempted);
  };
  const isOpen = (run: PreparedCell): boolean => !done.has(run);
  const onWait = (): void => {
    options.events.onNote(`Waiting for ${missing.filter(isOpen).length} cells that another sweep is doing.`);
  };
  try {
    await shareOut(
      groups,
      options.jobs ?? 1,
      async (group, signal) => {
        await attemptTogether(group.filter(isOpen), signal, attemptOne);
        return group.some(isOpen) ? 'busy' : group;
      },
      { signal: options.signal, onWait },
    );
  } finally {
    await attempt?.end();
  }
  return prepared.map((run) => {
    const { cell, place } = run;
    return { cell, ...(done.get(run) ?? { record: place.record!, path: place.path }) };
  });
}

/** Does cells at once, the training of several in one program; what is thrown by one stops the others. */
async function attemptTogether(
  runs: readonly PreparedCell[],
  signal: AbortSignal,
  attempt: (run: PreparedCell, signal: AbortSignal, companion?: Companion) => Promise<void>,
): Promise<void> {
  const { trainTogether } = await import('../../training/loop/train-together.ts');
  const companions = runs.length > 1 ? trainTogether(runs.length) : [];
  const pieces = runs.map((run, i) => ({ run, companion: companions[i] }));
  const doPiece = async ({ run, companion }: (typeof pieces)[number], either: AbortSignal): Promise<true> => {
    await attempt(run, either, companion).finally(() => companion?.leave());
    return true;
  };
  await shareOut(pieces, runs.length, doPiece, { signal, onWait: () => undefined });
}

/** A cell's record, of this process or of another sweep that was faster. */
export type Attempted = Pick<Outcome, 'record' | 'path'>;

/** What one cell tells while it runs. */
export interface CellEvents {
  onStart(): void;
  onProgress(progress: CellProgress): void;
  onNote(text: string): void;
}

/** What does cells: this process, or child processes. */
export interface Attempter {
  /** Does a cell, unless another sweep is doing it. */
  attempt(
    run: PreparedCell,
    events: CellEvents,
    signal: AbortSignal,
    companion?: Companion,
  ): Promise<Attempted | 'busy'>;
  end(): Promise<void>;
}

/** Starts what does cells; throws UsageError where the engine does not run. */
export async function startAttempter(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  { jobs = 1, requestOf, retryFailed }: Pick<ExecuteOptions, 'jobs' | 'requestOf' | 'retryFailed'>,
): Promise<Attempter> {
  if (!requestOf) return cellRunner(plan, code, retryFailed);
  const { startJobs } = await import('./job-pool.ts');
  const inChildren = startJobs(plan, code, { count: jobs, requestOf, retryFailed });
  const here = jobs > 1 ? inChildren : await cellRunner(plan, code, retryFailed);
  return {
    async attempt(run, events, ...rest) {
      if (!(await wasKilled(run.place.path))) return here.attempt(run, events, ...rest);
      events.onNote(
        `${run.place.path}: its last process was ended by force before it had saved anything, most likely for want of memory: ${memoryNeed(run)}. It begins again, after all others and in a process of its own.`,
      );
      return inChildren.attempt(run, events, ...rest);
    },
    end: () => inChildren.end(),
  };
}

/** Removes what a process that was killed at the very end left beside its record. */
async function tidy(path: string, identity: string): Promise<void> {
  const lockPath = besideRecord(path, 'lock');
  if (!(await readLock(lockPath)) && (await workIdentity(path)) !== identity) return;
  const lock = await tryLock(lockPath);
  if (!lock) return;
  await removeWork(path);
  await removeTemporaries(cellName(path));
  await lock.release();
}

/** Does cells in this process. */
export async function cellRunner(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  retryFailed: boolean,
): Promise<Attempter> {
  const engine = await startEngine(plan);
  const { threads, recompute } = plan.engine;
  return {
    attempt: (run, events, signal, companion) =>
      withLock(plan.results, run, retryFailed, events.onNote, (place, lock) => {
        events.onStart();
        const options = { events, signal, lock, ...(companion && { companion }) };
        return runCell({ ...run, place }, { engine, code, threads, recompute }, options);
      }),
    end: () => Promise.resolve(),
  };
}

/**
 * Makes a cell's record by `work` while no other process does that cell, and writes it; `busy` where one is at it, or has taken it
 * over meanwhile, and the record where one has done it since the cell was prepared.
 */
export async function withLock(
  results: string,
  run: PreparedCell,
  retryFailed: boolean,
  onNote: (text: string) => void,
  work: (place: Place, lock: Lock) => Promise<RunRecord>,
  write = writeRecord,
): Promise<Attempted | 'busy'> {
  const find = (): Promise<Place> => findPlace(results, addressOf(run.cell), run.identity);
  const isDone = ({ record }: Place): boolean =>
    record !== undefined &&
    (!retryFailed || record.status === 'finished' || record.attempt > (run.place.record?.attempt ?? 0));
  const before = await find();
  if (isDone(before)) {
    await tidy(before.path, run.identity);
    return { record: before.record!, path: before.path };
  }
  await makeFolder(dirname(before.path));
  const lock = await tryLock(besideRecord(before.path, 'lock'));
  if (!lock) return 'busy';
  try {
    const place = await find();
    if (isDone(place)) return { record: place.record!, path: place.path };
    // A cell of other settings has taken the place.
    if (place.path !== before.path) return 'busy';
    await removeTemporaries(cellName(place.path));
    const record = await work(place, lock);
    await write(place.path, record, lock.check);
    return { record, path: place.path };
  } catch (error) {
    // Whatever else went wrong: what another process does at the same place may be why.
    if (await lock.isHeld()) throw error;
    onNote(
      `${before.path} is another sweep's now, which took this one for dead: it stood still for too long. Nothing more of this try is written.`,
    );
    return 'busy';
  } finally {
    await lock.release();
  }
}

/** Starts the engine of a plan and tries it; throws UsageError where it does not run here. */
export async function startEngine({
  engine: { name, device, threads, precision, recompute },
}: Pick<Plan, 'engine'>): Promise<Engine> {
  const { createEngine } = await import('../../engine/create.ts');
  try {
    const engine = await createEngine({
      name,
      threads,
      precision,
      recompute,
      ...(device === undefined ? {} : { device }),
    });
    await tryEngine(engine);
    return engine;
  } catch (error) {
    // Nothing that another seed could change, so no failed run is recorded.
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
    const where = device === undefined ? '' : ` on ${device}`;
    throw new UsageError(
      `The engine ${name} does not run${where}: ${reason}. "doctor" says what works here.`,
      { cause: error },
    );
  }
}

/** Runs a product, for a device that is not there or lacks the precision shows only then. */
async function tryEngine(engine: Engine): Promise<void> {
  const state = engine.state({});
  const held = engine.hold({});
  const inputs = { x: { shape: [1, 1], dtype: 'float32' } } as const;
  const program = await engine.compile(
    { name: 'trial', held, state: state.types, inputs },
    ({ inputs: { x } }) => ({
      outputs: { y: x!.matMul(x!) },
    }),
  );
  await program.run(state, { x: Float32Array.of(1) });
  await program.dispose();
  state.dispose();
  held.dispose();
}

async function runCell(
  run: PreparedCell,
  { engine, code, threads, recompute }: { engine: Engine; code: RunRecord['code'] } & Pick<Plan['engine'], 'threads' | 'recompute'>, // prettier-ignore
  { lock, ...options }: Pick<Trial, 'events' | 'signal' | 'companion'> & { readonly lock: Lock },
): Promise<RunRecord> {
  const { place, identity } = run;
  const started = new Date();
  const work = await openWork(place.path, identity);
  const signal = AbortSignal.any([options.signal, lock.lost]);
  const findings: Findings = { metrics: [], seconds: {}, tokensPerSecond: {}, files: {} };
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

/** The record of a run that ends now. */
export async function recordOf(
  run: PreparedCell,
  found: Pick<RunRecord, 'error' | 'peakMemoryBytes' | 'peakDeviceBytes' | 'engine' | 'code'> & {
    readonly started: Date;
    readonly findings: Findings;
    readonly threads: number;
  },
): Promise<RunRecord> {
  const { cell, place, settings, identity } = run;
  const { error, findings, started, threads, peakMemoryBytes, peakDeviceBytes, engine, code } = found;
  const { trained, head, all } = run.counts;
  return sealRecord({
    schema: 1,
    identity,
    settings,
    status: error ? 'failed' : 'finished',
    ...(error && { error }),
    attempt: (place.record?.attempt ?? 0) + 1,
    started: started.toISOString(),
    ended: new Date().toISOString(),
    method: { variant: cell.variant.name, label: cell.variant.label },
    published: describePublished(cell, run.base.family),
    parameters: { trained, head, all },
    ...findings,
    peakMemoryBytes,
    ...(peakDeviceBytes !== undefined && { peakDeviceBytes }),
    engine: { ...engine, ...(isEmulated(settings.precision, engine.device) && { emulated: true as const }) },
    code,
    environment: await describeEnvironment(threads),
  });
}
