import { UsageError } from '../data/errors.ts';
import type { BaseModel, Site } from '../models/types.ts';

/** Linear modules that transformers' models have beside those of a base: heads, and the pooler of an encoder. */
const besides = ['lm_head', 'classifier', 'classifier.dense', 'classifier.out_proj', 'pooler.dense'];

/**
 * PEFT's `target_modules` for sites: the shortest ends of module names that are those of these sites and of no other
 * module. PEFT takes a module where its name is such an end or has it behind a dot.
 */
export function targetModules(base: BaseModel, sites: readonly Site[]): string[] {
  const wanted = new Set(sites.map(({ name }) => name));
  const modules = Object.keys(base.shapes).map((name) => name.slice(0, name.lastIndexOf('.')));
  const others = [...new Set([...modules, ...besides])].filter((name) => !wanted.has(name));
  const ends = [...wanted].map((name) => {
    const parts = name.split('.');
    const all = parts.map((_, i) => parts.slice(parts.length - 1 - i).join('.'));
    return all.find((end) => !others.some((other) => endsWith(other, end))) ?? name;
  });
  return [...new Set(ends)];
}

const endsWith = (name: string, end: string): boolean => name === end || name.endsWith(`.${end}`);

/** The roles whose linear modules are just those named, in the order of the base; throws UsageError where there are none. */
export function rolesOf(base: BaseModel, names: ReadonlySet<string>, where: string): Site['role'][] {
  const linear = base.sites.filter(({ kind }) => kind === 'linear');
  const known = new Set(linear.map(({ name }) => name));
  const stranger = [...names].find((name) => !known.has(name));
  if (stranger !== undefined) {
    throw new UsageError(`${where} adapts "${stranger}", which is no linear module of ${base.id} where a method may act.`); // prettier-ignore
  }
  const roles = [...new Set(linear.filter(({ name }) => names.has(name)).map(({ role }) => role))];
  const left = linear.find(({ name, role }) => roles.includes(role) && !names.has(name));
  if (left) {
    throw new UsageError(
      `${where} adapts some modules of role ${left.role} but not ${left.name}; a method here adapts all of a role or none.`,
    );
  }
  return roles;
}
