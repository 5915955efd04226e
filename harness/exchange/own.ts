import { z } from 'zod';
import { UsageError } from '../data/errors.ts';
import { inModel, type Format } from './format.ts';
import { parseSettings } from './settings.ts';

const settings = z.object({ options: z.record(z.string(), z.unknown()) });

/** The type of a method that PEFT does not have: its name in capitals. */
export const ownType = (method: string): string => method.toUpperCase().replaceAll('-', '_');
/** The method of such a type. */
export const methodOfType = (peftType: string): string => peftType.toLowerCase().replaceAll('_', '-');

/** A method that PEFT does not have, in PEFT's container: its options as they are, its tensors under their own names. */
export function ownFormat(method: string): Format {
  return {
    peftType: ownType(method),
    write: ({ options, tensors }) => ({
      settings: { options },
      tensors: Object.fromEntries(
        Object.entries(tensors).map(([name, tensor]) => [`${inModel}${name}`, tensor]),
      ),
    }),
    read(config, tensors, _base, where) {
      const { options } = parseSettings(settings, config, where);
      const read = Object.entries(tensors).map(([key, tensor]) => {
        if (key.startsWith(inModel)) return [key.slice(inModel.length), tensor] as const;
        throw new UsageError(`${where} has a tensor "${key}"; every name must begin with "${inModel}".`);
      });
      return { options, tensors: Object.fromEntries(read) };
    },
  };
}
