/** The families that are built, by the model_type of config.json. */
import { z, type ZodType } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemsOf } from '../../support/json/validation-messages.ts';
import { bert, bertConfig } from './bert.ts';
import type { Architecture } from '../architecture.ts';
import { gpt2, gpt2Config } from './gpt2.ts';
import { llama, llamaConfig } from './llama.ts';
import { roberta, robertaConfig } from './roberta.ts';
import { t5, t5Config } from './t5.ts';

/** A family's reading of config.json: throws UsageError where a setting of it is not built. */
function family<Config>(
  schema: ZodType<Config>,
  describe: (config: Config, ownHead?: boolean) => Architecture,
) {
  return (config: unknown, where: string, ownHead?: boolean): Architecture => {
    const parsed = schema.safeParse(config);
    if (parsed.success) return describe(parsed.data, ownHead);
    throw new UsageError(`${where} cannot be used: ${problemsOf(parsed.error).join('; ')}.`);
  };
}

const families = {
  bert: family(bertConfig, bert),
  gpt2: family(gpt2Config, gpt2),
  llama: family(llamaConfig, llama),
  roberta: family(robertaConfig, roberta),
  t5: family(t5Config, t5),
};

/** The model types of config.json that are built. */
export const familyNames = Object.keys(families) as (keyof typeof families)[];

/**
 * What a config.json describes; `ownHead` says whether the output has a weight of its own, where a
 * checkpoint's tensors tell. Throws UsageError where the architecture or a setting of it is not built.
 */
export function describeArchitecture(config: unknown, where: string, ownHead?: boolean): Architecture {
  const type = z.looseObject({ model_type: z.string() }).safeParse(config);
  if (!type.success)
    throw new UsageError(`${where} names no model_type; it must be one of ${familyNames.join(', ')}.`);
  const name = familyNames.find((known) => known === type.data.model_type);
  if (!name) {
    throw new UsageError(
      `${where} is of architecture "${type.data.model_type}"; deltabench has ${familyNames.join(', ')}.`,
    );
  }
  return families[name](config, where, ownHead);
}
