/** (IA)³ in PEFT's files, which tell vectors of outputs from vectors of inputs by their shapes. */
import { z } from 'zod';
import { UsageError } from '../../../support/errors.ts';
import { ia3Inputs, isNamed } from '../../../models/delta/target-roles.ts';
import type { Site } from '../../../models/edits.ts';
import type { StoredTensors } from '../../adapter.ts';
import { inModel, type Format } from '../format.ts';
import { sitesWith, strangeKey } from './linear-modules.ts';
import { writeSavedModules } from '../saved-modules.ts';
import { sitesNamed, targetModules, targetOptions } from '../target-modules.ts';
import { parseSettings } from '../settings.ts';

const settings = z.object({
  feedforward_modules: z.union([z.string(), z.array(z.string())]).nullish(),
  init_ia3_weights: z.boolean().default(true),
});

/** (IA)³. PEFT gives a vector that scales outputs the shape [out, 1], and one that scales inputs [1, in]. */
export const ia3: Format = {
  peftType: 'IA3',
  savesModules: true,
  write({ options, tensors }, base) {
    const inputs = (options.feedForward ?? ia3Inputs(base)) as readonly string[];
    const sites = sitesWith(base, tensors, 'ia3_l');
    const scalesInput = (site: Site): boolean => inputs.some((target) => isNamed(site, target));
    const named = (input: boolean): string[] => {
      const chosen = sites.filter((site) => scalesInput(site) === input);
      return targetModules(base, chosen);
    };
    const saved = writeSavedModules(tensors, base);
    const vectors = sites.map((site) => {
      const { data } = tensors[`${site.name}.ia3_l`]!;
      const shape = scalesInput(site) ? [1, data.length] : [data.length, 1];
      return [`${inModel}${site.name}.ia3_l`, { shape, data }] as const;
    });
    return {
      settings: {
        // PEFT requires every feed-forward module among the target modules.
        target_modules: [...named(false), ...named(true)],
        feedforward_modules: named(true),
        fan_in_fan_out: !base.architecture.transposed,
        init_ia3_weights: true,
        modules_to_save: saved.modules,
      },
      tensors: { ...Object.fromEntries(vectors), ...saved.tensors },
    };
  },
  read(config, tensors, base, where) {
    parseSettings(settings, config, where);
    const vectors = Object.entries(tensors).map(([key, { shape, data }]) => {
      const module = /^base_model\.model\.(.+)\.ia3_l$/.exec(key)?.[1];
      if (module === undefined || shape.length !== 2 || !shape.includes(1))
        throw strangeKey(where, key, 'IA3');
      return { module, ofInput: shape[0] === 1, data };
    });
    if (vectors.length === 0) throw new UsageError(`${where} adapts no module: it has no tensors of any.`);
    const modules = sitesNamed(base, new Set(vectors.map(({ module }) => module)), where);
    const read: Record<string, StoredTensors[string]> = {};
    const [outputs, inputs]: [Site[], Site[]] = [[], []];
    for (const { module, ofInput, data } of vectors) {
      const site = modules.get(module)!;
      (ofInput ? inputs : outputs).push(site);
      read[`${site.name}.ia3_l`] = { shape: [data.length], data };
    }
    const { targets, ...layers } = targetOptions(base, [outputs, inputs]);
    return { options: { targets: targets[0], feedForward: targets[1], ...layers }, tensors: read };
  },
};
