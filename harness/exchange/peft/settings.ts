/**
 * Settings of adapter_config.json that all methods share, and the check that deltabench computes what is set.
 * A setting that is not known to be harmless must be refused, never ignored.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemOf } from '../../support/json/validation-messages.ts';
import { builtinFolder, isBuiltin } from '../../models/bases/built-in.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Adapter } from '../adapter.ts';

/** The content of adapter_config.json. */
export type Config = Readonly<Record<string, unknown>>;

/**
 * Settings that say where an adapter came from or how PEFT handles it; what its tensors compute does not
 * depend on them.
 */
const harmless = [
  'peft_type',
  'peft_version',
  'auto_mapping',
  'base_model_name_or_path',
  'revision',
  'task_type',
  'inference_mode',
  // The names of the tensors show which modules these settings chose.
  'target_modules',
  'exclude_modules',
  'layers_to_transform',
  'layers_pattern',
  'modules_to_save',
  // folder.ts refuses it where it ties what the adapter holds.
  'ensure_weight_tying',
  // PEFT derives it from the kind of module.
  'fan_in_fan_out',
  // PEFT reads these only together with settings that are refused here.
  'megatron_core',
  'qalora_group_size',
];

/**
 * Gives the settings that `schema` names. Throws UsageError if one of them has a value that is not allowed,
 * or if a setting is on that is neither in `schema` nor harmless: newer versions of PEFT may compute
 * something else by it.
 */
export function parseSettings<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  config: Config,
  where: string,
): z.infer<z.ZodObject<Shape>> {
  const parsed = schema.safeParse(config);
  if (!parsed.success) {
    const [key] = parsed.error.issues[0]!.path;
    const given =
      typeof key === 'string' ? ` (it is ${key in config ? JSON.stringify(config[key]) : 'missing'})` : '';
    throw new UsageError(`${where} cannot be used: ${problemOf(parsed.error)}${given}.`);
  }
  for (const [key, value] of Object.entries(config)) {
    if (key in schema.shape || harmless.includes(key) || isOff(value)) continue;
    throw new UsageError(
      `${where} sets ${key} to ${JSON.stringify(value).slice(0, 80)}, which deltabench does not compute.`,
    );
  }
  return parsed.data;
}

function isOff(value: unknown): boolean {
  if (value === null || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** PEFT's `bias` of methods that train no biases of the base here. */
export const noBias = z
  .literal('none', 'the biases of the base cannot be part of this adapter')
  .default('none');

/** Gives the settings that every adapter_config.json has. */
export function commonSettings(peftType: string, base: BaseModel, { head, headName }: Adapter): Config {
  const encoder = headName === 'mean' ? 'FEATURE_EXTRACTION' : 'SEQ_CLS';
  const names = headName === 'mean' ? [] : Object.keys(head);
  const written = { encoder, decoder: 'CAUSAL_LM', 'encoder-decoder': 'SEQ_2_SEQ_LM' };
  return {
    peft_type: peftType,
    task_type: names.length > 0 ? 'SEQ_CLS' : written[base.architecture.kind],
    base_model_name_or_path: placeOf(base.id),
    inference_mode: true,
    modules_to_save: names.length > 0 ? headModules(names) : null,
  };
}

/**
 * Gives the name under which transformers finds a base: the absolute path of a folder on this machine, as for
 * built-in bases, or a hub id.
 */
export function placeOf(id: string): string {
  if (isBuiltin(id)) return builtinFolder(id);
  return existsSync(id) ? resolve(id) : id;
}

/** PEFT's two names of a sequence classifier's head, and the modules of heads of more, or BERT's pooler. */
function headModules(head: readonly string[]): string[] {
  const modules = head.map((name) =>
    name.includes('pooler.') ? 'pooler' : name.slice(0, name.indexOf('.')),
  );
  return [...new Set(['classifier', 'score', ...modules])];
}
