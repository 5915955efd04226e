import { z } from 'zod';
import { UsageError } from '../data/errors.ts';
import type { StoredTensors } from './adapter.ts';
import { inModel, type Format } from './format.ts';
import { sitesWith, strangeKey } from './linear-modules.ts';
import { rolesOf, targetModules } from './modules.ts';
import { parseSettings } from './settings.ts';

const settings = z.object({
  feedforward_modules: z.union([z.string(), z.array(z.string())]).nullish(),
  init_ia3_weights: z.boolean().default(true),
});
/** What our method scales the input of; of these it is an option which. */
const feedForward = ['attentionOutput', 'mlpOutput'];

/** (IA)³; in PEFT a vector of outputs has the shape [out, 1], one of inputs [1, in]. */
export const ia3: Format = {
  peftType: 'IA3',
  write({ options, tensors }, base) {
    const both = base.family === 'roberta' || base.family === 'bert';
    const inputs = (options.feedForward ?? (both ? feedForward : ['mlpOutput'])) as readonly string[];
    const sites = sitesWith(base, tensors, 'ia3_l');
    const scalesInput = (role: string): boolean => inputs.includes(role);
    const named = (input: boolean): string[] => {
      const chosen = sites.filter(({ role }) => scalesInput(role) === input);
      return targetModules(base, chosen);
    };
    return {
      settings: {
        // Each of the second must stand in the first.
        target_modules: [...named(false), ...named(true)],
        feedforward_modules: named(true),
        fan_in_fan_out: !base.architecture.transposed,
        init_ia3_weights: true,
      },
      tensors: Object.fromEntries(
        sites.map(({ name, role }) => {
          const { data } = tensors[`${name}.ia3_l`]!;
          const shape = scalesInput(role) ? [1, data.length] : [data.length, 1];
          return [`${inModel}${name}.ia3_l`, { shape, data }];
        }),
      ),
    };
  },
  read(config, tensors, base, where) {
    parseSettings(settings, config, where);
    const read: Record<string, StoredTensors[string]> = {};
    const modules = { inputs: new Set<string>(), outputs: new Set<string>() };
    for (const [key, { shape, data }] of Object.entries(tensors)) {
      const module = /^base_model\.model\.(.+)\.ia3_l$/.exec(key)?.[1];
      if (module === undefined || shape.length !== 2 || !shape.includes(1)) throw strangeKey(where, key, 'IA3'); // prettier-ignore
      (shape[0] === 1 ? modules.inputs : modules.outputs).add(module);
      read[`${module}.ia3_l`] = { shape: [data.length], data };
    }
    const inputs = rolesOf(base, modules.inputs, where);
    const strange = inputs.find((role) => !feedForward.includes(role));
    if (strange) throw new UsageError(`${where} scales the input of modules of role ${strange}, which is not computed here; only of ${feedForward.join(', ')}.`); // prettier-ignore
    return {
      options: { targets: rolesOf(base, modules.outputs, where), feedForward: inputs },
      tensors: read,
    };
  },
};
