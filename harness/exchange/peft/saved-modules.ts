/**
 * Modules of the base that an adapter trains whole: PEFT's modules_to_save, the option `whole` of methods that
 * act on modules. PEFT gives such a module a copy of its own, so that it no longer shares its weight with another one.
 */
import { UsageError } from '../../support/errors.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { type Site, weightName } from '../../models/edits.ts';
import { copyName, ownsWeight } from '../../models/delta/whole-modules.ts';
import type { StoredTensors } from '../adapter.ts';
import { inModel } from './format.ts';
import { barePrefix, computesNothing, targetModules } from './target-modules.ts';

/** PEFT's tensors of whole modules, by their names without a prefix → our option and tensors. */
export function readSavedModules(
  saved: StoredTensors,
  base: BaseModel,
  where: string,
): { readonly whole: string[]; readonly tensors: StoredTensors } {
  const sites = new Set<Site>();
  const tensors: Record<string, StoredTensors[string]> = {};
  const prefix = barePrefix(base);
  for (const [name, tensor] of Object.entries(saved)) {
    const end = name.lastIndexOf('.');
    const [module, part] = [name.slice(0, end), name.slice(end + 1)];
    const names = [module, prefix + module];
    const site = base.sites.find((each) => names.includes(each.name));
    if (!site || !((part === 'weight' ? weightName(site) : `${site.name}.${part}`) in base.shapes)) {
      const why = computesNothing(base, module) ?? 'which its method does not do here';
      throw new UsageError(`${where} trained ${name} of the base too (modules_to_save), ${why}.`);
    }
    sites.add(site);
    tensors[part === 'weight' && !ownsWeight(base, site) ? copyName(site) : `${site.name}.${part}`] = tensor;
  }
  return {
    whole: targetModules(
      base,
      base.sites.filter((site) => sites.has(site)),
    ),
    tensors,
  };
}

/** The modules among an adapter's tensors that it holds whole, and their tensors under PEFT's keys. */
export function writeSavedModules(
  tensors: StoredTensors,
  base: BaseModel,
): { readonly modules: string[]; readonly tensors: StoredTensors } {
  const written: Record<string, StoredTensors[string]> = {};
  const modules = base.sites.filter((site) => {
    const tensor =
      tensors[copyName(site)] ?? (ownsWeight(base, site) ? tensors[weightName(site)] : undefined);
    if (!tensor) return false;
    written[`${inModel}${site.name}.weight`] = tensor;
    const bias = tensors[`${site.name}.bias`];
    if (bias) written[`${inModel}${site.name}.bias`] = bias;
    return true;
  });
  return { modules: modules.map(({ name }) => name), tensors: written };
}
