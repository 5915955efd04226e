/**
 * The folder of a pretrained base, `<out>`, and the working folder beside it, `<out>.work`, which holds the
 * tokenizer and the checkpoints until the base is finished. Neither is touched where it holds something else.
 */
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeSafetensors } from '../../data/formats/safetensors.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { makeFolder, writeFileAtomic, writeFolderAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { isFile, readBytes, readJson } from '../../support/read-files.ts';
import type { TrainingResult } from '../../training/loop/job.ts';
import { baseReadme, type DescribedBase } from './base-readme.ts';
import { recordSchema, type PretrainRecord } from './pretrain-record.ts';
import { dtypes, type Dtype } from './pretrain-settings.ts';

/**
 * The record of a finished base with these settings; undefined where the folder is free. Throws UsageError
 * else.
 */
export async function findFinished(out: string, identity: string): Promise<PretrainRecord | undefined> {
  const path = join(out, 'pretraining.json');
  if (await isFile(path)) {
    const parsed = recordSchema.safeParse(await readJson(path));
    if (parsed.success && parsed.data.identity === identity) return parsed.data;
    throw new UsageError(`${out} holds a base of other settings; remove it or choose another --out.`);
  }
  if (await isFile(join(out, 'config.json'))) {
    throw new UsageError(`${out} holds another base; remove it or choose another --out.`);
  }
  return undefined;
}

/** Empties the working folder unless it holds the beginning of this base; throws UsageError if of another. */
export async function clearWork(work: string, identity: string): Promise<void> {
  const path = join(work, 'identity');
  if (await isFile(path)) {
    const found = String(await readBytes(path)).trim();
    if (found === identity) return;
    // A file that holds no identity belongs to no base, so that its folder may be emptied.
    if (/^[0-9a-f]{64}$/.test(found))
      throw new UsageError(
        `${work} holds the beginning of a base of other settings; remove it or choose another --out.`,
      );
  }
  await rm(work, { recursive: true, force: true });
  await makeFolder(work);
}

/** Says of the working folder which base it is of, once the settings are known to serve. */
export function claimWork(work: string, identity: string): Promise<void> {
  return writeFileAtomic(join(work, 'identity'), `${identity}\n`);
}

/** A base as it has been trained. */
export interface FinishedBase extends DescribedBase {
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  readonly tensors: TrainingResult['tensors'];
  readonly dtype: Dtype;
}

/** The largest number that is finite in float16. */
const LARGEST_HALF = 65_504;

/**
 * Writes a base in Hugging Face layout, with its record and a README; throws UsageError where a weight
 * overflows.
 */
export async function writeBase(out: string, finished: FinishedBase): Promise<void> {
  const { base, tokenizer, tensors, dtype, record } = finished;
  if (dtype === 'float16') checkRange(tensors);
  const { bos_token_id, eos_token_id, pad_token_id, decoder_start_token_id } = base.config;
  await writeFolderAtomic(out, async (folder) => {
    await mkdir(folder, { recursive: true });
    const weights = join(folder, 'model.safetensors');
    await writeSafetensors(weights, tensors, { format: 'pt' }, { dtype: dtypes[dtype] });
    for (const path of tokenizer.files) await copyFile(path, join(folder, basename(path)));
    // Written last, because the tokenizer's files may hold the config.json of another model.
    await writeJson(join(folder, 'config.json'), { ...base.config, torch_dtype: dtype });
    if (base.architecture.kind !== 'encoder') {
      const ids = { bos_token_id, eos_token_id, pad_token_id, decoder_start_token_id };
      await writeJson(join(folder, 'generation_config.json'), ids);
    }
    await writeJson(join(folder, 'pretraining.json'), record);
    await writeFileAtomic(join(folder, 'README.md'), baseReadme(out, finished));
  });
}

function checkRange(tensors: TrainingResult['tensors']): void {
  for (const [name, { data }] of Object.entries(tensors)) requireHalves(name, data);
}

/** Throws UsageError where a tensor holds numbers beyond float16. */
export function requireHalves(name: string, values: Float32Array): void {
  if (values.some((x) => Math.abs(x) > LARGEST_HALF))
    throw new UsageError(`${name} does not fit into float16; write it with --dtype float32.`);
}

/** Writes a value as JSON with a line for each field. */
export const writeJson = (path: string, value: unknown): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(value, undefined, 2)}\n`);
