import { UsageError } from '../data/errors.ts';
import type { Engine } from '../engine/types.ts';
import { Interrupted } from '../training/types.ts';
import { codeVersion, describeEnvironment } from './environment.ts';
import { countParameters, type ParameterCounts } from './parameters.ts';
import type { Cell, Plan } from './plan.ts';
import { findRecipeOf } from './recipes.ts';
import { prepareCells, type PreparedCell } from './prepare.ts';
import { parseProtocol, sidesOf } from './protocol.ts';
import { sealRecord, type RunRecord } from './record.ts';
import { checkWritable, openWork, writeRecord } from './store.ts';
import type { CellProgress, Findings } from './findings.ts';
import { trainAndTest } from './trial.ts';

export interface RunEvents {
  /** A cell begins, one of `total` that were missing. */
  onStart(cell: Cell, counts: ParameterCounts, number: number, total: number): void;
  onProgress(progress: CellProgress): void;
  onEnd(record: RunRecord, path: string): void;
  /** Something that the user should know; one line. */
  onNote(text: string): void;
}

export interface ExecuteOptions {
  readonly events: RunEvents;
  readonly signal: AbortSignal;
  /** Tries failed runs again. */
  readonly retryFailed: boolean;
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
  const engine = missing.length ? await startEngine(plan) : undefined;
  const outcomes: Outcome[] = [];
  for (const run of prepared) {
    const { cell, place } = run;
    if (!isMissing(run)) {
      outcomes.push({ cell, record: place.record!, path: place.path });
      continue;
    }
    if (options.signal.aborted) throw new Interrupted('stopped between two runs');
    options.events.onStart(cell, countsOf(run), missing.indexOf(run) + 1, missing.length);
    const record = await runCell(run, { engine: engine!, code, threads: plan.engine.threads }, options);
    options.events.onEnd(record, place.path);
    outcomes.push({ cell, record, path: place.path });
  }
  return outcomes;
}

async function startEngine({ engine: { name, device, threads } }: Plan): Promise<Engine> {
  const { createEngine } = await import('../engine/create.ts');
  try {
    const engine = await createEngine({ name, threads, ...(device === undefined ? {} : { device }) });
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

/** Compiles a program, for a device that is not there shows only then. */
async function tryEngine(engine: Engine): Promise<void> {
  const state = engine.state({});
  const held = engine.hold({});
  const inputs = { x: { shape: [1], dtype: 'float32' } } as const;
  const program = await engine.compile(
    { name: 'trial', held, state: state.types, inputs },
    ({ inputs: { x } }) => ({
      outputs: { y: x!.neg() },
    }),
  );
  await program.dispose();
  state.dispose();
  held.dispose();
}

async function runCell(
  run: PreparedCell,
  { engine, code, threads }: { engine: Engine; code: RunRecord['code']; threads: number },
  options: ExecuteOptions,
): Promise<RunRecord> {
  const { cell, place, settings, identity } = run;
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
  const { trained, head, all } = countsOf(run);
  const record = sealRecord({
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
    // The system counts in KiB.
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    engine: { name: engine.name, device: engine.device },
    code,
    environment: await describeEnvironment(threads),
  });
  await writeRecord(place.path, record);
  return record;
}

const countsOf = ({ base, delta, work }: PreparedCell): ParameterCounts =>
  countParameters(base, delta, work.kind === 'label' ? work.head : undefined);

/** What of papers a cell follows. */
function describePublished(
  { task, variant, published, protocol }: Cell,
  family: string,
): NonNullable<RunRecord['published']> {
  const methods = variant.parts.map(({ method }) => method.name);
  const run = { task: task.name, model: published, methods, family };
  return {
    base: published,
    recipes: methods.flatMap((method) => findRecipeOf(task, published, method)?.source ?? []),
    sides: sidesOf(parseProtocol(protocol.split(' ')), run),
  };
}
