import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemOf } from '../../support/validation-messages.ts';
import { builtinFolder, isBuiltin } from '../../models/bases/built-in.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Adapter } from '../adapter.ts';

/** The object in adapter_config.json. */
export type Config = Readonly<Record<string, unknown>>;

/**
 * Settings that say where an adapter came from or how PEFT goes about it, and change nothing that is computed
 * from its tensors.
 */
const harmless = [
  'peft_type',
  'peft_version',
  'auto_mapping',
  'base_model_name_or_path',
  'revision',
  'task_type',
  'inference_mode',
  // What they choose stands in the names of the tensors.
  'target_modules',
  'exclude_modules',
  'layers_to_transform',
  'layers_pattern',
  'modules_to_save',
  'ensure_weight_tying',
  // PEFT sets it by the kind of module.
  'fan_in_fan_out',
  // Read only together with others, which are refused.
  'megatron_core',
  'qalora_group_size',
];

/**
 * The settings that `schema` names. Throws UsageError where one of them is not allowed, and where another that PEFT may
 * have added since is set: what deltabench would compute without it is not what PEFT computes.
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

/** `none`, the only value that is computed, for PEFT's `bias`. */
export const noBias = z
  .literal('none', 'the biases of the base cannot be part of this adapter')
  .default('none');

/** The settings that every adapter_config.json begins with. */
export function commonSettings(peftType: string, base: BaseModel, { head, headName }: Adapter): Config {
  const encoder = headName === 'mean' ? 'FEATURE_EXTRACTION' : 'SEQ_CLS';
  const task = { decoder: 'CAUSAL_LM', encoder, 'encoder-decoder': 'SEQ_2_SEQ_LM' };
  const names = headName === 'mean' ? [] : Object.keys(head);
  return {
    peft_type: peftType,
    task_type: task[base.architecture.kind],
    base_model_name_or_path: placeOf(base.id),
    inference_mode: true,
    modules_to_save: names.length > 0 ? headModules(names) : null,
  };
}

/**
 * Where transformers finds a base: a folder of this machine by its whole path, as those that ship inside, or
 * a hub id.
 */
export function placeOf(id: string): string {
  if (isBuiltin(id)) return builtinFolder(id);
  return existsSync(id) ? resolve(id) : id;
}

/** PEFT's two names of a sequence classifier's head, and BERT's pooler where that is trained, too. */
function headModules(head: readonly string[]): string[] {
  const pooler = head.some((name) => name.includes('pooler.')) ? ['pooler'] : [];
  return ['classifier', 'score', ...pooler];
}
