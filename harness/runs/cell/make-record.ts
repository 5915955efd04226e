/** Makes the record of a cell that has ended, whether it finished or failed. */
import { isEmulated } from '../../engine/types.ts';
import { describeEnvironment } from '../../records/environment.ts';
import { type RunRecord, sealRecord } from '../../records/record.ts';
import { answersOf } from '../plan/variants/variant.ts';
import type { RunResults } from './save-results.ts';
import type { PreparedCell } from './prepare-cells.ts';
import { describePublished } from './published-recipe.ts';

/** Makes and seals the record of a run that ends now. */
export async function makeRecord(
  run: PreparedCell,
  ended: Pick<RunRecord, 'error' | 'peakMemoryBytes' | 'peakDeviceBytes' | 'engine' | 'code'> & {
    readonly started: Date;
    readonly results: RunResults;
    readonly threads: number;
  },
): Promise<RunRecord> {
  const { cell, place, settings, identity } = run;
  const { error, results, started, threads, peakMemoryBytes, peakDeviceBytes, engine, code } = ended;
  const { trained, head, all } = run.counts;
  const answers = answersOf(cell.variant);
  const emulated = isEmulated(settings.precision, engine.device);
  return sealRecord({
    schema: 1,
    identity,
    settings,
    status: error ? 'failed' : 'finished',
    ...(error && { error }),
    attempt: (place.record?.attempt ?? 0) + 1,
    started: started.toISOString(),
    ended: new Date().toISOString(),
    method: { variant: cell.variant.name, label: cell.variant.label, ...(answers && { answers }) },
    family: run.base.family,
    published: describePublished(cell, run.base.family),
    parameters: { trained, head, all },
    ...(cell.task.kind === 'label' && cell.task.classes && { classes: [...cell.task.classes] }),
    ...results,
    peakMemoryBytes,
    ...(peakDeviceBytes !== undefined && { peakDeviceBytes }),
    engine: { ...engine, ...(emulated && { emulated: true as const }) },
    code,
    environment: await describeEnvironment(threads),
  });
}
