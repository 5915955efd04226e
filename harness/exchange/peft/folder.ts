/**
 * Writes and reads an adapter's folder in the layout of Hugging Face peft: the files, the task's head and the
 * prefixes of names. The formats of single methods lie in the files beside this one.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic, writeFolderAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { problemOf } from '../../support/json/validation-messages.ts';
import { isFile, readJson } from '../../support/read-files.ts';
import { openSafetensors, writeSafetensors } from '../../data/formats/safetensors.ts';
import { readTorchZip } from '../../data/formats/torch-zip.ts';
import { ownsWeight } from '../../models/delta/whole-modules.ts';
import { meanHeadFile, readMeanHead } from '../../models/bases/stored-head.ts';
import { classifierRootOf } from '../../models/architecture.ts';
import { isOfHead } from '../../models/delta/heads.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Adapter, StoredTensors } from '../adapter.ts';
import { withoutBaseCopies } from './base-copies.ts';
import { type Format, inModel } from './format.ts';
import { formatOf, recogniseFormat } from './find-format.ts';
import { loaderFile, loaderOf, writeMeanHead } from '../python.ts';
import { readSavedModules } from './saved-modules.ts';
import { commonSettings, type Config } from './settings.ts';
import { barePrefix } from './target-modules.ts';

/** The file of an adapter's settings; a folder is PEFT's if it holds one. */
export const configFile = 'adapter_config.json';
const tensorFile = 'adapter_model.safetensors';
/** PEFT's file of tensors before it used safetensors. */
const pickleFile = 'adapter_model.bin';

/** The prefix of a head's names in PEFT's files; prompt learning wraps the model in one module fewer. */
const beforeHead = (peftType: string): string =>
  ['PREFIX_TUNING', 'PROMPT_TUNING', 'P_TUNING'].includes(peftType) ? 'base_model.' : inModel;

/**
 * Writes a folder as Hugging Face peft saves an adapter: adapter_config.json, adapter_model.safetensors, and
 * where there is one a Python file that loads them. The folder appears whole or not at all. Returns what was
 * written; throws UsageError if the folder is not empty or writing is refused.
 */
export async function writePeftFolder(
  folder: string,
  adapter: Adapter,
  base: BaseModel,
): Promise<{ peftType: string; tensors: number; loader?: string }> {
  const format = formatOf(adapter.method);
  const { settings, tensors } = format.write(adapter, base);
  const { peftType } = format;
  const isMean = adapter.headName === 'mean';
  const common = commonSettings(peftType, base, adapter);
  const saved = [...listOf(common.modules_to_save), ...listOf(settings.modules_to_save)];
  const whole = { ...common, ...settings, modules_to_save: saved.length > 0 ? saved : null };
  const config = isMean ? withBareTargets(whole, base) : whole;
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  const head = Object.entries(adapter.head).map(
    ([name, tensor]) => [beforeHead(peftType) + name, tensor] as const,
  );
  const classifierRoot = head.length > 0 ? classifierRootOf(base.architecture) : '';
  const named = (name: string): string =>
    isMean ? bareName(name, base) : name.replace(inModel, `${inModel}${classifierRoot}`);
  const own = Object.entries(tensors).map(([name, tensor]) => [named(name), tensor] as const);
  const all = Object.fromEntries(isMean ? own : [...own, ...head]);
  const loader = await loaderOf(adapter.method);
  await writeFolderAtomic(folder, async (temporary) => {
    await writeFileAtomic(join(temporary, configFile), `${JSON.stringify(sorted, undefined, 2)}\n`);
    // transformers reads the framework's name from the file's metadata.
    await writeSafetensors(join(temporary, tensorFile), all, { format: 'pt' });
    if (isMean) await writeMeanHead(temporary, adapter.head);
    if (loader !== undefined) await writeFileAtomic(join(temporary, loaderFile), loader);
  });
  return { peftType, tensors: Object.keys(all).length, ...(loader !== undefined && { loader: loaderFile }) };
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * Gives a tensor its name in transformers' bare encoder, which lacks the family's prefix: an adapter with the
 * head `mean` belongs to that encoder, since no classifier of transformers has the head.
 */
const bareName = (name: string, base: BaseModel): string =>
  name.replace(`${inModel}${barePrefix(base)}`, inModel);

const withBareKeys = (pattern: object, prefix: string): object =>
  Object.fromEntries(Object.entries(pattern).map(([name, value]) => [name.replace(prefix, ''), value]));

function withBareTargets(config: Config, base: BaseModel): Config {
  const prefix = barePrefix(base);
  const keys = ['target_modules', 'feedforward_modules', 'modules_to_save'].filter((key) =>
    Array.isArray(config[key]),
  );
  const bare = (key: string): string[] => (config[key] as string[]).map((end) => end.replace(prefix, ''));
  const patterns = Object.entries(config).flatMap(([key, pattern]) =>
    key.endsWith('_pattern') && pattern !== null ? [[key, withBareKeys(pattern as object, prefix)]] : [],
  );
  return {
    ...config,
    ...Object.fromEntries(keys.map((key) => [key, bare(key)])),
    ...(Object.fromEntries(patterns) as Config),
  };
}

const header = z.looseObject({
  peft_type: z.string(),
  modules_to_save: z.array(z.string()).nullish(),
  task_type: z.string().nullish(),
});

/**
 * Reads a folder that peft or writePeftFolder has written, for a base. Throws UsageError if a file is missing
 * or malformed, or if the adapter computes something that deltabench does not.
 */
export async function readPeftFolder(folder: string, base: BaseModel): Promise<Adapter> {
  const where = join(folder, configFile);
  const parsed = header.safeParse(await readJson(where));
  if (!parsed.success) {
    throw new UsageError(`${where} is no adapter's configuration: ${problemOf(parsed.error)}.`);
  }
  const config = parsed.data;
  const { method, format } = recogniseFormat(config, where);
  const named = Object.entries(await readTensors(folder)).map(
    ([key, tensor]) =>
      [key.replace(`${inModel}${classifierRootOf(base.architecture)}`, inModel), tensor] as const,
  );
  const stored = await withoutBaseCopies(Object.fromEntries(named), base, folder);
  const { head, saved, tensors } = splitHead(stored, config.peft_type, savedModules(config), base);
  const read = { method, ...format.read(config, tensors, base, where) };
  const adapter = { ...withSaved(read, saved, format, base, folder), head };
  if (config.ensure_weight_tying === true) requireOwnWeights(adapter.tensors, base, where);
  const beside = await openMeanHead(folder);
  if (beside) return { ...adapter, head: beside, headName: 'mean' };
  return Object.keys(head).length > 0 ? { ...adapter, headName: 'huggingface' } : adapter;
}

/** The modules that were trained whole. Older versions of PEFT do not list a classifier's head among them. */
function savedModules({ modules_to_save: listed, task_type: task }: z.infer<typeof header>): string[] {
  return [...(listed ?? []), ...(task === 'SEQ_CLS' ? ['classifier', 'score'] : [])];
}

/** Adds the base's modules that were trained whole; throws UsageError where the method has no place for them. */
function withSaved<Read extends Pick<Adapter, 'options' | 'tensors'>>(
  read: Read,
  saved: StoredTensors,
  format: Format,
  base: BaseModel,
  folder: string,
): Read {
  const [name] = Object.keys(saved);
  if (name === undefined) return read;
  if (!format.savesModules) {
    throw new UsageError(
      `${folder} trained ${name} of the base too (modules_to_save), which its method does not do here.`,
    );
  }
  const { whole, tensors } = readSavedModules(saved, base, folder);
  return { ...read, options: { ...read.options, whole }, tensors: { ...read.tensors, ...tensors } };
}

/** Throws UsageError where the adapter changes modules that share a weight and PEFT would tie these changes. */
function requireOwnWeights(tensors: StoredTensors, base: BaseModel, where: string): void {
  const modules = ['embedding', 'head'];
  const shared = base.sites.find(
    (site) =>
      modules.includes(site.kind) &&
      !ownsWeight(base, site) &&
      Object.keys(tensors).some((name) => name.startsWith(`${site.name}.`)),
  );
  if (!shared) return;
  throw new UsageError(
    `${where} sets ensure_weight_tying, so that ${shared.name} and the modules with the same weight are trained as ` +
      'one, which is not done here.',
  );
}

/** Reads the head `mean` from its file beside the adapter; undefined where there is no such file. */
async function openMeanHead(folder: string): Promise<StoredTensors | undefined> {
  const stored = await readMeanHead(folder);
  if (!stored) return undefined;
  const each = ['classifier.weight', 'classifier.bias'].map(async (name) => {
    const shape = stored.shape(name);
    if (!shape) throw new UsageError(`${join(folder, meanHeadFile)} lacks ${name}; get the folder again.`);
    return [name, { shape, data: await stored.tensor(name) }] as const;
  });
  return Object.fromEntries(await Promise.all(each));
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

/**
 * Separates the trained head of a task, and the base's modules that were trained whole, from the method's
 * tensors.
 */
function splitHead(
  stored: StoredTensors,
  peftType: string,
  modules: readonly string[],
  base: BaseModel,
): { head: StoredTensors; saved: StoredTensors; tensors: StoredTensors } {
  const head: Record<string, StoredTensors[string]> = {};
  const saved: Record<string, StoredTensors[string]> = {};
  const prefix = barePrefix(base);
  const isOfBase = (name: string): boolean =>
    [name, prefix + name].some((each) => each in base.shapes) ||
    (base.architecture.kind !== 'encoder' && !isOfHead(name, base.architecture));
  const tensors: Record<string, StoredTensors[string]> = {};
  const before = beforeHead(peftType);
  for (const [key, tensor] of Object.entries(stored)) {
    const name = key.startsWith(before) ? key.slice(before.length) : undefined;
    // PEFT keeps a module whose name ends with a listed one: `classifier` is DistilBERT's `pre_classifier` too.
    if (name === undefined || !modules.some((module) => name.includes(`${module}.`))) {
      tensors[key] = tensor;
    } else if (isOfBase(name)) saved[name] = tensor;
    else head[name] = tensor;
  }
  return { head, saved, tensors };
}
