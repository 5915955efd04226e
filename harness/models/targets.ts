import { z } from 'zod';
import type { BaseModel, Site } from './types.ts';

const roles = [
  'query',
  'key',
  'value',
  'queryKeyValue',
  'attentionOutput',
  'mlpUp',
  'mlpGate',
  'mlpOutput',
] as const;

/** A method's option that names linear modules by role. */
export const targetRoles = z.array(z.enum(roles));

/** The same with the default of LoRA and its relatives: queries and values, or the module that GPT-2 fuses them in. */
export const queryAndValue = targetRoles
  .default(['query', 'value', 'queryKeyValue'])
  .describe('linear modules by role; roles that the base lacks are passed over');

/** The base's linear modules of the given roles; throws RangeError where it has none. */
export function linearTargets(base: BaseModel, targets: readonly string[]): Site[] {
  const sites = base.sites.filter((site) => site.kind === 'linear' && targets.includes(site.role));
  if (sites.length === 0)
    throw new RangeError(`${base.id} has no linear module of role ${targets.join(', ')}`);
  return sites;
}
