/**
 * Converts between PEFT's names of modules and deltabench's options: target_modules, roles, layers and
 * exceptions.
 */
import { UsageError } from '../../support/errors.ts';
import { isOfHead } from '../../models/delta/heads.ts';
import { isEnd } from '../../models/delta/target-roles.ts';
import type { Site } from '../../models/edits.ts';
import type { BaseModel } from '../../models/base-model.ts';

/**
 * Modules that transformers' models have and a base lacks: heads, an encoder's pooler, and the empty module in place
 * of the first norm of ModernBERT's first block, which PEFT cannot train.
 */
const besides = [
  ...['lm_head', 'classifier', 'classifier.dense', 'classifier.out_proj'],
  ...['pooler', 'pooler.dense', 'pre_classifier', 'head.dense'],
  ...['classification_head.dense', 'classification_head.out_proj', 'model.layers.0.attn_norm'],
];

/**
 * Gives PEFT's `target_modules` for sites: the shortest ends of their names that no other module's name has.
 * PEFT adapts a module if such an end is its whole name or the part after a dot.
 */
export function targetModules(base: BaseModel, sites: readonly Site[]): string[] {
  const wanted = sites.map(({ name }) => name);
  const modules = Object.keys(base.shapes).map((name) => name.slice(0, name.lastIndexOf('.')));
  return shortestEnds(wanted, [...modules, ...base.sites.map(({ name }) => name), ...besides]);
}

/** The shortest ends of the wanted names that no other name in `all` has. */
function shortestEnds(wanted: readonly string[], all: readonly string[]): string[] {
  const mine = new Set(wanted);
  const others = [...new Set(all)].filter((name) => !mine.has(name));
  const ends = wanted.map((name) => {
    const parts = name.split('.');
    const each = parts.map((_, i) => parts.slice(parts.length - 1 - i).join('.'));
    return each.find((end) => !others.some((other) => isEnd(other, end))) ?? name;
  });
  return [...new Set(ends)];
}

/** Modules with a matrix: linear ones, embeddings, and a decoder's head. */
const isMatrix = ({ kind }: Site): boolean => kind === 'linear' || kind === 'embedding' || kind === 'head';

/** The prefix of module names that transformers' bare model (AutoModel) leaves out; '' where there is none. */
export function barePrefix({ sites }: BaseModel): string {
  const linear = sites.filter(({ kind }) => kind === 'linear');
  const firsts = new Set(linear.map(({ name }) => name.slice(0, name.indexOf('.') + 1)));
  return firsts.size === 1 ? [...firsts][0]! : '';
}

/**
 * Says why a module that owns a weight computes nothing: others read it, as the two embeddings of T5 read `shared`;
 * undefined where it computes.
 */
export function computesNothing({ sites }: BaseModel, name: string): string | undefined {
  const readers = sites.filter(({ shared }) => shared === `${name}.weight`);
  if (readers.length === 0 || sites.some((site) => site.name === name)) return undefined;
  const names = readers.map((reader) => reader.name).join(' and ');
  return `which computes nothing in transformers: its weight is read by ${names}`;
}

/**
 * Finds the modules of PEFT's names that have a matrix, in the base's order. An adapter of transformers' bare
 * model leaves out the family's prefix. Throws UsageError if a name is no such module of the base.
 */
export function sitesNamed(base: BaseModel, names: ReadonlySet<string>, where: string): Map<string, Site> {
  const modules = base.sites.filter(isMatrix);
  const prefix = barePrefix(base);
  const known = new Map(modules.map((site) => [site.name, site]));
  const found = [...names].map((name): [string, Site] => {
    const site = known.get(name) ?? known.get(`${prefix}${name}`);
    if (site) return [name, site];
    const why =
      computesNothing(base, name) ??
      (isOfHead(`${name}.weight`, base.architecture)
        ? "a layer of the classifier's head, which is trained whole here and not adapted (peft: exclude_modules)"
        : `which is no linear module of ${base.id} where a method may act`);
    throw new UsageError(`${where} adapts "${name}", ${why}.`);
  });
  return new Map(found.sort(([, a], [, b]) => modules.indexOf(a) - modules.indexOf(b)));
}

/**
 * Gives the shortest lists that name exactly the modules of each group among those that `acts` picks (with a matrix
 * where absent): roles, else roles limited to `layers`, else ends of names.
 */
export function targetOptions(
  base: BaseModel,
  groups: readonly (readonly Site[])[],
  acts = isMatrix,
): { readonly targets: readonly string[][]; readonly layers?: number[] } {
  const modules = base.sites.filter(acts);
  const ordered = groups.map((sites) => modules.filter((site) => sites.includes(site)));
  const byRole = ordered.map((sites): string[] => [...new Set(sites.map(({ role }) => role))]);
  const some = [...new Set(groups.flat().map(({ layer }) => layer))].sort((a, b) => a - b);
  const fits = (layers: readonly number[] | undefined): boolean =>
    ordered.every((sites, i) => {
      const named = modules.filter(
        ({ role, layer }) => byRole[i]!.includes(role) && (layers?.includes(layer) ?? true),
      );
      return named.length === sites.length;
    });
  if (fits(undefined)) return { targets: byRole };
  // Embeddings stand before the first layer, which no list of layers names.
  if (some[0]! >= 0 && fits(some)) return { targets: byRole, layers: some };
  const names = modules.map(({ name }) => name);
  const byName = ordered.map((sites) =>
    shortestEnds(
      sites.map(({ name }) => name),
      names,
    ),
  );
  return { targets: byName };
}

/**
 * Gives the options for a number that modules may differ in: the usual number (`preferred` if a module has
 * it, else the most frequent) and exceptions `<role or end of a name>:<number>` for the others.
 */
export function numberOptions(
  sites: readonly Site[],
  preferred: number,
  numberOf: (site: Site) => number,
): { readonly usual: number; readonly exceptions: string[] } {
  const byNumber = new Map<number, Site[]>();
  for (const site of sites) byNumber.set(numberOf(site), [...(byNumber.get(numberOf(site)) ?? []), site]);
  const [most] = [...byNumber].sort(([, a], [, b]) => b.length - a.length)[0]!;
  const usual = byNumber.has(preferred) ? preferred : most;
  const exceptions = [...byNumber]
    .filter(([number]) => number !== usual)
    .flatMap(([number, own]) => {
      const roles: string[] = [...new Set(own.map(({ role }) => role))];
      const whole = sites.filter(({ role }) => roles.includes(role)).length === own.length;
      const names = whole
        ? roles
        : shortestEnds(
            own.map(({ name }) => name),
            sites.map(({ name }) => name),
          );
      return names.map((name) => `${name}:${number}`);
    });
  return { usual, exceptions };
}
