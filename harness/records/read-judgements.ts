/** Reads the records of judgements below a results folder, by the answers that were judged. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readBytes } from '../support/read-files.ts';
import { parseJudgement, type JudgementRecord } from './judgement-record.ts';

/**
 * The last rating, or comparison with a reference, of each record of answers, by that record's identity.
 * Comparisons of two models in both orders are left out; so is what is no record that can be used.
 */
export async function lastJudgements(results: string): Promise<Map<string, JudgementRecord>> {
  const folder = join(results, 'judgements');
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const found = new Map<string, JudgementRecord>();
  for (const name of names.filter((one) => one.endsWith('.json')).sort()) {
    const read = parseJudgement(await readBytes(join(folder, name)).then(String, () => ''));
    if (!('record' in read) || read.record.settings.mode === 'mt-bench-pairwise') continue;
    const { identity } = read.record.settings.answers;
    const other = found.get(identity);
    if (!other || other.ended < read.record.ended) found.set(identity, read.record);
  }
  return found;
}
