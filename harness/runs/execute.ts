import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../data/atomic.ts';
import { UsageError } from '../data/errors.ts';
import type { Engine } from '../engine/types.ts';
import { Interrupted } from '../training/types.ts';
import { codeVersion, describeEnvironment } from './environment.ts';
import { countParameters, type ParameterCounts } from './parameters.ts';
import { readLock, tryLock } from './locks.ts';
import { addressOf, type Cell, type Plan, type RunRequest } from './plan.ts';
import { findRecipeOf } from './recipes.ts';
import { prepareCells, type PreparedCell } from './prepare.ts';
import { parseProtocol, sidesOf } from './protocol.ts';
import { sealRecord, type RunRecord } from './record.ts';
import { shareOut } from './share.ts';
import {
  besideRecord,
  checkWritable,
  findPlace,
  openWork,
  workFolder,
  workIdentity,
  writeRecord,
  type Place,
} from './store.ts';
import type { CellProgress, Findings } from './findings.ts';
import { trainAndTest } from './trial.ts';

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
  /** Runs so many cells at once, each in a process of its own, which plans `request` again; in this process where absent. */
  readonly jobs?: { readonly count: number; readonly request: RunRequest };
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
  const prepared = await prepareCells(plan);
  for (const { path, reason } of prepared.flatMap(({ place }) => place.broken)) {
    options.events.onNote(`${path} is not used and stays as it is: ${reason}.`);
  }
  if (plan.cells.some(({ source }) => source.kind === 'built-in')) {
    options.events.onNote(
      'Data: built-in, written by deltabench itself; --data hub or --data FOLDER takes the real data.',
    );
  }
  const isMissing = ({ place: { record } }: PreparedCell) =>
    record === undefined || (options.retryFailed && record.status === 'failed');
  const missing = prepared.filter(isMissing);
  for (const { place, identity } of prepared) {
    if (place.record?.status === 'finished') await tidy(place.path, identity);
  }
  const numberOf = new Map(missing.map((run, i) => [run, i + 1]));
  const attempt = missing.length > 0 ? await attempter(plan, code, options) : undefined;
  const events = (run: PreparedCell): CellEvents => ({
    onStart() {
      options.events.onStart(run.cell, countsOf(run), numberOf.get(run)!, missing.length);
    },
    onProgress(progress) {
      options.events.onProgress(progress, run.cell);
    },
    onNote: options.events.onNote,
  });
  let done: Map<PreparedCell, Attempted>;
  try {
    done = await shareOut(
      missing,
      options.jobs?.count ?? 1,
      async (run, signal) => {
        const attempted = await attempt!.attempt(run, events(run), signal);
        if (attempted !== 'busy') options.events.onEnd(attempted.record, attempted.path, run.cell);
        return attempted;
      },
      {
        signal: options.signal,
        onWait(busy) {
          options.events.onNote(`Waiting for ${busy} cells that another sweep is doing.`);
        },
      },
    );
  } finally {
    await attempt?.end();
  }
  return prepared.map((run) => {
    const { cell, place } = run;
    return { cell, ...(done.get(run) ?? { record: place.record!, path: place.path }) };
  });
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
  attempt(run: PreparedCell, events: CellEvents, signal: AbortSignal): Promise<Attempted | 'busy'>;
  end(): Promise<void>;
}

async function attempter(plan: Plan, code: RunRecord['code'], options: ExecuteOptions): Promise<Attempter> {
  const { jobs, retryFailed } = options;
  if (!jobs) return cellRunner(plan, code, retryFailed);
  const { startJobs } = await import('./jobs.ts');
  return startJobs(plan, code, { ...jobs, retryFailed });
}

/** Removes what a process that was killed at the very end left beside its record. */
async function tidy(path: string, identity: string): Promise<void> {
  const lockPath = besideRecord(path, 'lock');
  if (!(await readLock(lockPath)) && (await workIdentity(path)) !== identity) return;
  const lock = await tryLock(lockPath);
  if (!lock) return;
  await rm(workFolder(path), { recursive: true, force: true });
  await lock.release();
}

/** Does cells in this process. */
export async function cellRunner(
  plan: Plan,
  code: RunRecord['code'],
  retryFailed: boolean,
): Promise<Attempter> {
  const engine = await startEngine(plan);
  const { threads } = plan.engine;
  return {
    attempt: (run, events, signal) =>
      withLock(plan.results, run, retryFailed, (place) => {
        events.onStart();
        return runCell({ ...run, place }, { engine, code, threads }, { events, signal });
      }),
    end: () => Promise.resolve(),
  };
}

/**
 * Makes a cell's record by `work` while no other process does that cell, and writes it; `busy` where one is at it, and the record
 * where one has done it since the cell was prepared.
 */
export async function withLock(
  results: string,
  run: PreparedCell,
  retryFailed: boolean,
  work: (place: Place) => Promise<RunRecord>,
  write = writeRecord,
): Promise<Attempted | 'busy'> {
  const find = (): Promise<Place> => findPlace(results, addressOf(run.cell), run.identity);
  const isDone = ({ record }: Place): boolean =>
    record !== undefined &&
    (!retryFailed || record.status === 'finished' || record.attempt > (run.place.record?.attempt ?? 0));
  const before = await find();
  if (isDone(before)) return { record: before.record!, path: before.path };
  await makeFolder(dirname(before.path));
  const lock = await tryLock(besideRecord(before.path, 'lock'));
  if (!lock) return 'busy';
  try {
    const place = await find();
    if (isDone(place)) return { record: place.record!, path: place.path };
    // A cell of other settings has taken the place.
    if (place.path !== before.path) return 'busy';
    const record = await work(place);
    // Another machine took this one for dead, and does the cell now.
    if (!(await lock.isHeld())) return 'busy';
    await write(place.path, record);
    return { record, path: place.path };
  } finally {
    await lock.release();
  }
}

async function startEngine({ engine: { name, device, threads, precision } }: Plan): Promise<Engine> {
  const { createEngine } = await import('../engine/create.ts');
  try {
    const engine = await createEngine({
      name,
      threads,
      precision,
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
  { engine, code, threads }: { engine: Engine; code: RunRecord['code']; threads: number },
  options: { readonly events: CellEvents; readonly signal: AbortSignal },
): Promise<RunRecord> {
  const { place, identity } = run;
  const started = new Date();
  const work = await openWork(place.path, identity);
  const findings: Findings = { metrics: [], seconds: {}, tokensPerSecond: {}, files: {} };
  let error: RunRecord['error'];
  try {
    await trainAndTest({ run, engine, folder: work, ...options }, findings);
  } catch (caught) {
    // What the user can mend, and what the user stopped, is no failure of the method.
    if (caught instanceof UsageError || caught instanceof Interrupted) throw caught;
    if (options.signal.aborted) throw new Interrupted('stopped while generating', { cause: caught });
    error =
      caught instanceof Error
        ? { name: caught.name, message: caught.message }
        : { name: 'Error', message: String(caught) };
  }
  return recordOf(run, {
    started,
    ...(error && { error }),
    findings,
    // The system counts in KiB.
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    engine: { name: engine.name, device: engine.device },
    code,
    threads,
  });
}

/** The record of a run that ends now. */
export async function recordOf(
  run: PreparedCell,
  found: Pick<RunRecord, 'error' | 'peakMemoryBytes' | 'engine' | 'code'> & {
    readonly started: Date;
    readonly findings: Findings;
    readonly threads: number;
  },
): Promise<RunRecord> {
  const { cell, place, settings, identity } = run;
  const { error, findings, started, threads, peakMemoryBytes, engine, code } = found;
  const { trained, head, all } = countsOf(run);
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
    engine,
    code,
    environment: await describeEnvironment(threads),
  });
}

const countsOf = ({ base, delta, work }: PreparedCell): ParameterCounts =>
  countParameters(base, delta, work.kind === 'label' ? work.head : undefined);

/** What of papers a cell follows. */
function describePublished(
  { task, variant, published, protocol, source }: Cell,
  family: string,
): NonNullable<RunRecord['published']> {
  const methods = variant.parts.map(({ method }) => method.name);
  const run = { task: task.name, model: published, methods, family };
  const sides = Object.entries(sidesOf(parseProtocol(protocol.split(' ')), run));
  return {
    base: published,
    recipes: methods.flatMap((method) => findRecipeOf(task, published, method)?.source ?? []),
    // Built-in data come parted into their splits.
    sides: Object.fromEntries(sides.filter(([id]) => source.kind !== 'built-in' || !id.startsWith('split-'))),
  };
}
