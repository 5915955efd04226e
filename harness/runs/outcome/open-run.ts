/**
 * Opens a finished run by its record, with its base and the tensors that it trained, for export, merge and
 * eval.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../../support/errors.ts';
import { hashFile } from '../../support/hash.ts';
import { isFile } from '../../support/read-files.ts';
import { openSafetensors, type Safetensors } from '../../data/formats/safetensors.ts';
import type { DataSource } from '../../data/examples/task.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { TrainedTensors } from '../../decoding/programs.ts';
import type { StoredTensors } from '../../exchange/adapter.ts';
import { isOfHead, readBy } from '../../models/delta/heads.ts';
import { shapesOfValues } from '../../models/delta/trained-tensors.ts';
import type { Values } from '../../models/edits.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { attachMethods } from '../cell/attach-method.ts';
import { checkOptions } from '../plan/variants/option-values.ts';
import type { FetchOptions } from '../../data/hub/connection.ts';
import { baseOptions } from '../plan/data-source.ts';
import { loadMethods } from '../plan/load-plugins.ts';
import type { RunRecord } from '../../records/record.ts';
import { readRecord } from '../../records/record-files.ts';
import type { VariantPart } from '../plan/variants/variant.ts';

/** A finished run and the tensors that it trained. */
export interface TrainedRun {
  readonly record: RunRecord;
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  readonly parts: readonly VariantPart[];
  readonly delta: Delta;
  /** The values of trained tensors (with the base's own), frozen tensors and state, by name. */
  readonly values: Values;
  /** The tensors of the task's head, where the run trained one. */
  readonly head: StoredTensors;
}

/** Where the base and the tokenizer of a run lie now, if no longer where the record says. */
export interface TrainedRunOptions {
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  /** Where data were asked from: a folder may hold a random base's tokenizer. */
  readonly source?: DataSource | undefined;
  readonly fetching?: FetchOptions;
}

/**
 * Opens a run by its record, seed-<n>.json with its .safetensors beside it; throws UsageError where the run
 * failed, or record, tensors and base do not belong together.
 */
export async function openTrainedRun(path: string, options: TrainedRunOptions = {}): Promise<TrainedRun> {
  const { record, parts } = await readTrainedRun(path);
  const file = await findTensors(path, record);
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const { id, hash, tokenizer: tokenizerHash } = record.settings.model;
  const whole = await loadBase(options.model ?? id, {
    ...baseOptions(options.tokenizer, options.source),
    ...options.fetching,
    weights: true,
    // Null is float32, also of a checkpoint that is in four bits.
    baseWeights: record.settings.baseWeights ?? null,
  });
  const tensors = await openSafetensors(file);
  // A base that writes had no prediction of tokens where it was trained under a head of classes.
  const isUnderHead =
    whole.architecture.kind !== 'encoder' &&
    [...tensors.tensors.keys()].some((name) => isOfHead(name, whole.architecture));
  const base = isUnderHead ? readBy({ reads: {} }, whole) : whole;
  const { variant } = record.method;
  const delta = await attachMethods({ name: variant, parts }, base);
  if ((await base.hash()) !== hash) {
    throw new UsageError(
      `${path}: the run trained on other weights than ${base.id} has now; ` +
        `give the base that it used with --model.`,
    );
  }
  const tokenizer = await base.tokenizer();
  if (tokenizer.hash !== tokenizerHash) {
    throw new UsageError(
      `${path}: the run used another tokenizer than ${base.id} has here; give it with --tokenizer DIR.`,
    );
  }
  return { record, base, tokenizer, parts, delta, ...(await readValues(tensors, base, delta)) };
}

/** A run's trained, frozen and state tensors with their shapes, as decoding takes them. */
export function tensorsOf({ base, delta, values }: TrainedRun): TrainedTensors {
  const shapes = Object.entries(shapesOfValues(base, delta));
  return Object.fromEntries(shapes.map(([name, shape]) => [name, { shape, data: values[name]! }]));
}

/**
 * Reads a finished run's record and its methods, without base and tensors; throws UsageError where the run
 * failed or its methods are not here.
 */
export async function readTrainedRun(path: string): Promise<Pick<TrainedRun, 'record' | 'parts'>> {
  const record = await readFinished(path);
  if (!record.files.tensors) throw new UsageError(`${path} names no file of trained tensors.`);
  return { record, parts: await findParts(path, record) };
}

async function readFinished(path: string): Promise<RunRecord> {
  if (!path.endsWith('.json') || !(await isFile(path))) throw new UsageError(await noRecord(path));
  const read = await readRecord(path);
  if (!read) throw new UsageError(await noRecord(path));
  if ('reason' in read) throw new UsageError(`${path} is no record that can be used: ${read.reason}.`);
  const { record } = read;
  if (record.status === 'finished') return record;
  const why = record.error ? `: ${record.error.name}: ${record.error.message}` : '';
  throw new UsageError(`${path} is a run that failed${why}; there is nothing trained to use.`);
}

/**
 * The message for a path that is no record: what is expected, and the records that lie there or beside it.
 */
async function noRecord(path: string): Promise<string> {
  const entry = await stat(path).catch(() => undefined);
  const what = entry?.isDirectory()
    ? `${path} is a folder`
    : entry
      ? `${path} is no record`
      : `There is no record ${path}`;
  const folder = entry?.isDirectory() ? path : dirname(path);
  const below = await readdir(folder, { recursive: true }).catch(() => []);
  const records = below.filter((name) => /(^|\/)seed-\d+(~[0-9a-f]+)?\.json$/.test(name)).sort();
  const some = records
    .slice(0, 5)
    .map((name) => join(folder, name))
    .join(', ');
  const list =
    records.length === 0 ? '' : ` ${records.length > 5 ? `Of ${records.length} there` : 'There'}: ${some}.`;
  return `${what}; give a run's record, seed-<n>.json under results/.${list}`;
}

async function findTensors(path: string, { files }: RunRecord): Promise<string> {
  // A record from elsewhere may name any path: only a file beside it is read.
  const file = join(dirname(path), basename(files.tensors!.name));
  if (!(await isFile(file))) {
    throw new UsageError(`${path} has no ${basename(file)} beside it, which holds its trained tensors.`);
  }
  if ((await hashFile(file)) === files.tensors!.sha256) return file;
  throw new UsageError(`${file} is not what the run wrote: its sha256 is not the record's.`);
}

async function findParts(path: string, { settings }: RunRecord): Promise<VariantPart[]> {
  const methods = await loadMethods();
  return settings.methods.map(({ name, options }) => {
    const method = methods.get(name);
    if (!method) throw new UsageError(`${path} is a run of the method "${name}", which is not in methods/.`);
    return { method, options: checkOptions(name, method.options, options) };
  });
}

async function readValues(
  file: Safetensors,
  base: BaseModel,
  delta: Delta,
): Promise<Pick<TrainedRun, 'values' | 'head'>> {
  const shapes = shapesOfValues(base, delta);
  const values: Record<string, Float32Array> = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const stored = file.tensors.get(name)?.shape;
    if (stored?.join() !== shape.join()) {
      const found = stored ? `the shape [${stored.join(', ')}]` : 'no values';
      throw new UsageError(
        `${file.path} gives "${name}" ${found}; the method wants [${shape.join(', ')}]. ` +
          `The method's file has changed since the run.`,
      );
    }
    values[name] = await file.read(name);
  }
  const head: Record<string, StoredTensors[string]> = {};
  for (const [name, { shape }] of file.tensors) {
    if (!(name in shapes)) head[name] = { shape, data: await file.read(name) };
  }
  return { values, head };
}
