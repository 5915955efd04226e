import { UsageError } from '../data/errors.ts';
import { asTextTask } from '../data/label-as-text.ts';
import type { Splits, TextTask } from '../data/task.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { BaseModel, Delta } from '../models/types.ts';
import { attach } from './attach.ts';
import { hashJson } from './canonical.ts';
import { parseProtocol } from './protocol.ts';
import { addressOf, type Cell, type Plan } from './plan.ts';
import type { Settings } from './record.ts';
import { findPlace, type Place } from './store.ts';

/** A cell with its base and data open. */
export interface PreparedCell {
  readonly cell: Cell;
  readonly task: TextTask;
  readonly splits: Splits;
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  /** Ends a generated text. */
  readonly endToken: number;
  readonly delta: Delta;
  readonly settings: Settings;
  readonly identity: string;
  readonly place: Place;
}

/** Opens bases and data, each once, and finds every cell's record or place; throws UsageError where something cannot be used. */
export async function prepareCells(plan: Plan): Promise<PreparedCell[]> {
  const { loadBase } = await import('../models/base.ts');
  const splitsOf = once((key: string, task: TextTask) => task.load(plan.source));
  const baseOf = once((id: string) => loadBase(id, plan.base));
  const attached: { cell: Cell; base: BaseModel; delta: Delta }[] = [];
  // All of what is quickly checked comes before any data is read or fetched.
  for (const cell of plan.cells) {
    const base = await baseOf(cell.model);
    attached.push({ cell, base, delta: await attach(cell.variant, base) });
  }
  const prepared: PreparedCell[] = [];
  for (const { cell, base, delta } of attached) {
    const tokenizer = await base.tokenizer();
    const endToken = endTokenOf(tokenizer, base.id);
    const { vocabulary } = base.architecture;
    if (tokenizer.vocabSize > vocabulary) {
      throw new UsageError(
        `The tokenizer has ${tokenizer.vocabSize} tokens, ${base.id} knows ${vocabulary}: they do not belong together; give its own with --tokenizer DIR.`,
      );
    }
    const draw = { seed: cell.seed, family: base.family, side: parseProtocol(cell.protocol.split(' ')).side };
    const [task, key] =
      cell.task.kind === 'label'
        ? [asTextTask(cell.task, draw), [cell.task.name, draw.seed, draw.family, cell.protocol].join()]
        : [cell.task, cell.task.name];
    const splits = await splitsOf(key, task);
    const settings: Settings = {
      task: { name: cell.task.name, version: cell.task.version },
      data: splits.source,
      model: { id: base.id, hash: await base.hash(), tokenizer: tokenizer.hash },
      methods: cell.variant.parts.map(({ method, options }) => ({ name: method.name, options })),
      recipe: cell.recipe,
      protocol: cell.protocol,
      precision: 'float32',
      limits: cell.limits,
      seed: cell.seed,
    };
    const identity = hashJson(settings);
    const place = await findPlace(plan.results, addressOf(cell), identity);
    prepared.push({ cell, task, splits, base, tokenizer, endToken, delta, settings, identity, place });
  }
  return prepared;
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
