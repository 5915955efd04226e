import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Recipe } from '../../training/recipe.ts';
import { canonicalJson } from '../../support/canonical-json.ts';
import { addressOf, type Cell, type Plan } from './cell.ts';
import type { RunRecord, Settings } from '../../records/record.ts';
import { readRecord, recordPath } from '../../records/record-files.ts';

/** What a cell would do, said without opening data or base. */
export interface CellPreview {
  readonly state: 'missing' | 'finished' | 'failed';
  /** Of the record, or where it would lie. */
  readonly path: string;
  readonly task: string;
  readonly model: string;
  readonly variant: string;
  readonly methods: Settings['methods'];
  readonly recipe: Recipe;
  /** Where its settings come from; what is absent has its default. */
  readonly origins: Cell['origins'];
  readonly source: Cell['source'];
  readonly limits: Cell['limits'];
  readonly protocol: string;
  readonly precision: Cell['precision'];
  readonly seed: number;
}

/** Says of every cell of a plan which settings it has and whether its record stands, its data and base taken as unchanged. */
export function previewCells(plan: Plan): Promise<CellPreview[]> {
  return Promise.all(plan.cells.map((cell) => previewCell(plan.results, cell)));
}

async function previewCell(results: string, cell: Cell): Promise<CellPreview> {
  const { task, model, variant, formerly, start, recipe, limits, precision, seed } = cell;
  const { origins, source } = cell;
  const protocol = cell.protocol.name;
  const address = addressOf(cell);
  const methods = variant.parts.map(({ method, options }) => ({ name: method.name, options }));
  const wanted = canonicalJson({
    version: task.version,
    methods,
    start: start?.hash,
    recipe,
    limits,
    protocol,
    precision,
    builtIn: cell.source.kind === 'built-in',
  });
  const isThis = ({ settings: s }: RunRecord) =>
    canonicalJson({
      ...{ version: s.task.version, methods: s.methods, start: s.start?.hash, recipe: s.recipe },
      ...{
        limits: s.limits,
        protocol: s.protocol,
        precision: s.precision,
        builtIn: s.data.form === 'built-in',
      },
    }) === wanted;
  const common = {
    ...{ task: task.name, model, variant: variant.name, methods, recipe, origins, source },
    ...{ limits, protocol, precision, seed },
  };
  for (const name of new Set([variant.name, formerly])) {
    const found = await findLike(recordPath(results, { ...address, variant: name }), isThis);
    if (found) return { ...found, ...common };
  }
  return { state: 'missing', path: recordPath(results, address), ...common };
}

/** A record at a path, or beside it under a longer name, that is wanted. */
async function findLike(
  path: string,
  isWanted: (record: RunRecord) => boolean,
): Promise<Pick<CellPreview, 'state' | 'path'> | undefined> {
  const folder = dirname(path);
  const stem = basename(path, '.json');
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(stem) || !/^(~[0-9a-f]+)?\.json$/.test(name.slice(stem.length))) continue;
    const read = await readRecord(join(folder, name));
    if (read && 'record' in read && isWanted(read.record))
      return { state: read.record.status, path: join(folder, name) };
  }
  return undefined;
}
