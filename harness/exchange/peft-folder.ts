import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic, writeFolderAtomic } from '../data/atomic.ts';
import { UsageError } from '../data/errors.ts';
import { isFile, readJson } from '../data/files.ts';
import { openSafetensors, writeSafetensors } from '../data/safetensors.ts';
import { readTorchZip } from '../data/torch-zip.ts';
import type { BaseModel } from '../models/types.ts';
import type { Adapter, StoredTensors } from './adapter.ts';
import { inModel } from './format.ts';
import { formatOf, recogniseFormat } from './formats.ts';
import { commonSettings } from './settings.ts';

export const configFile = 'adapter_config.json';
const tensorFile = 'adapter_model.safetensors';
/** The form before safetensors. */
const pickleFile = 'adapter_model.bin';

/** What stands before a head's names: prompt learning wraps the model once less. */
const beforeHead = (peftType: string): string =>
  ['PREFIX_TUNING', 'PROMPT_TUNING', 'P_TUNING'].includes(peftType) ? 'base_model.' : inModel;

/**
 * Writes an adapter as Hugging Face peft saves one: adapter_config.json and adapter_model.safetensors in a folder, which
 * appears whole or not at all; returns what it wrote. Throws UsageError where something lies there or writing is refused.
 */
export async function writePeftFolder(
  folder: string,
  adapter: Adapter,
  base: BaseModel,
): Promise<{ peftType: string; tensors: number }> {
  const format = formatOf(adapter.method);
  const { settings, tensors } = format.write(adapter, base);
  const { peftType } = format;
  const config = { ...commonSettings(peftType, base, Object.keys(adapter.head)), ...settings };
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  const head = Object.entries(adapter.head).map(([name, tensor]) => [beforeHead(peftType) + name, tensor] as const); // prettier-ignore
  const all = { ...tensors, ...Object.fromEntries(head) };
  await writeFolderAtomic(folder, async (temporary) => {
    await writeFileAtomic(join(temporary, configFile), `${JSON.stringify(sorted, undefined, 2)}\n`);
    // transformers asks for the framework's name.
    await writeSafetensors(join(temporary, tensorFile), all, { format: 'pt' });
  });
  return { peftType, tensors: Object.keys(all).length };
}

const header = z.looseObject({
  peft_type: z.string(),
  modules_to_save: z.array(z.string()).nullish(),
});

/**
 * Reads a folder that peft or writePeftFolder has written, for a base; throws UsageError where a file is missing or lies,
 * or the adapter computes something that deltabench does not.
 */
export async function readPeftFolder(folder: string, base: BaseModel): Promise<Adapter> {
  const where = join(folder, configFile);
  const parsed = header.safeParse(await readJson(where));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new UsageError(`${where} is no adapter's configuration: ${path.join('.') || 'it'}: ${message}.`);
  }
  const config = parsed.data;
  const { method, format } = recogniseFormat(config, where);
  const stored = await readTensors(folder);
  const { head, tensors } = splitHead(stored, config.peft_type, config.modules_to_save ?? [], base, folder);
  return { method, ...format.read(config, tensors, base, where), head };
}

async function readTensors(folder: string): Promise<StoredTensors> {
  const path = join(folder, tensorFile);
  const older = join(folder, pickleFile);
  if (!(await isFile(path))) {
    if (await isFile(older)) return Object.fromEntries(await readTorchZip(older));
    throw new UsageError(`${folder} has neither ${tensorFile} nor ${pickleFile}; get the folder again.`);
  }
  const file = await openSafetensors(path);
  const tensors: Record<string, StoredTensors[string]> = {};
  for (const [name, { shape }] of file.tensors) tensors[name] = { shape, data: await file.read(name) };
  return tensors;
}

/** Parts the trained head of a task from the method's tensors; a module of the base itself is none. */
function splitHead(
  stored: StoredTensors,
  peftType: string,
  modules: readonly string[],
  base: BaseModel,
  folder: string,
): { head: StoredTensors; tensors: StoredTensors } {
  const head: Record<string, StoredTensors[string]> = {};
  const tensors: Record<string, StoredTensors[string]> = {};
  const before = beforeHead(peftType);
  for (const [key, tensor] of Object.entries(stored)) {
    const name = key.startsWith(before) ? key.slice(before.length) : undefined;
    if (name === undefined || !modules.some((module) => `.${name}`.includes(`.${module}.`))) {
      tensors[key] = tensor;
    } else if (name in base.shapes) {
      throw new UsageError(`${folder} trained ${name} of the base too (modules_to_save), which its method does not do here.`); // prettier-ignore
    } else if (base.architecture.kind !== 'encoder') {
      throw new UsageError(
        `${folder} trained an output layer of its own, ${name} (modules_to_save), which is not computed here.`,
      );
    } else head[name] = tensor;
  }
  return { head, tensors };
}
