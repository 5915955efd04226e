/**
 * Tunes methods on a task and base: plans trials, does what is missing of them, and chooses by validation
 * alone. Trials are runs with records like any others, so that a tuning that was stopped goes on.
 */
import { counted } from '../../support/counted.ts';
import { groupBy } from '../../support/group-by.ts';
import { mean } from 'simple-statistics';
import type { Task } from '../../data/examples/task.ts';
import type { Method } from '../../models/method.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { UsageError } from '../../support/errors.ts';
import type { Outcome } from '../execute/executor.ts';
import { attachCells } from '../cell/prepare-cells.ts';
import type { Cell, Plan, RunRequest, Trial } from '../plan/cell.ts';
import { parseVariant } from '../plan/variants/parse-variant.ts';
import { planRuns } from '../plan/plan-runs.ts';
import type { TunedEntry } from './recipe-file.ts';
import { rungsOf, type Rung, type Strategy } from './rungs.ts';
import {
  dimensionsOf,
  gridPoints,
  parseSpace,
  positionsOf,
  randomPoints,
  type Point,
  type Position,
} from './space.ts';
import { validationOf, type Validation } from '../../records/validation.ts';

/** How methods are tuned. */
export interface TuneOptions {
  readonly space: readonly string[];
  /** Trials of each method; a grid may have as many as its values make. */
  readonly trials: number | undefined;
  readonly strategy: Strategy;
  readonly seedsPerTrial: number;
  /** Whether methods may have different numbers of trials or budgets. */
  readonly unequal: boolean;
}

/** What tuning plans with and tells. */
export interface TuneContext {
  readonly methods: ReadonlyMap<string, Method>;
  readonly tasks: ReadonlyMap<string, Task>;
  /** Does what is missing of a plan; undefined where it was handed to a cluster and is not done yet. */
  execute(plan: Plan, request: RunRequest): Promise<readonly Outcome[] | undefined>;
}

/** What tuning found for one method on a task and base. */
export interface TunedMethod {
  readonly task: string;
  readonly model: string;
  readonly method: string;
  readonly label: string;
  /** Trials, without the repeats of halving's later rungs, and those that failed. */
  readonly trials: number;
  readonly failed: number;
  /** The training of all trials together, in words: `16 × 15 epochs`. */
  readonly budget: string;
  /** The best trial; undefined where all failed. */
  readonly best:
    | { readonly validation: Validation; readonly positions: readonly Position[]; readonly entry: TunedEntry }
    | undefined;
}

/** A trial's point for a method. */
interface Candidate {
  readonly method: string;
  readonly point: Point;
}

const seedOfDraws = 42;

/**
 * Tunes every method on each task and base; undefined where trials were handed to a cluster and are not done.
 * Throws UsageError where methods would have unequal trials or budgets and that was not asked for.
 */
export async function tune(
  request: RunRequest,
  options: TuneOptions,
  context: TuneContext,
): Promise<TunedMethod[] | undefined> {
  const { points, rungs, studies } = await planStudies(request, options, context);
  const found: TunedMethod[] = [];
  let isWaiting = false;
  // Tasks and bases are planned one by one, since on each other trials go on.
  for (const { cells, budgets } of studies) {
    const study = { ...request, tasks: [taskName(request, cells)], models: [cells[0]!.model] };
    const tuned = await tuneStudy(study, options, context, { cells, points, rungs });
    if (!tuned) isWaiting = true;
    else found.push(...tuned.map((one) => ({ ...one, budget: budgets.get(one.method)! })));
  }
  return isWaiting ? undefined : found;
}

/** What is tuned, before any trial: points of every method, rungs, and the cells of each task and base. */
interface PlannedStudies {
  readonly points: ReadonlyMap<string, readonly Point[]>;
  readonly rungs: readonly Rung[];
  readonly studies: readonly {
    readonly cells: readonly Cell[];
    readonly budgets: ReadonlyMap<string, string>;
  }[];
  /** The trials as a plan of whole trainings. */
  readonly whole: Plan;
}

async function planStudies(
  request: RunRequest,
  options: TuneOptions,
  { methods, tasks }: Pick<TuneContext, 'methods' | 'tasks'>,
): Promise<PlannedStudies> {
  const points = pointsByMethod(request, options, methods);
  const most = Math.max(...[...points.values()].map(({ length }) => length));
  const rungs = rungsOf(options.strategy, most);
  const trials = trialRequest(request, options, candidatesOf(points));
  const whole = await planRuns(trials, methods, tasks);
  const studies = studiesOf(whole.cells).map((cells) => ({ cells, budgets: budgetsOf(cells, rungs) }));
  if (!options.unequal) for (const { budgets } of studies) checkEqual(budgets);
  return { points, rungs, studies, whole };
}

/** What tuning would try for one method on a task and base. */
export interface PlannedTuning extends Pick<TunedMethod, 'task' | 'model' | 'method' | 'label' | 'budget'> {
  readonly trials: readonly Point[];
  readonly rungs: readonly Rung[];
}

/** Says what `tune` would do, and refuses what it would refuse before any trial; reads neither data nor weights. */
export async function previewTuning(
  request: RunRequest,
  options: TuneOptions,
  context: Pick<TuneContext, 'methods' | 'tasks'>,
): Promise<PlannedTuning[]> {
  const { points, rungs, studies, whole } = await planStudies(request, options, context);
  await attachCells(whole);
  return studies.flatMap(({ cells, budgets }) =>
    [...points].map(([method, trials]) => {
      const { task, model, variant } = wholeCell(cells, { method, point: trials[0]! });
      const label = labelOf(variant);
      return { task: task.name, model, method, label, budget: budgets.get(method)!, trials, rungs };
    }),
  );
}

const labelOf = ({ parts }: Cell['variant']): string => parts.map(({ method }) => method.label).join(' + ');

/** A task on a user's own data is asked for by another name than it gets. */
function taskName({ tasks, own }: RunRequest, [cell]: readonly Cell[]): string {
  return own === undefined ? cell!.task.name : tasks[0]!;
}

function pointsByMethod(
  { methods: texts, settings }: RunRequest,
  { space: given, trials, strategy, unequal }: TuneOptions,
  methods: ReadonlyMap<string, Method>,
): Map<string, Point[]> {
  const variants = texts.map((text) => parseVariant(text, methods).parts.map(({ method }) => method));
  const space = parseSpace(given, variants);
  const fixed = space.find(({ key }) => settings.some((setting) => setting.startsWith(`${key}=`)));
  if (fixed) throw new UsageError(`${fixed.key} is in --space and in --set; leave it out of one.`);
  const shortened = space.find(({ key }) => key === 'epochs' || key === 'maxSteps');
  if (shortened && strategy === 'halving') {
    throw new UsageError(`--strategy halving sets ${shortened.key} itself; leave it out of --space.`);
  }
  const points = new Map<string, Point[]>();
  for (const [i, text] of texts.entries()) {
    const dimensions = dimensionsOf(space, variants[i]!);
    // Where unequal trials were asked for, such a method has one.
    if (dimensions.length === 0 && !unequal)
      throw new UsageError(`--space has nothing that ${text} has; add its options.`);
    if (strategy !== 'grid' && trials === undefined) {
      throw new UsageError(`--strategy ${strategy} needs --trials, the number of trials of each method.`);
    }
    points.set(
      text,
      strategy === 'grid' ? gridPoints(dimensions, trials) : randomPoints(dimensions, trials!, seedOfDraws),
    );
  }
  const counts = [...points].map(([text, { length }]) => [text, length] as const);
  const uneven = counts.find(([, count]) => count !== (trials ?? counts[0]![1]));
  if (uneven && !unequal) {
    throw new UsageError(
      `The space has ${counts.map(([text, count]) => `${counted(count, 'trial')} for ${text}`).join(', ')}` +
        `${trials === undefined ? '' : `, --trials asks for ${trials}`}: methods are compared fairly with ` +
        'equally many. Change --space or --trials, or add --unequal.',
    );
  }
  return points;
}

const candidatesOf = (points: ReadonlyMap<string, readonly Point[]>): Candidate[] =>
  [...points].flatMap(([method, own]) => own.map((point) => ({ method, point })));

/** The request for trials, which leave the test split out. */
function trialRequest(
  request: RunRequest,
  options: TuneOptions,
  candidates: readonly Candidate[],
  more: (candidate: Candidate) => readonly string[] = () => [],
): RunRequest {
  const trials = candidates.map((one): Trial => ({
    method: one.method,
    settings: [...Object.entries(one.point).map(([key, value]) => `${key}=${value}`), ...more(one)],
  }));
  return { ...request, seeds: seedsOf(request, options), trials, judgedOn: 'validation' };
}

function seedsOf({ seeds = [] }: RunRequest, { seedsPerTrial }: TuneOptions): number[] {
  return Array.from({ length: seedsPerTrial }, (_, i) => seeds[i] ?? 42 + i);
}

/** Cells by task and base. */
function studiesOf(cells: readonly Cell[]): Cell[][] {
  return [...groupBy(cells, ({ task, model }) => JSON.stringify([task.name, model])).values()];
}

/** What is tuned on one task and base. */
interface Study {
  /** The trials as whole trainings. */
  readonly cells: readonly Cell[];
  readonly points: ReadonlyMap<string, readonly Point[]>;
  readonly rungs: readonly Rung[];
}

/** A candidate with what validation says of it: the mean over its seeds, undefined where one failed. */
interface Judged extends Candidate {
  readonly validation: Validation | undefined;
}

async function tuneStudy(
  request: RunRequest,
  options: TuneOptions,
  context: TuneContext,
  { cells, points, rungs }: Study,
): Promise<Omit<TunedMethod, 'budget'>[] | undefined> {
  let alive = candidatesOf(points);
  let judged: Judged[] = [];
  const failed = new Map<string, number>();
  for (const [r, { share }] of rungs.entries()) {
    const shortened = { ...request, ...shortenedSteps(request, share) };
    const asked = trialRequest(shortened, options, alive, (one) => shorter(wholeCell(cells, one), share));
    const plan = await planRuns(asked, context.methods, context.tasks);
    const outcomes = await context.execute(plan, asked);
    if (!outcomes) return undefined;
    judged = alive.map((one) => ({ ...one, validation: judge(one, outcomes) }));
    for (const { method, validation } of judged) {
      if (!validation) failed.set(method, (failed.get(method) ?? 0) + 1);
    }
    const next = rungs[r + 1];
    if (next) alive = [...points.keys()].flatMap((method) => bestOf(judged, method).slice(0, next.trials));
  }
  return [...points].map(([method, own]) => {
    const { task, model, variant } = wholeCell(cells, { method, point: own[0]! });
    const [best] = bestOf(judged, method);
    return {
      task: task.name,
      model,
      method,
      label: labelOf(variant),
      trials: own.length,
      failed: failed.get(method) ?? 0,
      best: best && {
        validation: best.validation,
        positions: positionsOf(best.point, own),
        entry: entryOf(wholeCell(cells, best), best, options, {
          trials: own.length,
          seeds: seedsOf(request, options),
        }),
      },
    };
  });
}

/** The planned cell of a candidate's whole training. */
function wholeCell(cells: readonly Cell[], { method, point }: Candidate): Cell {
  return cells.find(({ trial }) => trial!.method === method && isOf(trial!, point))!;
}

function isOf({ settings }: Trial, point: Point): boolean {
  return Object.entries(point).every(([key, value]) => settings.includes(`${key}=${value}`));
}

/** The settings that make a training shorter, for a rung of halving. */
function shorter({ recipe, limits }: Cell, share: number): string[] {
  if (share === 1) return [];
  const epochs = Number((recipe.epochs * share).toPrecision(4));
  const ownSteps = limits.steps === null && recipe.maxSteps !== undefined;
  return [`epochs=${epochs}`, ...(ownSteps ? [`maxSteps=${Math.ceil(recipe.maxSteps! * share)}`] : [])];
}

function shortenedSteps({ maxSteps }: RunRequest, share: number): { maxSteps?: number } {
  return maxSteps === undefined ? {} : { maxSteps: Math.ceil(maxSteps * share) };
}

function judge(candidate: Candidate, outcomes: readonly Outcome[]): Validation | undefined {
  const own = outcomes.filter(
    ({ cell: { trial } }) => trial!.method === candidate.method && isOf(trial!, candidate.point),
  );
  const found = own.map(({ cell, record }) => validationOf(cell.task, record));
  const values = found.flatMap((one) => one ?? []);
  if (values.length === 0 || values.length < found.length) return undefined;
  return { ...values[0]!, value: mean(values.map(({ value }) => value)) };
}

/** A method's candidates that did not fail, the best first; of equal ones the earlier first. */
function bestOf(
  judged: readonly Judged[],
  method: string,
): (Candidate & { readonly validation: Validation })[] {
  const own = judged.flatMap((one) =>
    one.method === method && one.validation ? [{ ...one, validation: one.validation }] : [],
  );
  const sign = own[0]?.validation.higherIsBetter ? -1 : 1;
  return own.sort((a, b) => sign * (a.validation.value - b.validation.value));
}

function entryOf(
  { task, model, recipe, limits, variant }: Cell,
  { method, validation }: Candidate & { readonly validation: Validation },
  { space, strategy }: TuneOptions,
  { trials, seeds }: { trials: number; seeds: number[] },
): TunedEntry {
  // A limit of the command line is no part of the recipe.
  const settings = limits.steps === null ? recipe : { ...recipe, maxSteps: undefined };
  return {
    task: task.name,
    model,
    variant: method,
    settings: JSON.parse(JSON.stringify(settings)) as TunedEntry['settings'],
    methods: variant.parts.map(({ method: { name }, options }) => ({ name, options })),
    tuned: {
      strategy,
      space: [...space],
      trials,
      seeds,
      metric: validation.metric,
      value: validation.value,
    },
  };
}

/** The training of each method's trials, in words: `16 trials, 240 epochs`; equal words are equal budgets. */
function budgetsOf(cells: readonly Cell[], rungs: readonly Rung[]): Map<string, string> {
  const budgets = new Map<string, string>();
  for (const method of new Set(cells.map(({ trial }) => trial!.method))) {
    const own = cells.filter(({ trial }) => trial!.method === method);
    // On later rungs of halving all trials have the recipe's length.
    const whole = rungs.reduce((total, { trials, share }) => total + trials * share, 0);
    const parts = rungs.length > 1 ? whole / own.length : 1;
    const total = (of: (cell: Cell) => number): number => Number((sum(own.map(of)) * parts).toPrecision(6));
    const epochs = total(({ recipe }) => recipe.epochs);
    const limited = own.some(({ recipe }) => recipe.maxSteps !== undefined);
    const examples = total(({ recipe }) => (recipe.maxSteps ?? Infinity) * recipe.batchSize);
    const trials = new Set(own.map(({ trial }) => JSON.stringify(trial))).size;
    const most = limited ? `, at most ${examples.toLocaleString('en')} examples` : '';
    budgets.set(method, `${counted(trials, 'trial')}, ${epochs.toLocaleString('en')} epochs${most}`);
  }
  return budgets;
}

function checkEqual(budgets: ReadonlyMap<string, string>): void {
  if (new Set(budgets.values()).size < 2) return;
  const list = [...budgets].map(([method, budget]) => `${method} ${budget}`).join('; ');
  throw new UsageError(
    `Methods would be tuned with unequal budgets: ${list}. --set epochs=N gives all the same, --unequal allows it.`,
  );
}
