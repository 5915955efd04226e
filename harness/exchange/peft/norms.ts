/** LN tuning in PEFT's files: the trained tensors of norms. */
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import type { StoredTensors } from '../adapter.ts';
import { inModel, type Format } from './format.ts';
import { strangeKey } from './linear-modules.ts';
import { parseSettings } from './settings.ts';
import { barePrefix, targetModules } from './target-modules.ts';

const parts = ['weight', 'bias'];

export const lnTuning: Format = {
  peftType: 'LN_TUNING',
  write({ tensors }, base) {
    const sites = base.sites.filter(({ kind, name }) => kind === 'norm' && `${name}.weight` in tensors);
    const written = sites.flatMap(({ name }) =>
      parts
        .filter((part) => `${name}.${part}` in tensors)
        .map((part) => [`${inModel}${name}.ln_tuning_layers.${part}`, tensors[`${name}.${part}`]!] as const),
    );
    return {
      settings: { target_modules: targetModules(base, sites) },
      tensors: Object.fromEntries(written),
    };
  },
  read(config, tensors, base, where) {
    parseSettings(z.object({}), config, where);
    const read: Record<string, StoredTensors[string]> = {};
    for (const [key, tensor] of Object.entries(tensors)) {
      const [, module, part] = /^base_model\.model\.(.+)\.ln_tuning_layers\.(weight|bias)$/.exec(key) ?? [];
      if (module === undefined) throw strangeKey(where, key, 'LN_TUNING');
      const site = base.sites.find(
        ({ kind, name }) => kind === 'norm' && (name === module || name === barePrefix(base) + module),
      );
      if (!site) throw new UsageError(`${where} trains "${module}", which is no norm of ${base.id}.`);
      read[`${site.name}.${part}`] = tensor;
    }
    const all = base.sites.filter(({ kind }) => kind === 'norm');
    const left = all.filter(({ name }) => parts.every((part) => read[`${name}.${part}`] === undefined));
    if (left.length > 0)
      throw new UsageError(
        `${where} trains ${all.length - left.length} of ${all.length} norms of ${base.id}, not ${left[0]!.name}; ` +
          'ln-tuning trains all of them here (in peft by target_modules).',
      );
    return { options: {}, tensors: read };
  },
};
