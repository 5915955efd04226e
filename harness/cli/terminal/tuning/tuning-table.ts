/** What `tune` prints of its trials: a table of what was chosen, and warnings of choices at an edge. */
import { counted } from '../../../support/counted.ts';
import { groupBy } from '../../../support/group-by.ts';
import { layoutTable } from '../../../reporting/tables/layout-text.ts';
import type { PlannedTuning, TunedMethod } from '../../../runs/tune/tune.ts';
import type { Position } from '../../../runs/tune/space.ts';
import { heading } from '../output.ts';

/** A table for each task and base: trials, budget, the best one's validation, its settings and their places. */
export function tuningTable(found: readonly TunedMethod[], width: number): string {
  const groups = groupBy(found, ({ task, model }) => `${task} · ${model}, tuned on validation`);
  return [...groups]
    .map(([title, group]) => {
      const validation = group.find(({ best }) => best)?.best?.validation;
      const header = ['method', 'budget', 'failed', validation?.metric ?? 'validation', 'best', 'place'];
      const rows = group.map(({ label, budget, failed, best }) => [
        label,
        budget,
        String(failed),
        best ? best.validation.value.toPrecision(4) : '–',
        best ? best.positions.map(({ key, value }) => `${key}=${value}`).join(' ') : 'all failed',
        best ? best.positions.map(placeOf).join(', ') : '–',
      ]);
      return `${heading(title)}\n\n${layoutTable({ header, rows, names: 1 }, width)}`;
    })
    .join('\n\n');
}

/** What a dry run says: for each task and base the rungs, and every trial of each method. */
export function plannedTuningText(
  planned: readonly PlannedTuning[],
  seedsPerTrial: number,
  width: number,
): string {
  const groups = groupBy(planned, ({ task, model }) => `${task} · ${model}, would be tuned on validation`);
  return [...groups]
    .map(([title, group]) => {
      const stages = group[0]!.rungs.map(
        ({ trials, share }) =>
          `${counted(trials, 'trial')}${share === 1 ? '' : ` of ${(100 * share).toPrecision(3)} % length`}`,
      );
      const rows = group.flatMap(({ label, budget, trials }) =>
        trials.map((point, i) => [
          i === 0 ? label : '',
          i === 0 ? budget : '',
          Object.entries(point)
            .map(([key, value]) => `${key}=${value}`)
            .join(' '),
        ]),
      );
      const table = layoutTable({ header: ['method', 'budget', 'trial'], rows, names: 3 }, width);
      const seeds = `${counted(seedsPerTrial, 'seed')} a trial`;
      return `${heading(title)}\n\n${stages.join(', then ')} of each method, ${seeds}\n\n${table}`;
    })
    .join('\n\n');
}

/** `3 of 7`; a dash where values have no order. */
function placeOf({ place, of }: Position): string {
  return place === undefined ? '–' : `${place} of ${of}`;
}

/** A line for each choice at the edge of what was tried. */
export function edgeWarnings(found: readonly TunedMethod[]): string[] {
  return found.flatMap(({ task, model, label, best }) =>
    (best?.positions ?? []).flatMap(({ key, value, edge }) =>
      edge === undefined
        ? []
        : [
            `${task} on ${model}: the best ${key} of ${label}, ${value}, is the ${edge} of those tried; ` +
              'a wider --space may hold a better one.',
          ],
    ),
  );
}
