/** What `intrinsic` prints: the score of every dimension beside full fine-tuning, and d90 with its limits. */
import { layoutTable } from '../../../reporting/tables/layout-text.ts';
import type { IntrinsicDimension, Measured } from '../../../runs/tune/intrinsic-dimension.ts';
import type { PlannedTuning } from '../../../runs/tune/tune.ts';
import { counted } from '../../../support/counted.ts';
import { groupBy } from '../../../support/group-by.ts';
import { heading } from '../output.ts';

const score = (value: number): string => value.toPrecision(4);
const inGroups = (n: number): string => n.toLocaleString('en');

/** A table for a task and base, and a line for each variant of the method. */
export function intrinsicText(found: IntrinsicDimension, width: number): string {
  const { task, model, metric, full, none, variants } = found;
  const measured = [full, none, ...variants.flatMap((variant) => variant.measured)];
  const hasSettings = measured.some(({ settings }) => settings.length > 0);
  const share = ({ value }: Measured): string =>
    value === undefined || !full.value || full.value < 0
      ? '–'
      : `${((100 * value) / full.value).toFixed(1)} %`;
  const rows = measured.map((one) => [
    nameOf(one),
    one.dimension === undefined ? 'all' : inGroups(one.dimension),
    one.value === undefined ? missing(one) : score(one.value),
    share(one),
    ...(hasSettings ? [one.settings.join(' ')] : []),
  ]);
  const header = ['method', 'dimension', metric, 'of FT', ...(hasSettings ? ['best'] : [])];
  const title = heading(`${task} · ${model}, intrinsic dimension on validation`);
  return [`${title}\n\n${layoutTable({ header, rows, names: 1 }, width)}`, ...conclusions(found)].join(
    '\n\n',
  );
}

const nameOf = ({ method }: Measured): string =>
  ({ full: 'FT', none: 'Frozen base' })[method] ?? method.replace(/[~,]dimension=\d+$/, '');

/** A frozen base that writes its answers is never validated. */
const missing = ({ method }: Measured): string => (method === 'none' ? '–' : 'failed');

/** What the table says of each variant, in whole sentences. */
function conclusions({ full, none, threshold, variants, metric }: IntrinsicDimension): string[] {
  if (threshold === undefined) {
    return [
      full.value === undefined
        ? 'd90 is unknown, since full fine-tuning failed.'
        : `d90 is not defined: FT's ${metric}, ${score(full.value)}, is not above 0.`,
    ];
  }
  const target = `${score(threshold)}, 90 % of FT's ${score(full.value!)}`;
  const lines = variants.map(({ method, measured, d90 }) => {
    const [smallest, largest] = [measured[0]!.dimension!, measured.at(-1)!.dimension!];
    if (d90 === undefined)
      return `d90 of ${method} is above ${inGroups(largest)}: none tried reaches ${target}.`;
    const misses = measured.filter(
      ({ dimension, value = -Infinity }) => dimension! > d90 && value < threshold,
    );
    const larger = misses.map(({ dimension }) => inGroups(dimension!)).join(', ');
    const place = `${d90 === smallest ? 'at most ' : ''}${inGroups(d90)}`;
    return (
      `d90 of ${method} is ${place}, the smallest tried that reaches ${target}.` +
      (larger && ` Not every larger one does (${larger}): more --seeds would tell whether that is chance.`)
    );
  });
  const trivial = none.value !== undefined && none.value >= threshold;
  return [
    ...lines,
    ...(trivial ? [`The frozen base reaches ${target}, too: d90 says little of this task and base.`] : []),
  ];
}

/** What a dry run says: the trials of each task and base. */
export function plannedIntrinsicText(
  planned: readonly PlannedTuning[],
  seeds: number,
  width: number,
): string {
  const groups = groupBy(planned, ({ task, model }) => `${task} · ${model}, would be trained and validated`);
  return [...groups]
    .map(([title, group]) => {
      const rows = group.map(({ method, budget }) => [method, budget]);
      const each = `${counted(seeds, 'seed')} a trial`;
      return `${heading(title)}\n\n${each}\n\n${layoutTable({ header: ['method', 'budget'], rows, names: 2 }, width)}`;
    })
    .join('\n\n');
}
