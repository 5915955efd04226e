/** LN tuning in PEFT's files: the trained tensors of norms. */
import { z } from 'zod';
import { UsageError } from '../../../support/errors.ts';
import type { Site } from '../../../models/edits.ts';
import type { StoredTensors } from '../../adapter.ts';
import { inModel, type Format } from '../format.ts';
import { strangeKey } from './linear-modules.ts';
import { parseSettings } from '../settings.ts';
import { writeSavedModules } from '../saved-modules.ts';
import { barePrefix, targetModules, targetOptions } from '../target-modules.ts';

const parts = ['weight', 'bias'];
const isNorm = ({ kind }: Site): boolean => kind === 'norm';

export const lnTuning: Format = {
  peftType: 'LN_TUNING',
  savesModules: true,
  write({ tensors }, base) {
    const sites = base.sites.filter((site) => isNorm(site) && `${site.name}.weight` in tensors);
    const others = { ...base, sites: base.sites.filter((site) => !isNorm(site)) };
    const saved = writeSavedModules(tensors, others);
    const written = sites.flatMap(({ name }) =>
      parts
        .filter((part) => `${name}.${part}` in tensors)
        .map((part) => [`${inModel}${name}.ln_tuning_layers.${part}`, tensors[`${name}.${part}`]!] as const),
    );
    return {
      settings: { target_modules: targetModules(base, sites), modules_to_save: saved.modules },
      tensors: { ...Object.fromEntries(written), ...saved.tensors },
    };
  },
  read(config, tensors, base, where) {
    parseSettings(z.object({}), config, where);
    const read: Record<string, StoredTensors[string]> = {};
    const trained = new Set<Site>();
    for (const [key, tensor] of Object.entries(tensors)) {
      const [, module, part] = /^base_model\.model\.(.+)\.ln_tuning_layers\.(weight|bias)$/.exec(key) ?? [];
      if (module === undefined) throw strangeKey(where, key, 'LN_TUNING');
      const site = base.sites.find(
        (each) => isNorm(each) && (each.name === module || each.name === barePrefix(base) + module),
      );
      if (!site) throw new UsageError(`${where} trains "${module}", which is no norm of ${base.id}.`);
      read[`${site.name}.${part}`] = tensor;
      trained.add(site);
    }
    if (trained.size === 0) throw new UsageError(`${where} trains no norm: it has no tensors of any.`);
    if (trained.size === base.sites.filter(isNorm).length) return { options: {}, tensors: read };
    const { targets, ...layers } = targetOptions(base, [[...trained]], isNorm);
    return { options: { targets: targets[0]!, ...layers }, tensors: read };
  },
};
