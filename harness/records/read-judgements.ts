/** Reads the records of judgements below a results folder, and the judged answers beside them. */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256 } from '../support/hash.ts';
import { readBytes } from '../support/read-files.ts';
import { parseJudgedExamples, type JudgedExample } from './beside/judged-examples.ts';
import { parseJudgement, type JudgementRecord } from './judgement-record.ts';
import type { Untrusted } from './read-records.ts';

/** A record of a judgement and the path of its file in the results folder. */
export interface FoundJudgement {
  readonly path: string;
  readonly record: JudgementRecord;
}

/** Whether a file's name is that of a record; what lies beside records has other endings. */
const isRecord = (name: string): boolean => /~[0-9a-f]{8}\.json$/.test(name);

/** A file's text; empty where it is none that can be read. */
const textOf = (path: string): Promise<string> => readBytes(path).then(String, () => '');

/** Reads all records of judgements below a results folder; what is none is listed with the reason. */
export async function collectJudgements(
  results: string,
): Promise<{ records: FoundJudgement[]; untrusted: Untrusted[] }> {
  const names = await readdir(join(results, 'judgements'), { recursive: true }).catch(() => []);
  const records: FoundJudgement[] = [];
  const untrusted: Untrusted[] = [];
  for (const name of names.filter(isRecord).sort()) {
    const path = join('judgements', name);
    const read = parseJudgement(await textOf(join(results, path)));
    if ('record' in read) records.push({ path, record: read.record });
    else untrusted.push({ path, reason: read.reason });
  }
  return { records, untrusted };
}

/**
 * The judged answers beside a record, none where it is of a version that kept none; the reason says why they
 * cannot be trusted.
 */
export async function readJudgedExamples(
  results: string,
  { path, record }: FoundJudgement,
): Promise<{ readonly examples: JudgedExample[] } | Untrusted> {
  const { examples } = record.files;
  if (!examples) return { examples: [] };
  // A name with a folder would lead out of the results.
  const isBeside = !/[/\\]/.test(examples.name);
  const text = isBeside && (await textOf(join(results, dirname(path), examples.name)));
  if (text === false || sha256(text) !== examples.sha256)
    return { path, reason: `its answers, ${examples.name}, are missing or changed` };
  try {
    return { examples: parseJudgedExamples(text) };
  } catch {
    return { path, reason: `its answers, ${examples.name}, have another form` };
  }
}

/**
 * The last rating, or comparison with a reference, of each record of answers, by that record's identity.
 * Comparisons of two models in both orders are left out; so is what is no record that can be used.
 */
export async function lastJudgements(results: string): Promise<Map<string, JudgementRecord>> {
  const found = new Map<string, JudgementRecord>();
  for (const { record } of (await collectJudgements(results)).records) {
    if (record.settings.mode === 'mt-bench-pairwise') continue;
    const { identity } = record.settings.answers;
    const other = found.get(identity);
    if (!other || other.ended < record.ended) found.set(identity, record);
  }
  return found;
}
