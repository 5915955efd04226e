import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomic, writeFolderAtomic } from '../../support/atomic-files.ts';
import { editJson } from '../../support/edit-json.ts';
import { UsageError } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';
import { writeSafetensors, type StoredTensor } from '../../data/formats/safetensors.ts';
import { hasOwnHead } from '../../models/bases/tied-head.ts';
import { writeMeanHead, writeMeanLoader } from '../../exchange/python.ts';
import { mergeDelta, type MergedModel } from '../../models/delta/merge.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { mergedHead } from './hugging-face-head.ts';
import type { TrainedRun } from './open-run.ts';

export interface MergeEvents {
  readonly signal: AbortSignal;
  /** How many tensors are written. */
  onProgress(done: number, total: number): void;
}

/**
 * Writes a run's base with what it trained in the weights, as a folder in Hugging Face layout: config.json,
 * model.safetensors (float32, the task's head in it, or beside it where it is `mean`) and the tokenizer's files; returns the number of tensors. The folder
 * appears whole or not at all. Throws UsageError where the method or the architecture does not allow it, and Interrupted
 * when `signal` is aborted.
 */
export async function writeMerged(
  run: TrainedRun,
  folder: string,
  { signal, onProgress }: MergeEvents,
): Promise<number> {
  const model = merge(run);
  // A pooler is among what a method may change.
  const head = await mergedHead({ ...run, base: { ...run.base, tensor: model.tensor } });
  const own = await run.base.folder?.();
  const generation = own ? [join(own, 'generation_config.json')].filter((file) => existsSync(file)) : [];
  // A well-known base was described from what is published of it; its own file says more.
  const config = own ? String(await readBytes(join(own, 'config.json'))) : JSON.stringify(run.base.config);
  // What is written is float32, whatever the base was; transformers would round it again.
  const types = ['dtype', 'torch_dtype'].filter((key) => config.includes(`"${key}"`));
  const settings = {
    ...Object.fromEntries(types.map((key) => [key, 'float32'])),
    ...Object.fromEntries(Object.entries(model.config).filter(([key, value]) => value !== run.base.config[key])), // prettier-ignore
    // Of T5 this is whether states are scaled, so that it stays; transformers goes by the tensors.
    ...(hasOwnHead(model.architecture) && run.base.family !== 't5' && { tie_word_embeddings: false }),
    ...head.settings,
  };
  const names = Object.keys(model.shapes);
  const merged = names.map((name, i): [string, StoredTensor] => [
    name,
    {
      shape: model.shapes[name]!,
      async data() {
        if (signal.aborted) throw new Interrupted('stopped while merging');
        onProgress(i, names.length);
        return model.tensor(name);
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
    // transformers asks for the framework's name.
    await writeSafetensors(join(temporary, 'model.safetensors'), tensors, { format: 'pt' }); // prettier-ignore
    if (!head.isBeside) return;
    await writeMeanHead(temporary, head.tensors);
    await writeMeanLoader(temporary);
  });
  return Object.keys({ ...tensors, ...head.tensors }).length;
}

/** Merges, and says of a composition which method it is that cannot be. */
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
