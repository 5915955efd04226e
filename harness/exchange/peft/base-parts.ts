/**
 * What LoRA and its relatives train of the base beside adapted and whole modules: biases (PEFT's `bias`) and rows of
 * single tokens of the embedding, or of a head of its own (trainable_token_indices).
 */
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { ownHeadName } from '../../models/architecture.ts';
import { rowsName } from '../../models/delta/token-rows.ts';
import { isEnd } from '../../models/delta/target-roles.ts';
import { type Site, weightName } from '../../models/edits.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Adapter, StoredTensors } from '../adapter.ts';
import { inModel, type Names } from './format.ts';
import type { Config } from './settings.ts';
import { barePrefix } from './target-modules.ts';

const ids = z.array(z.int().min(0)).min(1);

/** The setting: ids of the input embedding's tokens, or by the ends of modules' names. */
export const tokenSetting = z.union([ids, z.record(z.string(), ids)]).nullish();

const ending = rowsName('.weight');

/** What an adapter holds of them: their keys in the file, the options that name them, and their tensors. */
interface Stored {
  readonly keys: ReadonlySet<string>;
  readonly options: Adapter['options'];
  readonly tensors: StoredTensors;
}

/** Finds what of the base is trained; throws UsageError where rows are of no embedding and no head. */
export function readBaseParts(
  config: Config,
  tensors: StoredTensors,
  base: BaseModel,
  where: string,
): Stored {
  const biases = readBiases(tensors, base);
  const rows = readTokenRows(config.trainable_token_indices, tensors, base, where);
  return {
    keys: new Set([...biases.keys, ...rows.keys]),
    options: { ...biasOption(config.bias), ...rows.options },
    tensors: { ...biases.tensors, ...rows.tensors },
  };
}

/** The settings for what of the base is trained, and its tensors under PEFT's keys; `sites` are adapted. */
export function writeBaseParts(
  adapter: Pick<Adapter, 'options' | 'tensors'>,
  base: BaseModel,
  sites: readonly Site[],
): { readonly settings: Config; readonly tensors: StoredTensors } {
  const rows = writeTokenRows(adapter, base);
  return {
    settings: { bias: biasSetting(adapter.options.biases), ...rows.settings },
    tensors: { ...writeBiases(sites, adapter.tensors), ...rows.tensors },
  };
}

/** Finds the rows; throws UsageError where they are of another module than the embedding or the head. */
function readTokenRows(setting: unknown, tensors: StoredTensors, base: BaseModel, where: string): Stored {
  const given = tokenSetting.parse(setting);
  const keys = Object.keys(tensors).filter((key) => key.startsWith(inModel) && key.endsWith(ending));
  const found = keys.map((key) => {
    const module = key.slice(inModel.length, -ending.length);
    const weight = weightOf(module, base);
    const { embedding } = base.architecture;
    const option = weight === embedding ? 'tokens' : weight === ownHeadName ? 'headTokens' : undefined;
    if (weight === undefined || option === undefined) {
      throw new UsageError(
        `${where} trains rows of "${module}", which is neither the embedding nor a head of its own of ${base.id}.`,
      );
    }
    const own = Array.isArray(given)
      ? given
      : Object.entries(given ?? {}).find(([end]) => isEnd(module, end))?.[1];
    if (!own) throw new UsageError(`${where}: trainable_token_indices says no tokens of "${module}".`);
    return { key, option, own, name: rowsName(weight) };
  });
  const named = Array.isArray(given) ? 1 : Object.keys(given ?? {}).length;
  if (found.length < named)
    throw new UsageError(`${where}: trainable_token_indices names tokens whose rows its tensors lack.`);
  return {
    keys: new Set(keys),
    options: Object.fromEntries(found.map(({ option, own }) => [option, own])),
    tensors: Object.fromEntries(found.map(({ key, name }) => [name, tensors[key]!])),
  };
}

/** The weight of PEFT's module: T5's `shared` is none of the base's sites, but owns the weight that they read. */
function weightOf(module: string, base: BaseModel): string | undefined {
  const names = [module, barePrefix(base) + module];
  const site = base.sites.find(({ name }) => names.includes(name));
  return site ? weightName(site) : names.map((name) => `${name}.weight`).find((name) => name in base.shapes);
}

/** The setting for these options, and the rows under PEFT's keys. */
function writeTokenRows(
  { options: { tokens, headTokens }, tensors }: Pick<Adapter, 'options' | 'tensors'>,
  { architecture: { embedding } }: BaseModel,
): { readonly settings: Config; readonly tensors: StoredTensors } {
  const moduleOf = (weight: string): string => weight.replace(/\.weight$/, '');
  const byModule = {
    ...(tokens ? { [moduleOf(embedding)]: tokens } : {}),
    [moduleOf(ownHeadName)]: headTokens,
  };
  const rows = [embedding, ownHeadName].map(rowsName).filter((name) => name in tensors);
  return {
    settings: { trainable_token_indices: headTokens ? byModule : (tokens ?? null) },
    tensors: Object.fromEntries(rows.map((name) => [inModel + name, tensors[name]!])),
  };
}

const biasNames: Names = { all: 'all', adapted: 'lora_only' };

const biasSetting = (option: unknown): string => biasNames[option as string] ?? 'none';

/** The option `biases`; absent where none are trained, and for methods without it. */
function biasOption(setting: unknown): { readonly biases?: string } {
  const option = Object.keys(biasNames).find((name) => biasNames[name] === setting);
  return option === undefined ? {} : { biases: option };
}

/** The base's trained biases under PEFT's keys: those of adapted modules lie inside them. */
function writeBiases(sites: readonly Site[], tensors: StoredTensors): StoredTensors {
  const adapted = new Set(sites.map(({ name }) => `${name}.bias`));
  // B's bias is the adapter's own.
  const biases = Object.entries(tensors).filter(
    ([name]) => name.endsWith('.bias') && !name.endsWith('.lora_B.bias'),
  );
  return Object.fromEntries(
    biases.map(([name, tensor]) => [
      inModel + (adapted.has(name) ? name.replace(/bias$/, 'base_layer.bias') : name),
      tensor,
    ]),
  );
}

/** Finds the base's biases among PEFT's tensors: their keys, and the tensors under the base's names. */
function readBiases(
  tensors: StoredTensors,
  base: BaseModel,
): { readonly keys: ReadonlySet<string>; readonly tensors: StoredTensors } {
  const { architecture, shapes } = base;
  const known = { ...shapes, ...(architecture.kind === 'encoder' && architecture.pooler) };
  const prefix = barePrefix(base);
  const found = Object.keys(tensors).flatMap((key) => {
    if (!key.startsWith(inModel) || !key.endsWith('.bias')) return [];
    const name = key.slice(inModel.length).replace(/\.base_layer\.bias$/, '.bias');
    const own = [name, `${prefix}${name}`].find((each) => each in known);
    return own === undefined ? [] : [[key, own] as const];
  });
  return {
    keys: new Set(found.map(([key]) => key)),
    tensors: Object.fromEntries(found.map(([key, own]) => [own, tensors[key]!])),
  };
}
