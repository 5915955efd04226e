import { z } from 'zod';
import { UsageError } from '../data/errors.ts';
import type { Architecture } from './family.ts';
import { gpt2, gpt2Config } from './gpt2.ts';

const families = {
  gpt2: { schema: gpt2Config, describe: gpt2 },
};

/** The model types of config.json that are built. */
export const familyNames = Object.keys(families) as (keyof typeof families)[];

/** What a config.json describes; throws UsageError where the architecture or a setting of it is not built. */
export function describeArchitecture(config: unknown, where: string): Architecture {
  const type = z.looseObject({ model_type: z.string() }).safeParse(config);
  if (!type.success)
    throw new UsageError(`${where} names no model_type; it must be one of ${familyNames.join(', ')}.`);
  const name = familyNames.find((family) => family === type.data.model_type);
  if (!name) {
    throw new UsageError(
      `${where} is of architecture "${type.data.model_type}"; deltabench has ${familyNames.join(', ')}.`,
    );
  }
  const { schema, describe } = families[name];
  const parsed = schema.safeParse(config);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new UsageError(`${where} cannot be used: ${issues.join('; ')}.`);
  }
  if (parsed.data.n_embd % parsed.data.n_head !== 0) {
    throw new UsageError(
      `${where} cannot be used: n_embd ${parsed.data.n_embd} is no multiple of n_head ${parsed.data.n_head}.`,
    );
  }
  return describe(parsed.data);
}
