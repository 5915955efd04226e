/**
 * Reads records of evaluations and the files of samples beside them. Nothing is used before its hash is
 * checked.
 */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { errorCode, UsageError } from '../support/errors.ts';
import { sha256 } from '../support/hash.ts';
import { readBytes } from '../support/read-files.ts';
import { parseEvaluation, type EvaluationRecord } from './evaluation-record.ts';
import { obstacle } from './record-files.ts';

/**
 * The samples' entry for one document: its scores by measure, and fields that depend on the kind of
 * evaluation.
 */
const sampleSchema = z.looseObject({ document: z.int().min(0) });
/** A document's entry in the file of samples. */
export type Sample = z.infer<typeof sampleSchema>;

/** Whether a file's name is that of a record; answers and samples beside records have other endings. */
const isRecord = (name: string): boolean => /~[0-9a-f]{8}\.json$/.test(name);

/** A record and the path of its file. */
export interface FoundEvaluation {
  readonly path: string;
  readonly record: EvaluationRecord;
}

/**
 * Reads the record in a file; undefined if there is no file. Throws UsageError if the file holds no valid
 * record.
 */
export async function readEvaluation(path: string): Promise<EvaluationRecord | undefined> {
  let text: string;
  try {
    text = String(await readBytes(path));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw errorCode(error) === 'ENOTDIR' ? await obstacle(dirname(path)) : error;
  }
  const read = parseEvaluation(text);
  if ('record' in read) return read.record;
  throw new UsageError(
    `${path} is no record that can be used: ${read.reason}. Move it away, or use another --results.`,
  );
}

/**
 * Finds the finished evaluations in a record's file or in a folder of records; throws UsageError if there is
 * none.
 */
export async function findEvaluations(place: string): Promise<FoundEvaluation[]> {
  const isFolder = await stat(place).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const names = isFolder ? (await readdir(place)).filter(isRecord).sort() : [];
  const paths = isFolder ? names.map((name) => join(place, name)) : [place];
  const found: FoundEvaluation[] = [];
  for (const path of paths) {
    const record = await readEvaluation(path);
    if (!record && !isFolder) throw new UsageError(`${path}: there is no such file.`);
    if (record?.status === 'finished') found.push({ path, record });
  }
  if (found.length > 0) return found;
  throw new UsageError(
    `${place} holds no finished evaluation; ` +
      'give a record, results/evaluations/MODEL/METHOD/NAME.json, or a folder of them.',
  );
}

/** Reads all records of evaluations below a results folder; what is none is listed with the reason. */
export async function collectEvaluations(
  results: string,
): Promise<{ records: FoundEvaluation[]; untrusted: { path: string; reason: string }[] }> {
  const folder = join(results, 'evaluations');
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const records: FoundEvaluation[] = [];
  const untrusted: { path: string; reason: string }[] = [];
  for (const name of names.filter(isRecord).sort()) {
    const read = parseEvaluation(await readBytes(join(folder, name)).then(String, () => ''));
    if ('record' in read) records.push({ path: join('evaluations', name), record: read.record });
    else untrusted.push({ path: join('evaluations', name), reason: read.reason });
  }
  return { records, untrusted };
}

/**
 * Reads a record's samples, in the order of documents; throws UsageError if they are missing or their hash
 * differs from the record's.
 */
export async function readSamples({ path, record }: FoundEvaluation): Promise<Sample[]> {
  const { samples } = record.files;
  const file = join(dirname(path), samples?.name ?? '');
  const text =
    samples && !samples.name.includes('/') ? await readBytes(file).then(String, () => undefined) : undefined;
  if (text === undefined)
    throw new UsageError(`${path}: its samples are missing; evaluate again with another --results.`);
  if (sha256(text) !== samples!.sha256)
    throw new UsageError(
      `${file} is not what ${path} was written with; evaluate again with another --results.`,
    );
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => sampleSchema.parse(JSON.parse(line)));
}
