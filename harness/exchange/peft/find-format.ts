/** Finds the format for a method, and the method and format of an adapter_config.json. */
import { UsageError } from '../../support/errors.ts';
import { adalora } from './formats/adalora.ts';
import type { Format } from './format.ts';
import { ia3 } from './formats/ia3.ts';
import { dora, lora, pissa, rslora, vera } from './formats/low-rank.ts';
import { fourierft, hra, loha, lokr, miss, oft, randlora } from './formats/more-linear.ts';
import { lnTuning } from './formats/norms.ts';
import { methodOfType, ownFormat, ownType } from './formats/own.ts';
import { prefix, prompt, pTuning } from './formats/prompts.ts';
import type { Config } from './settings.ts';

/**
 * The formats of the methods that PEFT has, by our names of the methods; an adapter is read as the first
 * method of its type.
 */
const known: Readonly<Record<string, Format>> = {
  lora,
  rslora,
  'lora-plus': lora,
  pissa,
  dora,
  adalora,
  vera,
  randlora,
  loha,
  lokr,
  oft,
  hra,
  miss,
  fourierft,
  ia3,
  'ln-tuning': lnTuning,
  prefix,
  prompt,
  'p-tuning': pTuning,
};

/** Gives the format of a method: PEFT's, or for a method that PEFT lacks deltabench's own (own.ts). */
export function formatOf(method: string): Format {
  return known[method] ?? ownFormat(method);
}

/**
 * Gives the method of an adapter_config.json and its format; throws UsageError if deltabench has no such
 * type.
 */
export function recogniseFormat(config: Config, where: string): { method: string; format: Format } {
  const { peft_type: type } = config;
  const candidates = Object.keys(known).filter((method) => known[method]!.peftType === type);
  const method = type === 'LORA' ? kindOfLora(config) : candidates[0];
  if (method !== undefined) return { method, format: known[method]! };
  if (typeof type === 'string' && 'options' in config && ownType(methodOfType(type)) === type) {
    return { method: methodOfType(type), format: ownFormat(methodOfType(type)) };
  }
  const types = [...new Set(Object.values(known).map(({ peftType }) => peftType))];
  throw new UsageError(
    `${where} has peft_type ${type === undefined ? 'missing' : JSON.stringify(type)}; ` +
      `deltabench reads ${types.join(', ')}, and what it writes for methods that PEFT does not have (RED, LOREFT, …).`,
  );
}

/** PEFT stores DoRA and PiSSA as LoRA, with a setting of their own. */
function kindOfLora({ use_dora: isDora, init_lora_weights: start }: Config): 'dora' | 'pissa' | 'lora' {
  if (isDora === true) return 'dora';
  return typeof start === 'string' && start.startsWith('pissa') ? 'pissa' : 'lora';
}

/** Whether PEFT has a method, so that peft itself loads its adapters. */
export function isPeftMethod(method: string): boolean {
  return method in known;
}
