/**
 * Measures d90 (Aghajanyan et al. 2020, arXiv:2012.13255): the smallest dimension at which `intrinsic` reaches
 * 90 % of full fine-tuning's score. Each dimension is a method of a tuning, so that validation alone judges.
 */
import type { Task } from '../../data/examples/task.ts';
import type { Validation } from '../../records/validation.ts';
import { UsageError } from '../../support/errors.ts';
import { groupBy } from '../../support/group-by.ts';
import type { RunRequest } from '../plan/cell.ts';
import { parseVariant } from '../plan/variants/parse-variant.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { previewTuning, tune, type PlannedTuning, type TuneContext, type TunedMethod } from './tune.ts';

/** The share of full fine-tuning's score that counts as a solution. */
const SHARE = 0.9;

/** What is measured beside the methods of a request, which are `intrinsic` or variants of it. */
export interface IntrinsicOptions {
  readonly dimensions: readonly number[];
  /** Settings of which the best by validation counts, as `bench tune --space` has them; may be empty. */
  readonly space: readonly string[];
}

/** What validation says of one training, or of the best in the space. */
export interface Measured {
  /** 0 for the frozen base; undefined for full fine-tuning. */
  readonly dimension: number | undefined;
  readonly method: string;
  /** Undefined where its runs failed. */
  readonly value: number | undefined;
  /** The settings of the space that were chosen, `key=value` each. */
  readonly settings: readonly string[];
}

/** The intrinsic dimension of a task for a base. */
export interface IntrinsicDimension {
  readonly task: string;
  readonly model: string;
  readonly metric: string;
  readonly full: Measured;
  /** The frozen base; on an encoder its head is trained. */
  readonly none: Measured;
  /** 90 % of full fine-tuning's score; undefined where that is not above 0. */
  readonly threshold: number | undefined;
  readonly variants: readonly {
    readonly method: string;
    readonly measured: readonly Measured[];
    /** Undefined where no dimension that was tried reaches the threshold. */
    readonly d90: number | undefined;
  }[];
}

/**
 * Trains full fine-tuning, the frozen base and every dimension on each task and base, as far as that is missing;
 * undefined where a cluster does it. Throws UsageError where a method is no `intrinsic` or a task has no score.
 */
export async function measureIntrinsicDimension(
  request: RunRequest,
  options: IntrinsicOptions,
  context: TuneContext,
): Promise<IntrinsicDimension[] | undefined> {
  const tuned = await tune(
    await withDimensions(request, options, context),
    tuning(request, options),
    context,
  );
  if (!tuned) return undefined;
  const groups = groupBy(tuned, ({ task, model }) => JSON.stringify([task, model]));
  return [...groups.values()].map((group) => resultOf(group, request.methods, options.dimensions));
}

/** Says what `measureIntrinsicDimension` would train; reads neither data nor weights. */
export async function previewIntrinsicDimension(
  request: RunRequest,
  options: IntrinsicOptions,
  context: Pick<TuneContext, 'methods' | 'tasks'>,
): Promise<PlannedTuning[]> {
  return previewTuning(await withDimensions(request, options, context), tuning(request, options), context);
}

/** Every method has all points of the space that it has; the seeds of the request are those of each point. */
const tuning = ({ seeds = [42] }: RunRequest, { space }: IntrinsicOptions): Parameters<typeof tune>[1] => ({
  space,
  trials: undefined,
  strategy: 'grid',
  seedsPerTrial: seeds.length,
  unequal: true,
});

const variantAt = (method: string, dimension: number): string =>
  `${method}${method.includes('~') ? ',' : '~'}dimension=${dimension}`;

/** The request with full fine-tuning, the frozen base, and each variant at every dimension. */
async function withDimensions(
  request: RunRequest,
  { dimensions }: IntrinsicOptions,
  { methods, tasks }: Pick<TuneContext, 'methods' | 'tasks'>,
): Promise<RunRequest> {
  for (const text of request.methods) {
    const names = parseVariant(text, methods).parts.map(({ method }) => method.name);
    if (names.join() !== 'intrinsic' || text.includes('dimension=')) {
      throw new UsageError(
        `--method ${text}: give intrinsic or a variant of it, such as intrinsic~no-scales, and its dimensions by ` +
          '--dimensions.',
      );
    }
  }
  const { cells } = await planRuns({ ...request, methods: ['full'] }, methods, tasks);
  for (const { task } of cells) requireScore(task);
  const variants = request.methods.flatMap((text) => dimensions.map((d) => variantAt(text, d)));
  return { ...request, methods: ['full', 'none', ...variants] };
}

/** Throws UsageError where a task's validation has no score of which there could be a share. */
function requireScore({ name, selection, metrics }: Task): void {
  if (metrics.find((metric) => metric.name === selection)?.higherIsBetter) return;
  throw new UsageError(
    `--task ${name} is validated by its loss, of which 90 % means nothing: choose a task with a score.`,
  );
}

function resultOf(
  tuned: readonly TunedMethod[],
  variants: readonly string[],
  dimensions: readonly number[],
): IntrinsicDimension {
  const measured = (method: string, dimension: number | undefined): Measured => {
    const { best } = tuned.find((one) => one.method === method)!;
    return {
      dimension,
      method,
      value: best?.validation.value,
      settings: best?.positions.map(({ key, value }) => `${key}=${value}`) ?? [],
    };
  };
  const full = measured('full', undefined);
  const threshold = full.value !== undefined && full.value > 0 ? SHARE * full.value : undefined;
  const { task, model } = tuned[0]!;
  return {
    task,
    model,
    metric: validationIn(tuned)?.metric ?? 'validation',
    full,
    none: measured('none', 0),
    threshold,
    variants: variants.map((method) => {
      const points = dimensions.map((d) => measured(variantAt(method, d), d));
      const reaches = ({ value = -Infinity }: Measured): boolean => value >= (threshold ?? Infinity);
      return { method, measured: points, d90: points.find(reaches)?.dimension };
    }),
  };
}

const validationIn = (tuned: readonly TunedMethod[]): Validation | undefined =>
  tuned.find(({ best }) => best)?.best?.validation;
