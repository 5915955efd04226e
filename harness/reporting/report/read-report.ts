/** Reads a results folder into a report and the data of its page. */
import { divergence } from '../tables/diverged.ts';
import { pageData, type PageData } from './page-data.ts';
import { exampleLimit, parsePredictions, type PredictionRow } from './predictions.ts';
import type { Report } from './report.ts';
import { reportTables, type ReportRow, type ReportRun } from './rows.ts';
import { trialsOf } from './tuning.ts';
import { curvePoints, medianStepTime, thinLosses } from './steps.ts';
import {
  collectRecords,
  readRows,
  together,
  type FoundRecord,
  type Untrusted,
} from '../../records/read-records.ts';
import { parseSteps } from '../../records/step-log.ts';
import { markTables, type ReportContext } from './mark-tables.ts';

/**
 * Reads all records of a results folder, their training logs, and the predictions that the page shows; throws
 * UsageError if there is no such folder.
 */
export async function readReport(context: ReportContext): Promise<{ report: Report; page: PageData }> {
  const { results } = context;
  const { records, untrusted } = await collectRecords(results);
  const runs = await together(records, async (found): Promise<ReportRun> => {
    const steps = await readSteps(results, found, records.length, untrusted);
    return { ...found, ...steps };
  });
  const tested = runs.filter(({ record }) => record.settings.judgedOn === undefined);
  const trials = runs.flatMap(({ record }) => (record.settings.judgedOn === undefined ? [] : [record]));
  const marked = await markTables(reportTables(tested), context);
  const tables = marked.map((table) => ({ ...table, trials: trialsOf(table, trials, context.taskOf) }));
  const report = { made: new Date(), results, tables, untrusted };
  return { report, page: await readPage(report) };
}

/** Reads the training logs; a log that cannot be trusted is listed. */
async function readSteps(
  results: string,
  found: FoundRecord,
  runs: number,
  untrusted: Untrusted[],
): Promise<Pick<ReportRun, 'stepTime' | 'losses' | 'divergence'>> {
  const read = await readRows(results, found, 'steps');
  if (!read) return {};
  if ('reason' in read) {
    untrusted.push(read);
    return {};
  }
  try {
    const steps = parseSteps(read.rows);
    return {
      stepTime: medianStepTime(steps, found.record.training?.resumedFrom),
      losses: thinLosses(steps, curvePoints(runs)),
      divergence: divergence(steps),
    };
  } catch {
    untrusted.push({ path: found.path, reason: 'its training log has rows of another form' });
    return {};
  }
}

/** Makes the page's data, with the predictions of each row's finished run of the lowest seed. */
async function readPage(report: Report & { untrusted: Untrusted[] }): Promise<PageData> {
  const rows = report.tables.flatMap((table) => table.rows);
  const runs = rows.flatMap((row) => row.runs);
  const predictions = new Map<ReportRow, PredictionRow[]>();
  for (const row of rows) {
    const finished = row.runs.filter(({ record }) => record.status === 'finished');
    const [first] = finished.sort((a, b) => a.record.settings.seed - b.record.settings.seed);
    const read = first && (await readRows(report.results, first, 'predictions'));
    if (!read) continue;
    if ('reason' in read) {
      report.untrusted.push(read);
      continue;
    }
    try {
      predictions.set(row, parsePredictions(read.rows));
    } catch {
      report.untrusted.push({ path: first.path, reason: 'its predictions have rows of another form' });
    }
  }
  return pageData(report, predictions, {
    points: curvePoints(runs.length),
    examples: exampleLimit(rows.length),
  });
}
