import { UsageError } from '../data/errors.ts';
import { asTextTask } from '../data/label-as-text.ts';
import type { DataSource, Draw, LabelledSplits, LabelTask, Splits, TextTask } from '../data/task.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { startFrom } from '../exchange/adapter.ts';
import { makeHead, type Head } from '../models/heads.ts';
import type { BaseModel, Delta } from '../models/types.ts';
import { attach, attachWithHead } from './attach.ts';
import { hashJson } from './canonical.ts';
import { parseProtocol } from './protocol.ts';
import { addressOf, type Cell, type Plan } from './plan.ts';
import type { Settings } from './record.ts';
import { findPlace, type Place } from './store.ts';

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
  readonly settings: Settings;
  readonly identity: string;
  readonly place: Place;
  /** What the user should know of its base; a line each. */
  readonly notes: readonly string[];
}

/** Opens bases and data, each once, and finds every cell's record or place; throws UsageError where something cannot be used. */
export async function prepareCells(plan: Plan): Promise<PreparedCell[]> {
  const { loadBase } = await import('../models/base.ts');
  const textOf = once((key: string, task: TextTask, source: DataSource) => task.load(source));
  const labelledOf = once((key: string, task: LabelTask, source: DataSource) => task.load(source));
  const describedOf = once((id: string) => loadBase(id, plan.base));
  const baseOf = once((id: string) => loadBase(id, { ...plan.base, weights: true }));
  // All of what config.json can tell is checked before any data or weights are read or fetched.
  for (const cell of plan.cells) await attachCell(cell, await describedOf(cell.model));
  const prepared: PreparedCell[] = [];
  for (const cell of plan.cells) {
    const { base, delta, head } = await attachCell(cell, await baseOf(cell.model));
    const tokenizer = await base.tokenizer();
    const { vocabulary } = base.architecture;
    if (tokenizer.vocabSize > vocabulary) {
      throw new UsageError(
        `The tokenizer has ${tokenizer.vocabSize} tokens, ${base.id} knows ${vocabulary}: they do not belong together; give its own with --tokenizer DIR.`,
      );
    }
    const draw = { seed: cell.seed, family: base.family, side: parseProtocol(cell.protocol.split(' ')).side };
    const { task, source } = cell;
    const data = `${task.name} ${source.kind}`;
    const key = [data, draw.seed, draw.family, cell.protocol].join();
    const load = (): ReturnType<LabelTask['load']> => labelledOf(data, task as LabelTask, source);
    let work: PreparedCell['work'];
    if (task.kind === 'label' && head) {
      work = { kind: 'label', task, splits: task.draw(await load(), draw), head, draw };
    } else {
      const written = task.kind === 'label' ? asTextTask({ ...task, load }, draw) : task;
      const loaded = await textOf(task.kind === 'label' ? key : data, written, source);
      const splits = written.draw ? written.draw(loaded, draw) : loaded;
      work = { kind: 'text', task: written, splits, endToken: endTokenOf(tokenizer, base.id) };
    }
    const settings: Settings = {
      task: { name: cell.task.name, version: cell.task.version },
      data: work.splits.source,
      model: { id: base.id, hash: await base.hash(), tokenizer: tokenizer.hash },
      methods: cell.variant.parts.map(({ method, options }) => ({ name: method.name, options })),
      ...(cell.start && { start: { hash: cell.start.hash } }),
      recipe: cell.recipe,
      protocol: cell.protocol,
      precision: cell.precision,
      limits: cell.limits,
      seed: cell.seed,
    };
    const identity = hashJson(settings);
    const place = await findPlace(plan.results, addressOf(cell), identity);
    prepared.push({
      cell,
      work,
      base,
      tokenizer,
      delta,
      settings,
      identity,
      place,
      notes: unusedTensors(base),
    });
  }
  return prepared;
}

/** A cell's base, with what its method and its head add. */
async function attachCell(
  cell: Cell,
  bare: BaseModel,
): Promise<{ base: BaseModel; delta: Delta; head: Head | undefined }> {
  const head = headOf(cell, bare);
  const whole = head
    ? await attachWithHead(cell.variant, bare, head)
    : { base: bare, delta: await attach(cell.variant, bare) };
  return { head, ...begin(cell, whole) };
}

/** Base and method with the values of the adapter that the cell begins with. */
function begin(
  { start }: Cell,
  { base, delta }: { base: BaseModel; delta: Delta },
): { base: BaseModel; delta: Delta } {
  if (!start) return { base, delta };
  const { tensors, head } = start.adapter;
  return startFrom(base, delta, { tensors: { ...tensors, ...head } }, start.path);
}

/** One line on the tensors of a base's checkpoint that nothing here reads, by module. */
function unusedTensors({ id, unused = [], shapes }: BaseModel): string[] {
  const left = unused.filter((name) => !(name in shapes));
  if (left.length === 0) return [];
  const counts = new Map<string, number>();
  for (const name of left) {
    const module = /^(?:roberta|bert)\.[^.]+|^[^.]+/.exec(name)![0];
    counts.set(module, (counts.get(module) ?? 0) + 1);
  }
  const named = [...counts].map(([module, count]) => `${module} (${count} tensors)`);
  return [`Not used of the checkpoint of ${id}: ${named.join(', ')}.`];
}

/** The head that an encoder needs; throws UsageError where a task asks it for text. */
function headOf({ task, recipe }: Cell, base: BaseModel): Head | undefined {
  if (base.architecture.kind !== 'encoder') return undefined;
  if (task.kind === 'text') {
    throw new UsageError(
      `${base.id} is an encoder (${base.family}) and writes no text, which ${task.name} asks for; give a decoder or an encoder-decoder.`,
    );
  }
  const { head, headDropout, headLearningRate, learningRate } = recipe;
  return makeHead(base, head, task.classes?.length ?? 1, {
    dropout: headDropout,
    ...(headLearningRate !== undefined && { learningRate: headLearningRate / learningRate }),
  });
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
