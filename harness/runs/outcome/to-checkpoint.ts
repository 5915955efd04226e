/** Writes a run as a checkpoint: its base with the trained tensors merged into the weights. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomic, writeFolderAtomic } from '../../support/atomic-files.ts';
import { editJson } from '../../support/json/edit-json.ts';
import { UsageError } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';
import { writeSafetensors, type StoredTensor } from '../../data/formats/safetensors.ts';
import { heldShapes } from '../../models/architecture.ts';
import { hasOwnHead } from '../../models/bases/tied-head.ts';
import { requireHalves } from '../pretrain/base-folder.ts';
import { writeMeanHead, writeMeanLoader } from '../../exchange/python.ts';
import { mergeDelta, type MergedModel } from '../../models/delta/merge.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { hasHead, mergedHead, nameInClassifier } from './hugging-face-head.ts';
import type { TrainedRun } from './open-run.ts';

/** The types in which a checkpoint is written, by safetensors' names. */
export const mergedDtypes = { float32: 'F32', bfloat16: 'BF16', float16: 'F16' } as const;
export type MergedDtype = keyof typeof mergedDtypes;

export interface MergeEvents {
  readonly signal: AbortSignal;
  /** `done` of `total` tensors are written. */
  onProgress(done: number, total: number): void;
}

/**
 * Writes a run's merged base as a folder in Hugging Face layout: config.json, model.safetensors (numbers of
 * type `dtype`, packed weights unpacked, with the task's head, which has a file of its own where it is `mean`)
 * and the tokenizer's files. Returns the number of tensors. The folder appears whole or not at all. Throws
 * UsageError where the method or the architecture does not allow merging or numbers do not fit the type, and
 * Interrupted when `signal` is aborted.
 */
export async function writeMerged(
  run: TrainedRun,
  folder: string,
  { signal, onProgress }: MergeEvents,
  dtype: MergedDtype = 'float32',
): Promise<number> {
  const model = merge(run);
  // The head reads the merged base, since a method may change the pooler.
  const head = await mergedHead({ ...run, base: { ...run.base, tensor: model.tensor } });
  const own = await run.base.folder?.();
  const generation = own ? [join(own, 'generation_config.json')].filter((file) => existsSync(file)) : [];
  // A well-known base is described without its config.json, whose own file says more.
  const config = own ? String(await readBytes(join(own, 'config.json'))) : JSON.stringify(run.base.config);
  const settings = { ...changedSettings(run, model, config, dtype), ...head.settings };
  const shapes = heldShapes(model.architecture, model.shapes);
  const nameIn = (name: string): string | undefined =>
    hasHead(run) ? nameInClassifier(name, model.architecture) : name;
  const names = Object.keys(shapes).filter((name) => nameIn(name) !== undefined);
  const merged = names.map((name, i): [string, StoredTensor] => [
    nameIn(name)!,
    {
      shape: shapes[name]!,
      async data() {
        if (signal.aborted) throw new Interrupted('stopped while merging');
        onProgress(i, names.length);
        const values = await model.tensor(name);
        if (dtype === 'float16') requireHalves(name, values);
        return values;
      },
    },
  ]);
  const tensors = { ...Object.fromEntries(merged), ...(head.isBeside ? {} : head.tensors) };
  await writeFolderAtomic(folder, async (temporary) => {
    for (const file of [...run.tokenizer.files, ...generation]) {
      // Not copied with its mode: a cache's files may be read-only.
      await writeFile(join(temporary, basename(file)), await readBytes(file));
    }
    await writeFileAtomic(join(temporary, 'config.json'), `${editJson(config, settings)}\n`);
    // Transformers asks for the framework's name.
    await writeSafetensors(
      join(temporary, 'model.safetensors'),
      tensors,
      { format: 'pt' },
      { dtype: mergedDtypes[dtype] },
    );
    if (!head.isBeside) return;
    await writeMeanHead(temporary, head.tensors);
    await writeMeanLoader(temporary);
  });
  return Object.keys({ ...tensors, ...head.tensors }).length;
}

/** The fields of the base's `config`, a file's text, that merging and the type change; undefined is left out. */
function changedSettings(
  { base }: TrainedRun,
  model: MergedModel,
  config: string,
  dtype: MergedDtype,
): Readonly<Record<string, unknown>> {
  // By another type than that of the tensors transformers would round them.
  const named = ['dtype', 'torch_dtype'].filter((key) => config.includes(`"${key}"`));
  const types = named.length > 0 || dtype === 'float32' ? named : ['torch_dtype'];
  const changed = Object.entries(model.config).filter(([key, value]) => value !== base.config[key]);
  return {
    ...Object.fromEntries(types.map((key) => [key, dtype])),
    // What is written is not packed any more.
    quantization_config: undefined,
    ...Object.fromEntries(changed),
    // In T5 this setting says whether states are scaled, so that it stays; transformers goes by the tensors.
    ...(hasOwnHead(model.architecture) &&
      model.architecture.kind !== 'encoder-decoder' && { tie_word_embeddings: false }),
  };
}

/** Merges; the error for a composition names the method that cannot be merged. */
function merge({ base, delta, values, parts }: TrainedRun): MergedModel {
  const stuck = parts.find(({ method, options }) => !method.attach(base, options).merge);
  try {
    return mergeDelta(base, delta, values);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const name = stuck?.method.name ?? parts.map(({ method }) => method.name).join('+');
    throw new UsageError(`${name}: ${error.message}`, { cause: error });
  }
}
