/** The trials of tuning that belong to a table, as its chart of learning rates shows them. */
import type { Task } from '../../data/examples/task.ts';
import type { RunRecord } from '../../records/record.ts';
import { validationOf } from '../../records/validation.ts';
import { canonicalJson } from '../../support/json/canonical-json.ts';
import type { ReportTable, TableTrials } from './rows.ts';

/**
 * The finished trials on a table's task, data and base, for methods that have a row there. Of trials that
 * differ in their length alone, as on the rungs of halving, the longest counts. Undefined where there are
 * none.
 */
export function trialsOf(
  { rows }: Pick<ReportTable, 'rows'>,
  trials: readonly RunRecord[],
  taskOf: (record: RunRecord) => Task | undefined,
): TableTrials | undefined {
  const first = rows[0]!.runs[0]!.record;
  const task = taskOf(first);
  if (!task) return undefined;
  const longest = new Map<string, RunRecord>();
  for (const record of trials.filter(({ settings }) => placeOf(settings) === placeOf(first.settings))) {
    const { recipe, methods, seed } = record.settings;
    const key = canonicalJson({ methods, seed, recipe: { ...recipe, epochs: 0, maxSteps: 0 } });
    const other = longest.get(key)?.training?.steps ?? -1;
    if ((record.training?.steps ?? 0) > other) longest.set(key, record);
  }
  const found = [...longest.values()].flatMap((record) => {
    const names = namesOf(record);
    const row = rows.find(({ runs }) => namesOf(runs[0]!.record) === names);
    const validation = validationOf(task, record);
    if (!row || !validation) return [];
    const { learningRate } = record.settings.recipe;
    return [{ validation, point: { label: row.row.label, learningRate, value: validation.value } }];
  });
  const [one] = found;
  if (!one) return undefined;
  const { metric, higherIsBetter } = one.validation;
  return { metric, higherIsBetter, points: found.map(({ point }) => point) };
}

const placeOf = ({ task, data, model }: RunRecord['settings']): string =>
  canonicalJson({ task, data, model });

const namesOf = ({ settings }: RunRecord): string => settings.methods.map(({ name }) => name).join('+');
