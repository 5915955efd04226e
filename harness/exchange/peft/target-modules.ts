import { UsageError } from '../../support/errors.ts';
import { isEnd } from '../../models/delta/target-roles.ts';
import type { Site } from '../../models/edits.ts';
import type { BaseModel } from '../../models/base-model.ts';

/** Linear modules that transformers' models have beside those of a base: heads, and the pooler of an encoder. */
const besides = ['lm_head', 'classifier', 'classifier.dense', 'classifier.out_proj', 'pooler.dense'];

/**
 * PEFT's `target_modules` for sites: the shortest ends of module names that are those of these sites and of no other
 * module. PEFT takes a module where its name is such an end or has it behind a dot.
 */
export function targetModules(base: BaseModel, sites: readonly Site[]): string[] {
  const wanted = sites.map(({ name }) => name);
  const modules = Object.keys(base.shapes).map((name) => name.slice(0, name.lastIndexOf('.')));
  return shortestEnds(wanted, [...modules, ...besides]);
}

/** The shortest ends of names that are those of no other name among `all`. */
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

/**
 * The linear modules of PEFT's names, in the order of the base; an adapter over transformers' bare models (AutoModel)
 * leaves out what all names of a family begin with. Throws UsageError where a name is no linear module of the base.
 */
export function sitesNamed(base: BaseModel, names: ReadonlySet<string>, where: string): Map<string, Site> {
  const linear = base.sites.filter(({ kind }) => kind === 'linear');
  const firsts = new Set(linear.map(({ name }) => name.slice(0, name.indexOf('.') + 1)));
  const [prefix] = firsts.size === 1 ? [...firsts] : [''];
  const known = new Map(linear.map((site) => [site.name, site]));
  const found = [...names].map((name): [string, Site] => {
    const site = known.get(name) ?? known.get(`${prefix}${name}`);
    if (site) return [name, site];
    throw new UsageError(
      `${where} adapts "${name}", which is no linear module of ${base.id} where a method may act.`,
    );
  });
  return new Map(found.sort(([, a], [, b]) => linear.indexOf(a) - linear.indexOf(b)));
}

/**
 * The shortest lists that mean just the linear modules of each group, and the layers that they keep to: roles, roles in
 * some layers, or ends of names.
 */
export function targetOptions(
  base: BaseModel,
  groups: readonly (readonly Site[])[],
): { readonly targets: readonly string[][]; readonly layers?: number[] } {
  const linear = base.sites.filter(({ kind }) => kind === 'linear');
  const ordered = groups.map((sites) => linear.filter((site) => sites.includes(site)));
  const byRole = ordered.map((sites): string[] => [...new Set(sites.map(({ role }) => role))]);
  const some = [...new Set(groups.flat().map(({ layer }) => layer))].sort((a, b) => a - b);
  const fits = (layers: readonly number[] | undefined): boolean =>
    ordered.every((sites, i) => {
      const named = linear.filter(
        ({ role, layer }) => byRole[i]!.includes(role) && (layers?.includes(layer) ?? true),
      );
      return named.length === sites.length;
    });
  if (fits(undefined)) return { targets: byRole };
  if (fits(some)) return { targets: byRole, layers: some };
  const names = linear.map(({ name }) => name);
  const byName = ordered.map((sites) =>
    shortestEnds(
      sites.map(({ name }) => name),
      names,
    ),
  );
  return { targets: byName };
}

/** A number for each module as options have it: the usual one, and exceptions for the others, `<module>:<number>`. */
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
