import { stat } from 'node:fs/promises';
import { UsageError } from '../../support/errors.ts';
import { asTextTask } from '../../data/examples/label-as-text.ts';
import type { FetchOptions } from '../../data/hub/connection.ts';
import type {
  DataSource,
  Draw,
  LabelledSplits,
  LabelTask,
  Splits,
  TextTask,
} from '../../data/examples/task.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { isBuiltin } from '../../models/bases/built-in.ts';
import type { Head } from '../../models/delta/heads.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { attachWhole } from './encoder-head.ts';
import { hashJson } from '../../support/canonical-json.ts';
import { countParameters, type ParameterCounts } from '../../models/delta/count-parameters.ts';
import { addressOf, type Cell, type Plan } from '../plan/cell.ts';
import { isSameForEverySeed, type Settings } from '../../records/record.ts';
import { findPlace, type Place } from '../../records/record-files.ts';
import { describePublished } from './published-recipe.ts';

/** A task that a model answers by generating. */
export interface TextWork {
  readonly kind: 'text';
  readonly task: TextTask;
  readonly splits: Splits;
  /** Ends a generated text. */
  readonly endToken: number;
}
/** A task that an encoder answers with a head. */
export interface LabelWork {
  readonly kind: 'label';
  readonly task: LabelTask;
  readonly splits: LabelledSplits;
  readonly head: Head;
  readonly draw: Draw;
}

/** A cell with its base and data open. */
export interface PreparedCell {
  readonly cell: Cell;
  readonly work: TextWork | LabelWork;
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  /** The method's, and the head's where there is one. */
  readonly delta: Delta;
  readonly counts: ParameterCounts;
  readonly settings: Settings;
  readonly identity: string;
  readonly place: Place;
  /** What the user should know of its base and its head; a line each. */
  readonly notes: readonly string[];
}

/** A cell with its method on its base. */
export interface AttachedCell {
  readonly cell: Cell;
  readonly base: BaseModel;
  readonly delta: Delta;
  /** Of an encoder. */
  readonly head: Head | undefined;
  /** Whether that begins as the checkpoint's own. */
  readonly headFrom?: 'checkpoint';
  readonly counts: ParameterCounts;
  /** What the user should know of base and head; a line each. */
  readonly notes: readonly string[];
}

/** Opens bases and data, each once, and finds every cell's record or place; throws UsageError where something cannot be used, and the reason of the signal once it is aborted. */
export async function prepareCells(plan: Plan, fetching: FetchOptions = {}): Promise<PreparedCell[]> {
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const baseOf = once((id: string) => loadBase(id, { ...plan.base, ...fetching, weights: true }));
  const open = dataOpener(fetching);
  const prepared: PreparedCell[] = [];
  // All of what config.json can tell is checked before any data or weights are read or fetched.
  await attachCells(plan, fetching);
  for (const cell of plan.cells) {
    fetching.signal?.throwIfAborted();
    const attached = await attachCell(cell, await baseOf(cell.model));
    const { base, delta, counts, headFrom, notes } = attached;
    const tokenizer = await fittingTokenizer(base);
    const work = await open(attached, tokenizer);
    const settings: Settings = {
      task: { name: cell.task.name, version: cell.task.version },
      data: work.splits.source,
      model: { id: base.id, hash: await base.hash(), tokenizer: tokenizer.hash },
      methods: cell.variant.parts.map(({ method, options }) => ({ name: method.name, options })),
      ...(cell.start && { start: { hash: cell.start.hash } }),
      ...(headFrom && { headFrom }),
      recipe: cell.recipe,
      protocol: cell.protocol.name,
      precision: cell.precision,
      limits: cell.limits,
      seed: cell.seed,
    };
    const identity = hashJson(settings);
    const place = await findPlace(plan.results, addressOf(cell), identity);
    prepared.push({ cell, work, base, tokenizer, delta, counts, settings, identity, place, notes });
  }
  return withoutSameRuns(prepared);
}

/** Attaches every cell's method to its base, of which config.json alone is read; throws UsageError where they do not go together. */
async function attachCells(plan: Plan, fetching: FetchOptions = {}): Promise<AttachedCell[]> {
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const baseOf = once((id: string) => loadBase(id, { ...plan.base, ...fetching }));
  const attached: AttachedCell[] = [];
  for (const cell of plan.cells) attached.push(await attachCell(cell, await baseOf(cell.model)));
  return attached;
}

/**
 * Refuses what prepareCells would refuse, but fetches nothing: a base on the hub is checked by its config.json, data on the hub
 * are not. Gives the cells that would run.
 */
export async function checkCells(plan: Plan): Promise<AttachedCell[]> {
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const baseOf = once((id: string) => loadBase(id, { ...plan.base, weights: true }));
  const attached = await attachCells(plan);
  const open = dataOpener();
  for (const { cell } of attached) {
    if (!(await isHere(cell.model, plan.base))) continue;
    const whole = await attachCell(cell, await baseOf(cell.model));
    const tokenizer = await fittingTokenizer(whole.base);
    if (cell.source.kind !== 'hub') await open(whole, tokenizer);
  }
  return withoutSameRuns(attached);
}

/** Whether a base's files are on this machine: inside deltabench, in a folder, or random with a tokenizer that was given. */
async function isHere(id: string, { tokenizer, data }: Plan['base']): Promise<boolean> {
  if (isBuiltin(id)) return true;
  if (id.startsWith('random-')) return tokenizer !== undefined || data !== undefined;
  return stat(id).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** One cell for all that are equal whatever their seed, one with a record where there is one. */
function withoutSameRuns<C extends AttachedCell | PreparedCell>(cells: readonly C[]): C[] {
  const kept = new Map<string, C>();
  for (const run of cells) {
    const key = sameRunsKey(run);
    const other = kept.get(key);
    const hasRecord = (one: C): boolean => 'place' in one && one.place.record?.status === 'finished';
    if (!other || (hasRecord(run) && !hasRecord(other))) kept.set(key, run);
  }
  return [...kept.values()];
}

/** What tells runs apart: all of a cell, and its seed where anything depends on it. */
function sameRunsKey({ cell, base, delta, counts }: AttachedCell | PreparedCell): string {
  const drawn = Object.keys({ ...delta.frozen, ...delta.state }).length > 0;
  const run = { parameters: counts, published: describePublished(cell, base.family) };
  const seed = isSameForEverySeed(run) && !drawn ? undefined : cell.seed;
  return JSON.stringify({ ...addressOf(cell), seed });
}

/** Opens the tokenizer of a base; throws UsageError where the base has fewer tokens. */
async function fittingTokenizer(base: BaseModel): Promise<Tokenizer> {
  const tokenizer = await base.tokenizer();
  const { vocabulary } = base.architecture;
  if (tokenizer.vocabSize <= vocabulary) return tokenizer;
  throw new UsageError(
    `The tokenizer has ${tokenizer.vocabSize} tokens, ${base.id} knows ${vocabulary}: they do not belong together; give its own with --tokenizer DIR.`,
  );
}

/** Opens the data of cells, each once. */
function dataOpener(
  fetching: FetchOptions = {},
): (attached: AttachedCell, tokenizer: Tokenizer) => Promise<PreparedCell['work']> {
  const textOf = once((key: string, task: TextTask, source: DataSource) => task.load(source, fetching));
  const labelledOf = once((key: string, task: LabelTask, source: DataSource) => task.load(source, fetching));
  return async ({ cell, base, head }, tokenizer) => {
    const draw = { seed: cell.seed, family: base.family, side: cell.protocol.side };
    const { task, source } = cell;
    const data = `${task.name} ${source.kind}`;
    const key = [data, draw.seed, draw.family, cell.protocol.name].join();
    const load = (): ReturnType<LabelTask['load']> => labelledOf(data, task as LabelTask, source);
    if (task.kind === 'label' && head)
      return { kind: 'label', task, splits: task.draw(await load(), draw), head, draw };
    const written = task.kind === 'label' ? asTextTask({ ...task, load }, draw) : task;
    const loaded = await textOf(task.kind === 'label' ? key : data, written, source);
    const splits = written.draw ? written.draw(loaded, draw) : loaded;
    return { kind: 'text', task: written, splits, endToken: endTokenOf(tokenizer, base.id) };
  };
}

/** A cell's base, with what its method and its head add. */
async function attachCell(cell: Cell, bare: BaseModel): Promise<AttachedCell> {
  const { notes, ...whole } = await attachWhole(cell, bare);
  const { base, delta, head } = whole;
  const counts = countParameters(base, delta, head);
  return { ...whole, cell, counts, notes: [...notes, ...unusedTensors(bare)] };
}

/** One line on the tensors of a base's checkpoint that nothing here reads, by module. */
function unusedTensors({ id, unused = [], head }: BaseModel): string[] {
  const left = unused.filter((name) => !(head && name.startsWith('classifier.')));
  if (left.length === 0) return [];
  const counts = new Map<string, number>();
  for (const name of left) {
    const module = /^(?:roberta|bert)\.[^.]+|^[^.]+/.exec(name)![0];
    counts.set(module, (counts.get(module) ?? 0) + 1);
  }
  const named = [...counts].map(([module, count]) => `${module} (${count} tensors)`);
  return [`Not used of the checkpoint of ${id}: ${named.join(', ')}.`];
}

function endTokenOf(tokenizer: Tokenizer, model: string): number {
  if (tokenizer.eosId !== undefined) return tokenizer.eosId;
  throw new UsageError(
    `The tokenizer of ${model} names no end-of-text token, so generation could not stop; add eos_token to its tokenizer_config.json.`,
  );
}

function once<Rest extends unknown[], Value>(
  make: (key: string, ...rest: Rest) => Promise<Value>,
): (key: string, ...rest: Rest) => Promise<Value> {
  const made = new Map<string, Promise<Value>>();
  return (key, ...rest) => {
    const value = made.get(key) ?? make(key, ...rest);
    made.set(key, value);
    return value;
  };
}
