/**
 * What a dry run prints: the cells that would run, and every setting with its value and where it comes from.
 */
import { groupBy } from '../../support/group-by.ts';
import { formatValue } from '../../runs/plan/variants/option-values.ts';
import type { CellPreview } from '../../runs/plan/preview.ts';
import { columns, heading } from './output.ts';

/**
 * A block for each variant on a task and base: the states of its seeds, its settings, and what `memoryOf` tells
 * of its first cell.
 */
export function dryRunText<Cell extends CellPreview>(
  cells: readonly Cell[],
  memoryOf?: (cell: Cell) => string,
): string {
  const groups = groupBy(cells, ({ task, model, variant }) => JSON.stringify([task, model, variant]));
  const memoryText = ([first]: readonly Cell[]): string =>
    memoryOf ? `\n\nmemory, estimated\n${memoryOf(first!)}` : '';
  return [...groups.values()].map((group) => blockText(group) + memoryText(group)).join('\n\n');
}

function blockText(group: readonly CellPreview[]): string {
  const { task, model, variant } = group[0]!;
  return [
    heading(`${task} · ${model} · ${variant}`),
    columns(group.map(({ state, path }) => [state, path])),
    '',
    columns([['setting', 'value', 'from'], ...settingRows(group[0]!), seedRow(group)]),
  ].join('\n');
}

function settingRows({
  methods,
  recipe,
  origins,
  source,
  limits,
  protocol,
  precision,
}: CellPreview): string[][] {
  const row = (key: string, value: unknown, from = 'default'): string[] => [key, formatValue(value), from];
  return [
    ...methods.flatMap(({ name, options }, i) =>
      Object.entries(options).map(([key, value]) => row(`${name}.${key}`, value, origins.options[i]![key])),
    ),
    ...Object.entries(recipe).map(([key, value]) => row(key, value, origins.recipe[key])),
    row('data', 'path' in source ? source.path : source.kind, origins.data),
    ...(limits.examples === null ? [] : [row('limit', limits.examples, '--limit')]),
    row('protocol', protocol, protocol === 'recommended' ? 'default' : '--protocol'),
    row('precision', precision, precision === 'float32' ? 'default' : '--precision'),
  ];
}

function seedRow(group: readonly CellPreview[]): string[] {
  return ['seeds', group.map(({ seed }) => seed).join(', '), group[0]!.origins.seed];
}
