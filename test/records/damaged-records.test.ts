// Fuzz test of damaged records: each reads back unchanged or is refused in one line. Changed records with a
// new digest are read or refused by every reader.
import { loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readReport } from '../../harness/reporting/report/read-report.ts';
import { UsageError } from '../../harness/support/errors.ts';
import { recordsCsv, tableCsv } from '../../harness/reporting/report/csv.ts';
import { latexDocument, latexTable } from '../../harness/reporting/report/latex.ts';
import { markdownReport } from '../../harness/reporting/report/markdown.ts';
import { hashJson } from '../../harness/support/json/canonical-json.ts';
import { parseRecord, sealRecord, type RunRecord } from '../../harness/records/record.ts';
import { resultsStatus } from '../../harness/runs/cluster/status.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { changedJson, damagedJson, readDamaged } from '../fuzz.ts';
import { sampleRecord } from './sample-record.ts';

const record = sampleRecord();

test('a damaged record is the same record, or is not trusted', async () => {
  const { accepted, refused } = await readDamaged(damagedJson(record), (bytes) => {
    const read = parseRecord(bytes.toString());
    if ('reason' in read) throw new UsageError(read.reason);
    expect(read.record).toEqual(record);
  });
  expect(refused).toBeGreaterThan(accepted);
});

const tasks = await loadTasks();

/** Seals a changed record with a digest of its new content; values of another form stay unsealed. */
function sealed(changed: unknown): string {
  const isRecord = typeof changed === 'object' && changed !== null && 'settings' in changed;
  if (!isRecord) return JSON.stringify(changed);
  const rest = { ...changed } as Partial<RunRecord>;
  delete rest.digest;
  return JSON.stringify(sealRecord({ ...(rest as RunRecord), identity: hashJson(rest.settings) }));
}

test('a record that was changed and sealed again is read by the report and the status, or refused', async () => {
  const results = await temporaryFolder();
  const path = join(results, 'copy', 'tiny', 'red', 'seed-42.json');
  await mkdir(dirname(path), { recursive: true });
  await writeFile(join(dirname(path), 'seed-43.json'), JSON.stringify(sampleRecord({}, 43)));
  await readDamaged(changedJson(record), async (changed) => {
    await writeFile(path, sealed(changed));
    const report = await readReport({
      results: [results],
      split: 'test',
      taskOf: ({ settings }) => tasks.get(settings.task.name),
      onNote: () => undefined,
    });
    const texts = [markdownReport(report), latexDocument(report), recordsCsv(report)];
    const tables = report.tables.flatMap((table) => [latexTable(table), tableCsv(table)]);
    expect([...texts, ...tables]).not.toContain('');
    await resultsStatus(results);
  });
});
