/**
 * The format of methods that give linear modules tensors of their own: LoRA and its relatives. Their
 * files differ in names and settings alone, which a `Form` lists. LoRA and DoRA may act on embeddings and on
 * the head as well, and train biases of the base.
 */
import type { z } from 'zod';
import { UsageError } from '../../../support/errors.ts';
import { numberOfEach, queryAndValue, type Targets } from '../../../models/delta/target-roles.ts';
import type { Site } from '../../../models/edits.ts';
import type { BaseModel } from '../../../models/base-model.ts';
import type { Adapter, StoredTensors } from '../../adapter.ts';
import { readBaseParts, writeBaseParts } from '../base-parts.ts';
import { inModel, toOptions, toSettings, type Format, type Names } from '../format.ts';
import { numberOptions, sitesNamed, targetModules, targetOptions } from '../target-modules.ts';
import { numbersByPattern, type Pattern, type PatternRule } from '../patterns.ts';
import { writeSavedModules } from '../saved-modules.ts';
import { parseSettings, type Config } from '../settings.ts';

/**
 * A number that single modules may have of their own, such as a rank: our options `usual` and `exceptions`,
 * and PEFT's setting `pattern` for the exceptions.
 */
interface PerModule {
  readonly usual: string;
  readonly exceptions: string;
  readonly pattern: string;
  /** How PEFT matches the pattern's keys. */
  readonly rule?: PatternRule;
}

/** Names and settings of a method that gives linear modules tensors of their own. */
interface Form {
  readonly peftType: string;
  readonly names: Names;
  readonly settings: z.ZodObject;
  /** Settings that are written with the same values for every adapter. */
  readonly fixed: Config;
  /** The ends of tensor names, ours → PEFT's; a module need not have all of them. */
  readonly parts: Names;
  /** Names of tensors that belong to no module; PEFT's keys for them are `base_model.<name>`. */
  readonly shared?: readonly string[];
  readonly perModule?: readonly PerModule[];
  /** Modules other than linear ones that the method acts on. */
  readonly alsoOn?: readonly Site['kind'][];
  /** Whether it has the options `biases` and `tokens`, PEFT's settings `bias` and trainable_token_indices. */
  readonly isLora?: true;
  /** The default roles of the option `targets`; queries and values where absent. */
  readonly usual?: (base: BaseModel) => readonly string[];
  /** True where PEFT's method acts on torch's Linear alone, and not on GPT-2's Conv1D. */
  readonly linearOnly?: true;
}

/** Makes the format of a method whose options `targets` and `layers` name the modules. */
export function overLinearModules(form: Form): Format {
  const { peftType, names, settings, fixed, parts, shared = [], perModule = [], linearOnly } = form;
  const { usual: usualRoles = () => queryAndValue.parse(undefined) } = form;
  return {
    peftType,
    savesModules: true,
    write({ options, tensors }, base) {
      if (linearOnly && !base.architecture.transposed) throw onConv1d(peftType, base);
      const written: Record<string, StoredTensors[string]> = {};
      const sites = base.sites.filter(({ name }) => {
        const own = Object.entries(parts).filter(([end]) => `${name}.${end}` in tensors);
        for (const [end, theirs] of own) written[`${inModel}${name}.${theirs}`] = tensors[`${name}.${end}`]!;
        return own.length > 0;
      });
      const saved = writeSavedModules(tensors, base);
      const ofBase = form.isLora ? writeBaseParts({ options, tensors }, base, sites) : undefined;
      Object.assign(written, ofBase?.tensors, saved.tensors);
      for (const name of shared) written[`base_model.${name}`] = tensors[name]!;
      return {
        settings: {
          ...fixed,
          ...toSettings(names, options),
          ...ofBase?.settings,
          modules_to_save: saved.modules,
          ...Object.fromEntries(perModule.map((kind) => [kind.pattern, patternOf(kind, options, sites)])),
          target_modules: targetModules(base, sites),
          // The settings of methods that act on Linear alone have no such key.
          ...(!linearOnly && { fan_in_fan_out: !base.architecture.transposed }),
        },
        tensors: written,
      };
    },
    read(config, tensors, base, where) {
      const found = parseSettings(settings, config, where);
      const alone = new Map(shared.map((name) => [`base_model.${name}`, name]));
      const ofBase = form.isLora ? readBaseParts(config, tensors, base, where) : undefined;
      const keys = splitKeys(
        Object.keys(tensors).filter((key) => !alone.has(key) && !ofBase?.keys.has(key)),
        form,
        where,
      );
      if (keys.length === 0) throw new UsageError(`${where} adapts no module: it has no tensors of any.`);
      const modules = sitesNamed(base, new Set(keys.map(({ module }) => module)), where);
      const sites = [...modules.values()];
      requireKinds(modules, form, where);
      const read: Record<string, StoredTensors[string]> = { ...ofBase?.tensors };
      for (const [key, name] of alone) if (tensors[key]) read[name] = tensors[key];
      for (const { key, module, part } of keys) read[`${modules.get(module)!.name}.${part}`] = tensors[key]!;
      const options = {
        ...toOptions(names, found),
        ...numbersOf(perModule, names, found, modules, where),
        ...ofBase?.options,
      };
      return { options: { ...options, ...placesOf(sites, base, usualRoles(base)) }, tensors: read };
    },
  };
}

/** Throws UsageError where a module is of a kind that the method does not act on. */
function requireKinds(
  modules: ReadonlyMap<string, Site>,
  { alsoOn = [], peftType }: Form,
  where: string,
): void {
  for (const [name, { kind }] of modules) {
    if (kind === 'linear' || alsoOn.includes(kind)) continue;
    const what = kind === 'head' ? 'the output head' : 'an embedding';
    throw new UsageError(`${where} adapts "${name}", ${what}, by ${peftType}, which is not computed here.`);
  }
}

/** The options that say the numbers of modules: the usual ones, and exceptions where there are any. */
function numbersOf(
  perModule: readonly PerModule[],
  names: Names,
  found: Config,
  modules: ReadonlyMap<string, Site>,
  where: string,
): Record<string, unknown> {
  const preferred = toOptions(names, found);
  const options: Record<string, unknown> = {};
  for (const { usual, exceptions, pattern, rule } of perModule) {
    const number = preferred[usual] as number;
    const about = { where, setting: pattern, rule };
    const numbers = numbersByPattern(found[pattern] as Pattern, modules.keys(), number, about);
    const bySite = new Map([...modules].map(([name, site]) => [site, numbers.get(name)!]));
    const chosen = numberOptions([...modules.values()], number, (site) => bySite.get(site)!);
    options[usual] = chosen.usual;
    if (chosen.exceptions.length > 0) options[exceptions] = chosen.exceptions;
  }
  return options;
}

interface SplitKey {
  readonly key: string;
  /** The module's name in PEFT's key. */
  readonly module: string;
  /** The end of the tensor's name, as deltabench calls it. */
  readonly part: string;
}

/** Splits PEFT's keys into modules and tensors; throws UsageError for a key that is none of the form's. */
function splitKeys(keys: readonly string[], { parts, peftType }: Form, where: string): SplitKey[] {
  return keys.map((key) => {
    const split = splitKey(key, parts);
    if (!split) throw strangeKey(where, key, peftType);
    return split;
  });
}

function splitKey(key: string, parts: Names): SplitKey | undefined {
  const part = Object.entries(parts).find(([, theirs]) => key.endsWith(`.${theirs}`));
  if (!part || !key.startsWith(inModel)) return undefined;
  return { key, module: key.slice(inModel.length, -part[1].length - 1), part: part[0] };
}

/**
 * PEFT's pattern of the modules whose number is not the usual one; its keys are whole names, as PEFT writes
 * them.
 */
function patternOf(
  { usual, exceptions }: PerModule,
  options: Adapter['options'],
  sites: readonly Site[],
): Pattern {
  const numberOf = numberOfEach(sites, options[usual] as number, options[exceptions] as string[] | undefined);
  const other = sites.filter((site) => numberOf(site) !== options[usual]);
  return Object.fromEntries(other.map((site) => [site.name, numberOf(site)]));
}

/** The linear modules that have a tensor with this ending, in the base's order. */
export function sitesWith(base: BaseModel, tensors: StoredTensors, part: string): Site[] {
  return base.sites.filter(({ kind, name }) => kind === 'linear' && `${name}.${part}` in tensors);
}

/** Makes the error for an adapter that PEFT could not load: its method refuses Conv1D modules. */
function onConv1d(peftType: string, { id }: BaseModel): UsageError {
  return new UsageError(
    `peft's ${peftType} acts on torch.nn.Linear alone and refuses the Conv1D modules of ${id}, so that no ` +
      'adapter can be written for it; "merge" writes a checkpoint.',
  );
}

/**
 * Makes the error for a tensor that no adapter of this type has, or whose module deltabench does not adapt.
 */
export function strangeKey(where: string, key: string, peftType: string): UsageError {
  const [, module] = /^base_model\.model\.(.+)\.lora_embedding_[AB]$/.exec(key) ?? [];
  if (module !== undefined) {
    return new UsageError(
      `${where} adapts "${module}", an embedding, by ${peftType}, which is not computed here.`,
    );
  }
  return new UsageError(`${where} has a tensor "${key}", which is none of an adapter of type ${peftType}.`);
}

/** The options that name the modules; none where they are the default ones. */
function placesOf(sites: readonly Site[], base: BaseModel, usual: readonly string[]): Partial<Targets> {
  const { targets, ...layers } = targetOptions(base, [sites]);
  const places = { targets: targets[0]!, ...layers };
  return isUsual(base, usual, places) ? {} : places;
}

/** Whether the targets are the default ones: all modules of `roles` that the base has, in every layer. */
function isUsual(base: BaseModel, roles: readonly string[], { targets, layers }: Targets): boolean {
  if (layers !== undefined) return false;
  const there = new Set(base.sites.map(({ role }): string => role));
  const usual = roles.filter((role) => there.has(role));
  return [...usual].sort().join() === [...targets].sort().join();
}
