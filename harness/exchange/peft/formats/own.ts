/**
 * Stores methods that PEFT does not have (RED, LoReFT, …) in PEFT's files, under a type of deltabench's own.
 * PEFT cannot load them; for RED and ReFT a Python file beside them can (python.ts).
 */
import { z } from 'zod';
import { UsageError } from '../../../support/errors.ts';
import type { BaseModel } from '../../../models/base-model.ts';
import { inModel, type Format } from '../format.ts';
import { parseSettings } from '../settings.ts';
import { barePrefix } from '../target-modules.ts';

const settings = z.object({ options: z.record(z.string(), z.unknown()) });

/** The `peft_type` of a method that PEFT does not have: the method's name in capitals. */
export const ownType = (method: string): string => method.toUpperCase().replaceAll('-', '_');
/** The method of a `peft_type` that ownType made. */
export const methodOfType = (peftType: string): string => peftType.toLowerCase().replaceAll('_', '-');

/**
 * Makes the format of a method that PEFT does not have: the options as they are, the tensors under their own
 * names.
 */
export function ownFormat(method: string): Format {
  return {
    peftType: ownType(method),
    write: ({ options, tensors }) => ({
      settings: { options },
      tensors: Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]) => [`${inModel}${name}`, tensor]),
      ),
    }),
    read(config, tensors, base, where) {
      const { options } = parseSettings(settings, config, where);
      const read = Object.entries(tensors).map(([key, tensor]) => {
        if (key.startsWith(inModel)) return [fullName(key.slice(inModel.length), base), tensor] as const;
        throw new UsageError(`${where} has a tensor "${key}"; every name must begin with "${inModel}".`);
      });
      return { options, tensors: Object.fromEntries(read) };
    },
  };
}

/**
 * Gives a tensor of transformers' bare encoder the base's name for it, which begins with the family's prefix.
 */
function fullName(name: string, base: BaseModel): string {
  const isOf = (each: string): boolean => base.sites.some((site) => each.startsWith(`${site.name}.`));
  const full = `${barePrefix(base)}${name}`;
  return !isOf(name) && isOf(full) ? full : name;
}
