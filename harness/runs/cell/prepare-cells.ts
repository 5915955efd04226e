/**
 * Opens what the cells of a plan need, so that they can run: base, method, tokenizer, data, and the place of
 * the record. All that config.json can tell is checked first, before data or weights are read or fetched.
 */
import type { FetchOptions } from '../../data/hub/connection.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { findPlace, type Place } from '../../records/record-files.ts';
import type { Settings } from '../../records/record.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import { once } from '../../support/once.ts';
import { UsageError } from '../../support/errors.ts';
import { addressOf, type Cell, type Plan } from '../plan/cell.ts';
import { checkPacked } from '../plan/engine-choice.ts';
import { attachCell, type AttachedCell } from './attach-cell.ts';
import { withoutEqualCells } from './equal-cells.ts';
import { dataOpener, openTokenizer, type LabelWork, type TextWork } from './open-data.ts';

/** A cell with its base and data open, and the identity of its run. */
export interface PreparedCell extends AttachedCell {
  readonly work: TextWork | LabelWork;
  readonly tokenizer: Tokenizer;
  readonly settings: Settings;
  /** Sha256 of the settings. */
  readonly identity: string;
  /** Where the record lies or will lie. */
  readonly place: Place;
}

/**
 * Prepares the cells of a plan; bases and data are opened once each. Throws UsageError where something cannot
 * be used, and the reason of the signal once it is aborted.
 */
export async function prepareCells(plan: Plan, fetching: FetchOptions = {}): Promise<PreparedCell[]> {
  await attachCells(plan, fetching);
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const baseOf = once((id) => loadBase(id, { ...plan.base, ...fetching, weights: true }));
  const openData = dataOpener(fetching);
  const prepared: PreparedCell[] = [];
  for (const cell of plan.cells) {
    fetching.signal?.throwIfAborted();
    const attached = await attachCell(cell, await baseOf(cell.model));
    if (attached.base.weights) checkPacked(attached.base.weights, plan.engine);
    const tokenizer = await openTokenizer(attached.base);
    const work = await openData(attached, tokenizer);
    checkTrainExamples(cell, work.splits.train.length);
    const settings = await settingsOf(attached, tokenizer, work);
    const identity = hashJson(settings);
    const place = await findPlace(plan.results, addressOf(cell), identity);
    prepared.push({ ...attached, work, tokenizer, settings, identity, place });
  }
  return withoutEqualCells(prepared);
}

/** Throws UsageError where a cell is to learn from more examples than there are. */
function checkTrainExamples({ task, recipe, limits }: Cell, count: number): void {
  const most = Math.min(count, limits.examples ?? Infinity);
  if (recipe.trainExamples === undefined || recipe.trainExamples <= most) return;
  throw new UsageError(
    `${recipe.trainExamples} training examples: ${task.name} has ${most}` +
      `${most < count ? ', as --limit says' : ''}; "all" takes these.`,
  );
}

/**
 * Attaches every cell to its base, of which config.json alone is read; throws UsageError where they do not go
 * together.
 */
export async function attachCells(plan: Plan, fetching: FetchOptions = {}): Promise<AttachedCell[]> {
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const baseOf = once((id) => loadBase(id, { ...plan.base, ...fetching }));
  const attached: AttachedCell[] = [];
  for (const cell of plan.cells) attached.push(await attachCell(cell, await baseOf(cell.model)));
  return attached;
}

/**
 * The settings that decide a run's numbers; their hash is the run's identity, so that none may be renamed.
 */
async function settingsOf(
  { cell, base, headFrom }: AttachedCell,
  tokenizer: Tokenizer,
  { splits }: TextWork | LabelWork,
): Promise<Settings> {
  return {
    task: { name: cell.task.name, version: cell.task.version },
    data: splits.source,
    model: { id: base.id, hash: await base.hash(), tokenizer: tokenizer.hash },
    methods: cell.variant.parts.map(({ method, options }) => ({ name: method.name, options })),
    ...(cell.start && { start: { hash: cell.start.hash } }),
    ...(headFrom && { headFrom }),
    recipe: cell.recipe,
    protocol: cell.protocol.name,
    precision: cell.precision,
    ...(base.weights && { baseWeights: base.weights }),
    limits: cell.limits,
    seed: cell.seed,
    ...(cell.judgedOn && { judgedOn: cell.judgedOn }),
  };
}
