/**
 * Says what each cell of a plan would do, for --dry-run and reproduce. It opens neither data nor base: a
 * record counts as a cell's where all settings but their hashes agree.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readRecord, recordPath } from '../../records/record-files.ts';
import type { RunRecord, Settings } from '../../records/record.ts';
import { canonicalJson } from '../../support/json/canonical-json.ts';
import type { Recipe } from '../../training/recipe.ts';
import { addressOf, type Cell, type Plan } from './cell.ts';

/** The settings of a cell, and whether it has a record. */
export interface CellPreview {
  readonly state: 'missing' | 'finished' | 'failed';
  /** Where its record lies, or would lie. */
  readonly path: string;
  readonly task: string;
  readonly model: string;
  readonly variant: string;
  readonly methods: Settings['methods'];
  readonly recipe: Recipe;
  /** Where its settings come from; those that are absent have their defaults. */
  readonly origins: Cell['origins'];
  readonly source: Cell['source'];
  readonly limits: Cell['limits'];
  readonly protocol: string;
  readonly precision: Cell['precision'];
  readonly seed: number;
}

/** Says of every cell of a plan which settings it has and whether its record stands. */
export function previewCells(plan: Plan): Promise<CellPreview[]> {
  return Promise.all(plan.cells.map((cell) => previewCell(plan.results, cell)));
}

async function previewCell(results: string, cell: Cell): Promise<CellPreview> {
  const { task, model, variant, recipe, limits, precision, seed, origins, source } = cell;
  const settings = {
    task: task.name,
    model,
    variant: variant.name,
    methods: methodsOf(cell),
    recipe,
    origins,
    source,
    limits,
    protocol: cell.protocol.name,
    precision,
    seed,
  };
  return { ...(await findState(results, cell)), ...settings };
}

/** Finds the record of a cell under the names that it may have. */
async function findState(results: string, cell: Cell): Promise<Pick<CellPreview, 'state' | 'path'>> {
  const address = addressOf(cell);
  const expected = comparableCell(cell);
  for (const name of new Set([cell.variant.name, cell.formerly])) {
    const path = recordPath(results, { ...address, variant: name });
    const found = await findRecord(
      path,
      (record) => comparableRecord(record) === expected && isOfData(cell, record),
    );
    if (found) return found;
  }
  return { state: 'missing', path: recordPath(results, address) };
}

/** Whether a record may be of a cell's data: that of the user's own data sets is read already. */
function isOfData({ task }: Cell, { settings }: RunRecord): boolean {
  return task.data === undefined || task.data.hash === settings.data.hash;
}

const methodsOf = ({ variant }: Cell): Settings['methods'] =>
  variant.parts.map(({ method, options }) => ({ name: method.name, options }));

/** The settings of a cell that a record has too, as text. */
function comparableCell(cell: Cell): string {
  const { task, start, recipe, limits, protocol, precision, baseWeights, source } = cell;
  return canonicalJson({
    version: task.version,
    methods: methodsOf(cell),
    start: start?.hash,
    recipe,
    limits,
    protocol: protocol.name,
    precision,
    judgedOn: cell.judgedOn,
    baseWeights: baseWeights ?? undefined,
    builtIn: source.kind === 'built-in',
  });
}

/** The settings of a record that a cell has before its data and base are opened, as text. */
function comparableRecord({ settings }: RunRecord): string {
  const { task, methods, start, recipe, limits, protocol, precision, baseWeights, data, judgedOn } = settings;
  return canonicalJson({
    version: task.version,
    methods,
    start: start?.hash,
    recipe,
    limits,
    protocol,
    precision,
    judgedOn,
    baseWeights,
    builtIn: data.form === 'built-in',
  });
}

/** Finds a matching record at a path, or beside it under a name with a hash (`seed-42~1a2b3c4d.json`). */
async function findRecord(
  path: string,
  matches: (record: RunRecord) => boolean,
): Promise<Pick<CellPreview, 'state' | 'path'> | undefined> {
  const folder = dirname(path);
  const stem = basename(path, '.json');
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(stem) || !/^(~[0-9a-f]+)?\.json$/.test(name.slice(stem.length))) continue;
    const read = await readRecord(join(folder, name));
    if (read && 'record' in read && matches(read.record))
      return { state: read.record.status, path: join(folder, name) };
  }
  return undefined;
}
