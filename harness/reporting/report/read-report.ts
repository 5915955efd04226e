/** Reads results folders into a report, and a report's files into the data of its page. */
import { basename, resolve } from 'node:path';
import type { Evaluation } from '../../evaluation/evaluation.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { collectEvaluations } from '../../records/read-evaluations.ts';
import { collectJudgements, readJudgedExamples } from '../../records/read-judgements.ts';
import type { RunRecord } from '../../records/record.ts';
import {
  collectRecords,
  costsBeside,
  readRows,
  together,
  type FoundRecord,
  type Untrusted,
} from '../../records/read-records.ts';
import { parseSteps } from '../../records/beside/step-log.ts';
import { validationMetrics } from '../../records/validation.ts';
import { mainTables } from '../main/main-table.ts';
import type { CostColumn } from '../tables/cost-columns.ts';
import { divergence } from '../tables/diverged.ts';
import { evaluationTables } from './evaluations.ts';
import { markTables, type MarkContext } from './mark-tables.ts';
import { pageData, type PageData } from './page-data.ts';
import { exampleLimit, parsePredictions, type PredictionRow } from './predictions.ts';
import type { Judged, Report } from './report.ts';
import { reportTables, type ReportRow, type ReportRun } from './rows.ts';
import { curvePoints, medianStepTime, thinLosses } from './steps.ts';
import { trialsOf } from './tuning.ts';

/** What a report reads and how it shows it. */
export interface ReportContext extends MarkContext {
  readonly results: readonly string[];
  /** What rows of each folder are called; the folders' own names where absent and there are several. */
  readonly names?: readonly string[] | undefined;
  /** What bases are called, by the id that records have. */
  readonly aliases?: ReadonlyMap<string, string>;
  /** The columns of costs that were asked for. */
  readonly columns?: readonly CostColumn[] | undefined;
  /** The evaluations by name, whose records are shown. */
  readonly evaluations?: ReadonlyMap<string, Evaluation>;
  /** Whether a record is shown; all are where absent. */
  isShown?(record: RunRecord): boolean;
}

/** A report that is still being read, to which files are added that cannot be trusted. */
export type OpenReport = Report & { readonly untrusted: Untrusted[] };

/** Reads all records of results folders and their training logs; throws UsageError if there is no such folder. */
export async function readReport(context: ReportContext): Promise<OpenReport> {
  const { results, split, isShown = () => true } = context;
  const untrusted: Untrusted[] = [];
  const found: (FoundRecord & Pick<ReportRun, 'folder' | 'from'>)[] = [];
  const empty = new Set(results);
  const names = context.names ?? namesOf(results);
  for (const [i, folder] of results.entries()) {
    const from = names[i];
    const read = await collectRecords(folder);
    untrusted.push(...read.untrusted.map((one) => inFolder(one, { folder, from })));
    if (read.records.length > 0) empty.delete(folder);
    for (const { path, record } of read.records) {
      if (isShown(record)) found.push({ path, folder, from, record: shownRecord(record, context) });
    }
  }
  const runs = await together(found, async (one): Promise<ReportRun> => {
    const read = await readSteps(one, found.length);
    const run = { ...one, ...(await costsBeside(one.folder, one)) };
    if (!('reason' in read)) return { ...run, ...read };
    untrusted.push(inFolder(read, one));
    return run;
  });
  const tested = runs.filter(({ record }) => record.settings.judgedOn === undefined);
  const trials = runs.flatMap(({ record }) => (record.settings.judgedOn === undefined ? [] : [record]));
  const marked = await markTables(reportTables(tested, split), context);
  const tables = marked.map((table) => ({ ...table, trials: trialsOf(table, trials, context.taskOf) }));
  const severalTasks = tables.filter(({ model, task }) =>
    tables.some((other) => other.model === model && other.task !== task),
  );
  const main = mainTables(severalTasks, { rows: 'methods', columns: 'tasks', average: true, rank: true });
  const evaluated: EvaluationRecord[] = [];
  for (const folder of results) {
    const read = await collectEvaluations(folder);
    untrusted.push(...read.untrusted);
    if (read.records.length > 0) empty.delete(folder);
    evaluated.push(...read.records.map(({ record }) => record));
  }
  const evaluations = evaluationTables(evaluated, context.evaluations ?? new Map(), tables);
  const judged: Judged[] = [];
  for (const folder of results) {
    const read = await readJudged(folder);
    if (read.judged.length > 0) empty.delete(folder);
    judged.push(...read.judged);
    untrusted.push(...read.untrusted);
  }
  // Of a single folder the command says it.
  if (empty.size < results.length) for (const folder of empty) context.onNote(`${folder} holds no records.`);
  return {
    made: new Date(),
    results: results.join(', '),
    main,
    tables,
    published: [],
    evaluations,
    judged,
    columns: context.columns,
    untrusted,
  };
}

/** Reads the judgements of a folder with the judged answers. */
async function readJudged(folder: string): Promise<{ judged: Judged[]; untrusted: Untrusted[] }> {
  const { records, untrusted } = await collectJudgements(folder);
  const judged: Judged[] = [];
  for (const found of records) {
    const read = await readJudgedExamples(folder, found);
    if ('reason' in read) untrusted.push(read);
    judged.push({ record: found.record, examples: 'reason' in read ? [] : read.examples });
  }
  return { judged, untrusted };
}

/** The names of rows of several folders: the folders' own, or their whole paths where those are equal. */
function namesOf(results: readonly string[]): readonly string[] {
  if (results.length < 2) return [];
  const names = results.map((folder) => basename(resolve(folder)));
  return new Set(names).size === names.length ? names : results;
}

/** A file that cannot be trusted, with its folder where rows have its name. */
function inFolder(
  { path, reason }: Untrusted,
  { folder, from }: Pick<ReportRun, 'folder' | 'from'>,
): Untrusted {
  return { path: from === undefined ? path : `${folder}/${path}`, reason };
}

/** A record as the report shows it: its base by the alias, and the scores of the split that was asked for. */
function shownRecord(record: RunRecord, { aliases, split }: ReportContext): RunRecord {
  const { settings } = record;
  const id = aliases?.get(settings.model.id) ?? settings.model.id;
  return {
    ...record,
    settings: { ...settings, model: { ...settings.model, id } },
    metrics: split === 'validation' ? validationMetrics(record) : record.metrics,
  };
}

/** Reads a training log, or says why it cannot be trusted. */
async function readSteps(
  found: FoundRecord & Pick<ReportRun, 'folder'>,
  runs: number,
): Promise<Pick<ReportRun, 'stepTime' | 'losses' | 'divergence'> | Untrusted> {
  const read = await readRows(found.folder, found, 'steps');
  if (!read) return {};
  if ('reason' in read) return read;
  try {
    const steps = parseSteps(read.rows);
    return {
      stepTime: medianStepTime(steps, found.record.training?.resumedFrom),
      losses: thinLosses(steps, curvePoints(runs)),
      divergence: divergence(steps),
    };
  } catch {
    return { path: found.path, reason: 'its training log has rows of another form' };
  }
}

/** Makes the page's data, with the predictions of each row's finished run of the lowest seed. */
export async function readPage(report: OpenReport): Promise<PageData> {
  const rows = report.tables.flatMap((table) => table.rows);
  const runs = rows.flatMap((row) => row.runs);
  const predictions = new Map<ReportRow, PredictionRow[]>();
  for (const row of rows) {
    const finished = row.runs.filter(({ record }) => record.status === 'finished');
    const [first] = finished.sort((a, b) => a.record.settings.seed - b.record.settings.seed);
    const read = first && (await readRows(first.folder, first, 'predictions'));
    if (!read) continue;
    if ('reason' in read) {
      report.untrusted.push(inFolder(read, first));
      continue;
    }
    try {
      predictions.set(row, parsePredictions(read.rows));
    } catch {
      const reason = 'its predictions have rows of another form';
      report.untrusted.push(inFolder({ path: first.path, reason }, first));
    }
  }
  return pageData(report, predictions, {
    points: curvePoints(runs.length),
    examples: exampleLimit(rows.length),
  });
}
