/** Reads a run by the path of its record, with the files beside it. `bench diff` and `bench rerun` use it. */
import { dirname } from 'node:path';
import { costsBeside, readParsed } from '../../records/read-records.ts';
import { readRecord } from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { parseSteps } from '../../records/beside/step-log.ts';
import { UsageError } from '../../support/errors.ts';
import { parsePredictions } from '../report/predictions.ts';
import { medianStepTime } from '../report/steps.ts';
import type { DiffRun } from './diff-runs.ts';

/** Reads a record; throws UsageError where there is none, or it cannot be trusted. */
export async function readRunRecord(path: string): Promise<RunRecord> {
  const read = await readRecord(path);
  if (read === undefined) {
    throw new UsageError(`There is no record ${path}; give a run's record, results/…/seed-42.json.`);
  }
  if ('reason' in read) throw new UsageError(`${path} is no record that can be used: ${read.reason}.`);
  return read.record;
}

/** Reads a run; files beside the record that are missing or cannot be trusted are left out. */
export async function readRun(path: string): Promise<DiffRun> {
  const record = await readRunRecord(path);
  const found = { path, record };
  const steps = await readParsed('', found, 'steps', parseSteps);
  return {
    record,
    stepTime: steps && medianStepTime(steps, record.training?.resumedFrom),
    ...(await costsBeside('', found)),
    predictions: await readParsed('', found, 'predictions', parsePredictions),
  };
}

/** The results folder of a record's path: results/<task>/<model>/<variant>/seed-<n>.json. */
export function resultsOf(path: string): string {
  return dirname(dirname(dirname(dirname(path))));
}
