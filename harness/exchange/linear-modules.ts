import type { z } from 'zod';
import { UsageError } from '../data/errors.ts';
import { queryAndValue } from '../models/targets.ts';
import type { BaseModel, Site } from '../models/types.ts';
import type { StoredTensors } from './adapter.ts';
import { inModel, toOptions, toSettings, type Format, type Names } from './format.ts';
import { rolesOf, targetModules } from './modules.ts';
import { parseSettings, type Config } from './settings.ts';

/** A method that gives every linear module of some roles tensors of its own. */
interface Form {
  readonly peftType: string;
  readonly names: Names;
  readonly settings: z.ZodObject;
  /** What is always so. */
  readonly fixed: Config;
  /** The ends of tensors' names, ours and PEFT's. */
  readonly parts: Names;
  /** Tensors of no module, which PEFT keeps under `base_model.`. */
  readonly shared?: readonly string[];
}

/** The format of such a method, whose option `targets` names roles. */
export function overLinearModules(form: Form): Format {
  const { peftType, names, settings, fixed, parts, shared = [] } = form;
  const [ours] = Object.keys(parts) as [string];
  return {
    peftType,
    write({ options, tensors }, base) {
      const sites = sitesWith(base, tensors, ours);
      const written: Record<string, StoredTensors[string]> = {};
      for (const { name } of sites) {
        for (const [own, theirs] of Object.entries(parts)) {
          written[`${inModel}${name}.${theirs}`] = tensors[`${name}.${own}`]!;
        }
      }
      for (const name of shared) written[`base_model.${name}`] = tensors[name]!;
      return {
        settings: {
          ...fixed,
          ...toSettings(names, options),
          target_modules: targetModules(base, sites),
          fan_in_fan_out: !base.architecture.transposed,
        },
        tensors: written,
      };
    },
    read(config, tensors, base, where) {
      const found = parseSettings(settings, config, where);
      const read: Record<string, StoredTensors[string]> = {};
      const modules = new Set<string>();
      for (const [key, tensor] of Object.entries(tensors)) {
        const alone = shared.find((name) => key === `base_model.${name}`);
        const part = Object.entries(parts).find(([, theirs]) => key.endsWith(`.${theirs}`));
        if (alone !== undefined) read[alone] = tensor;
        else if (part && key.startsWith(inModel)) {
          const module = key.slice(inModel.length, -part[1].length - 1);
          modules.add(module);
          read[`${module}.${part[0]}`] = tensor;
        } else throw strangeKey(where, key, peftType);
      }
      const roles = rolesOf(base, modules, where);
      const options = toOptions(names, found);
      return { options: isUsual(base, roles) ? options : { ...options, targets: roles }, tensors: read };
    },
  };
}

/** The linear modules that have a tensor of this ending, in the order of the base. */
export function sitesWith(base: BaseModel, tensors: StoredTensors, part: string): Site[] {
  return base.sites.filter(({ kind, name }) => kind === 'linear' && `${name}.${part}` in tensors);
}

/** The error for a tensor that does not belong to an adapter of this type. */
export function strangeKey(where: string, key: string, peftType: string): UsageError {
  return new UsageError(`${where} has a tensor "${key}", which is none of an adapter of type ${peftType}.`);
}

/** Whether roles are what LoRA and its relatives adapt where nothing is said. */
function isUsual(base: BaseModel, roles: readonly string[]): boolean {
  const usual: readonly string[] = queryAndValue.parse(undefined);
  const there = new Set(base.sites.map(({ role }): string => role));
  return (
    usual
      .filter((role) => there.has(role))
      .sort()
      .join() === [...roles].sort().join()
  );
}
