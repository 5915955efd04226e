/**
 * Measures one cell of the gate in this process: a few training steps, and the logits of the tracked adapter.
 */
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, sum } from 'simple-statistics';
import { encodeLabelled } from '../../data/examples/encode-labelled.ts';
import { UsageError } from '../../support/errors.ts';
import { createEngine } from '../../engine/create.ts';
import { startFrom } from '../../exchange/adapter.ts';
import { virtualTokens } from '../../models/method.ts';
import { labelled } from '../../training/objectives/classification.ts';
import { languageModel } from '../../training/objectives/language-model.ts';
import type { Objective } from '../../training/objectives/objective.ts';
import type { Recipe } from '../../training/recipe.ts';
import { train } from '../../training/loop/train.ts';
import { Diverged, type StepLog } from '../../training/loop/job.ts';
import { countParameters } from '../../models/delta/count-parameters.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { loadMethods, loadTasks } from '../plan/load-plugins.ts';
import { prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import { computeStart, readTracked, writeTracked } from './adapter.ts';
import { calibration } from './calibration.ts';
import type { CellMeasures } from './measures.ts';
import { pacedEngine } from './paced-engine.ts';
import type { GateCell } from './suite.ts';

/** One thread: then every machine splits sums the same way, and a busy core disturbs less. */
const THREADS = 1;
/** Steps whose losses are compared. */
const COMPARED = 20;
/** The first steps, which are not timed: programs are slower in their first runs. */
const WARMUP = 4;
const STEPS = WARMUP + 21;
/** Examples of the batch on which the tracked adapter is computed. */
const BATCH = 4;

/** The measures of a cell, as its own process takes them; the peak memory is in bytes. */
export type Measured = Omit<CellMeasures, 'memory'> & { readonly peak: number };

/** The peak memory, in bytes, of a process that does nothing but calibrate. */
export async function measureBare(): Promise<number> {
  const calibrate = await calibration(await createEngine({ name: 'onnx', threads: THREADS }));
  for (let i = 0; i < STEPS; i++) await calibrate();
  return peakMemory();
}

/**
 * Trains a cell for a few steps, and computes the logits of the tracked adapter in the file `adapter`; the
 * method's start serves where it is undefined. With `renew` a file that is missing or does not fit is
 * written. Throws UsageError where it cannot be used.
 */
export async function measureCell(
  cell: GateCell,
  adapter: string | undefined,
  renew: boolean,
): Promise<Measured> {
  const run = await prepare(cell);
  const { work, tokenizer } = run;
  const { recipe } = run.cell;
  const tracked = { adapter, renew };
  if (work.kind === 'text') {
    const examples = firstOf(work.splits.train, recipe).map(({ input, target }) =>
      work.task.encode(input, target, tokenizer, recipe),
    );
    const objective = languageModel(run.base.architecture, recipe.labelSmoothing);
    return measure(run, tracked, objective, examples);
  }
  const examples = firstOf(work.splits.train, recipe).map((example) =>
    encodeLabelled(example, tokenizer, recipe.promptLength),
  );
  const objective = labelled(work.head, work.task.classes !== undefined, recipe.labelSmoothing);
  return measure(run, tracked, objective, examples);
}

/** The examples of the steps that are taken, one epoch. */
function firstOf<Example>(examples: readonly Example[], { batchSize }: Recipe): Example[] {
  return examples.slice(0, STEPS * batchSize);
}

/** A cell as `bench run` would do it. */
async function prepare({ task, model, method }: GateCell): Promise<PreparedCell> {
  const plan = await planRuns(
    {
      tasks: [task],
      models: [model],
      methods: [method],
      settings: [],
      seeds: [42],
      data: 'built-in',
      engine: 'onnx',
      threads: THREADS,
      maxSteps: STEPS,
      // No record is looked for, and none written.
      results: join(tmpdir(), 'deltabench-check'),
    },
    await loadMethods(),
    await loadTasks(),
  );
  const [run] = await prepareCells(plan);
  return run!;
}

async function measure<Example>(
  run: PreparedCell,
  tracked: { readonly adapter: string | undefined; readonly renew: boolean },
  objective: Objective<Example>,
  examples: readonly Example[],
): Promise<Measured> {
  const { base, delta, work, settings } = run;
  // The adapter is read first, so that a file that cannot be used is told before training.
  const start = await withTracked({ base, delta }, tracked);
  const engine = await createEngine({ name: 'onnx', threads: THREADS });
  const paced = pacedEngine(engine, await calibration(engine));
  const calibrations: number[][] = [];
  const { log, diverged } = await train({
    engine: paced.engine,
    base,
    delta,
    objective,
    train: examples,
    validation: [],
    recipe: run.cell.recipe,
    seed: run.cell.seed,
    folder: undefined,
    onProgress: () => calibrations.push(paced.calibrations()),
  });
  if (diverged !== undefined) throw new Diverged(diverged);
  // The peak is that of training, so that it is taken before the adapter computes anything.
  const peak = await peakMemory();
  const positions = base.architecture.positions - virtualTokens(delta);
  const batch = examples.slice(0, BATCH).map((example) => objective.cut(example, positions));
  const adapter = await computeStart(paced.engine, start, objective, batch);
  const { trained, head } = countParameters(base, delta, work.kind === 'label' ? work.head : undefined);
  return {
    base: settings.model.hash,
    data: settings.data.hash,
    trained,
    head,
    nodes: paced.nodes(),
    adapter,
    losses: log.slice(0, COMPARED).map(({ loss }) => loss),
    time: stepTime(log, calibrations),
    peak,
  };
}

async function withTracked(
  { base, delta }: Pick<PreparedCell, 'base' | 'delta'>,
  { adapter, renew }: { readonly adapter: string | undefined; readonly renew: boolean },
): Promise<Pick<PreparedCell, 'base' | 'delta'>> {
  if (adapter === undefined) return { base, delta };
  const read = async () => startFrom(base, delta, { tensors: await readTracked(adapter) }, adapter);
  if (!renew) return read();
  return read().catch(async (error: unknown) => {
    if (!(error instanceof UsageError)) throw error;
    await writeTracked(adapter, { base, delta });
    return read();
  });
}

/** The median time of a step in calibration runs, which alternate with the step's own programs. */
function stepTime(log: readonly StepLog[], calibrations: readonly (readonly number[])[]): number {
  const ratios = log.map(({ milliseconds }, i) => {
    const times = calibrations[i]!;
    const all = sum([...times]);
    return (milliseconds - all) / (all / times.length);
  });
  return median(ratios.slice(WARMUP));
}

/** The most memory that this process has used, in bytes. */
async function peakMemory(): Promise<number> {
  // On Linux, getrusage counts the parent process as well.
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(status);
  return (found ? Number(found[1]) : process.resourceUsage().maxRSS) * 1024;
}
