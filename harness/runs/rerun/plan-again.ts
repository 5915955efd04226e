/** Plans a run again from its record alone, with the same settings. `bench rerun` does it. */
import { resolve } from 'node:path';
import type { Task } from '../../data/examples/task.ts';
import { isBuiltin } from '../../models/bases/built-in.ts';
import type { Method } from '../../models/method.ts';
import { parseProtocol } from '../../papers/protocol.ts';
import type { RunRecord } from '../../records/record.ts';
import { UsageError } from '../../support/errors.ts';
import { prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import type { Cell, Plan } from '../plan/cell.ts';
import { baseOptions, findDataSource } from '../plan/data-source.ts';
import { findEngine } from '../plan/engine-choice.ts';
import { checkOptions } from '../plan/variants/option-values.ts';
import { isTunedSource } from '../tune/recipe-file.ts';

/** Where the record, the data and the tokenizer lie, and the threads where they are not those of the record. */
export interface AgainOptions {
  readonly results: string;
  readonly data?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly threads?: number | undefined;
}

/**
 * The plan of one cell that a record describes. Throws UsageError where the record does not say all that is
 * needed: on a user's own data, or where training began from an adapter.
 */
export async function planAgain(
  record: RunRecord,
  { results, data, tokenizer, threads }: AgainOptions,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<Plan> {
  const { settings, engine: ran } = record;
  const task = tasks.get(settings.task.name);
  const byHand = 'remove the record and give the command that made it.';
  if (!task) {
    throw new UsageError(
      `${settings.task.name} is no task of tasks/, so that its data are not known: ${byHand}`,
    );
  }
  if (settings.start)
    throw new UsageError(`The run began from an adapter, which its record does not name: ${byHand}`);
  const engine = findEngine({
    engine: ran.name,
    device: ran.device,
    threads: threads ?? record.environment.threads,
    precision: settings.precision,
    recompute: ran.recompute,
  });
  const isOwnText = settings.data.form === 'built-in';
  const asked = await findDataSource(data ?? (isOwnText ? 'built-in' : undefined));
  const source = asked ?? { kind: isBuiltin(settings.model.id) ? ('built-in' as const) : ('hub' as const) };
  const { baseWeights } = settings;
  return {
    cells: [cellOf(record, task, methods, source)],
    results: resolve(results),
    base: { ...baseOptions(tokenizer, source), baseWeights },
    engine,
    read: [],
  };
}

function cellOf(
  { settings, method, published }: RunRecord,
  task: Task,
  methods: ReadonlyMap<string, Method>,
  source: Cell['source'],
): Cell {
  const parts = settings.methods.map(({ name, options }) => {
    const found = methods.get(name);
    if (!found) throw new UsageError(`The run is of the method "${name}", which is not in methods/.`);
    return { method: found, options: checkOptions(name, found.options, options) };
  });
  const tuned = published?.recipes.find(isTunedSource);
  return {
    task,
    model: settings.model.id,
    variant: { name: method.variant, label: method.label, parts },
    formerly: method.variant,
    recipe: settings.recipe,
    published: published?.base ?? 'none',
    tuned: tuned === undefined ? undefined : { source: tuned },
    judgedOn: settings.judgedOn,
    origins: { options: parts.map(() => ({})), recipe: {}, seed: 'record', data: 'record' },
    seed: settings.seed,
    source,
    protocol: parseProtocol(settings.protocol.split(' ')),
    precision: settings.precision,
    baseWeights: settings.baseWeights,
    limits: settings.limits,
  };
}

/**
 * Opens the plan's cell and checks that it is the run of the record; throws UsageError where data, base or
 * methods have changed since, so that it would be another run.
 */
export async function checkSameRun(plan: Plan, path: string, record: RunRecord): Promise<PreparedCell> {
  const [prepared] = await prepareCells(plan);
  const { settings, identity, place } = prepared!;
  if (identity !== record.identity) {
    const keys = (Object.keys({ ...record.settings, ...settings }) as (keyof typeof settings)[]).filter(
      (key) => JSON.stringify(record.settings[key]) !== JSON.stringify(settings[key]),
    );
    throw new UsageError(
      `${path} would not be the same run again: its ${keys.join(', ') || 'settings'} ` +
        'are other ones now. --data and --tokenizer say where those that it used lie.',
    );
  }
  if (resolve(place.path) === resolve(path)) return prepared!;
  throw new UsageError(`${path} lies elsewhere than its run would write: at ${place.path}; move it there.`);
}
