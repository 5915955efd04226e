/** How options name linear modules: by role, or by the end of their names as peft's target_modules does. */
import { z } from 'zod';
import type { FamilyName, Site } from '../edits.ts';
import type { BaseModel } from '../base-model.ts';

const roles = [
  'query',
  'key',
  'value',
  'queryKeyValue',
  'positionKey',
  'positionQuery',
  'attentionOutput',
  'mlpUp',
  'mlpGate',
  'mlpGateUp',
  'mlpOutput',
  'embeddingProjection',
  'pooler',
] as const;
const isRole = (target: string): boolean => (roles as readonly string[]).includes(target);

const target = z.union([
  z.enum(roles),
  z.string().regex(/^\w+(\.\w+)*$/, 'it is neither a role nor the end of a module name'),
]);

/** A method's option that names linear modules by role or by the end of their names. */
export const targetList = z.array(target);

/**
 * The same option with the default of LoRA and its relatives: queries and values, or GPT-2's fused module.
 */
export const queryAndValue = targetList
  .default(['query', 'value', 'queryKeyValue'])
  .describe('linear modules by role, passed over where the base lacks it, or by the end of their names');

const allButGate = ['query', 'key', 'value', 'attentionOutput', 'mlpUp', 'mlpOutput'] as const;
const wholeBlocks: Readonly<Partial<Record<FamilyName, readonly (typeof roles)[number][]>>> = {
  bart: allButGate,
  mt5: [...allButGate, 'mlpGate'],
  opt: allButGate,
  roberta: allButGate,
  t5: allButGate,
};

/** The roles that AdaLoRA adapts by default: peft's choice for each family, queries and values where it has none. */
export const adaloraTargets = (family: FamilyName): readonly (typeof roles)[number][] =>
  wholeBlocks[family] ?? ['query', 'value', 'queryKeyValue'];

/**
 * The roles whose input (IA)³ scales by default: peft's choice. It finds `output.dense` of encoders by its ending,
 * which attention's output has as well.
 */
export const ia3Inputs = ({ architecture }: BaseModel): readonly (typeof roles)[number][] =>
  architecture.kind === 'encoder' ? ['attentionOutput', 'mlpOutput'] : ['mlpOutput'];

/** A method's option that limits it to some layers. */
export const layerList = z
  .array(z.int().min(0))
  .optional()
  .describe('layers, of both stacks where there are two; all where absent');

/**
 * The base's sites that `acts` picks, in these layers where some are given. Throws RangeError where there are
 * none.
 */
export function sitesInLayers(
  base: BaseModel,
  layers: readonly number[] | undefined,
  acts: (site: Site) => boolean,
): Site[] {
  const sites = base.sites.filter((site) => acts(site) && (!layers || layers.includes(site.layer)));
  if (sites.length === 0) throw new RangeError(`${base.id} has no layers ${layers?.join(', ')} to edit`);
  return sites;
}

/**
 * A method's option that gives single modules a number of their own, each as `<role or end of a
 * name>:<number>`.
 */
export const exceptions = (what: string): z.ZodOptional<z.ZodArray<z.ZodString>> =>
  z
    .array(z.string().regex(/^\w+(\.\w+)*:[\d.]+(e[+-]?\d+)?$/, 'it is not of the form <module>:<number>'))
    .optional()
    .describe(`${what} of single modules, \`value:4\`; of several that fit the first counts`);

/** The options that name the linear modules which a method adapts. */
export interface Targets {
  readonly targets: readonly string[];
  readonly layers?: readonly number[] | undefined;
}

/**
 * Finds the linear modules of a base that the options name; with `kinds` also embeddings and the head. Throws
 * RangeError if a name or a layer matches none, or all of them together match none.
 */
export function linearTargets(
  base: BaseModel,
  { targets, layers }: Targets,
  kinds: readonly Site['kind'][] = ['linear'],
): Site[] {
  const linear = base.sites.filter(({ kind }) => kinds.includes(kind));
  const unknown = targets.find((name) => !isRole(name) && !linear.some((site) => isNamed(site, name)));
  if (unknown !== undefined) {
    const here = roles.filter((role) => linear.some((site) => site.role === role));
    const ends = [...new Set(linear.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))];
    throw new RangeError(
      `${base.id} has no linear module "${unknown}"; roles: ${here.join(', ')}; names end in ${ends.join(', ')}`,
    );
  }
  const absent = layers?.find((layer) => !linear.some((site) => site.layer === layer));
  if (absent !== undefined) throw new RangeError(`${base.id} has no layer ${absent}; they count from 0`);
  const sites = linear.filter(
    (site) =>
      targets.some((name) => isNamed(site, name)) && (layers === undefined || layers.includes(site.layer)),
  );
  if (sites.length > 0) return sites;
  const where = layers === undefined ? '' : ` in layers ${layers.join(', ')}`;
  throw new RangeError(`${base.id} has no linear module of role ${targets.join(', ') || 'none'}${where}`);
}

/**
 * Gives a function from a module to its number: that of the first exception that names the module, else
 * `usual`. Throws RangeError if an exception names none of the modules, or its number is not above 0.
 */
export function numberOfEach(
  sites: readonly Site[],
  usual: number,
  given: readonly string[] = [],
): (site: Site) => number {
  const rules = given.map((text) => {
    const [name, written] = text.split(':') as [string, string];
    const number = Number(written);
    if (!(number > 0)) throw new RangeError(`"${text}" gives no number above 0`);
    if (sites.some((site) => isNamed(site, name))) return { name, number };
    throw new RangeError(`"${text}" names none of the modules that are adapted`);
  });
  return (site) => rules.find(({ name }) => isNamed(site, name))?.number ?? usual;
}

/**
 * `numberOfEach` for counts such as ranks; throws RangeError, which names the `option`, where one is not whole.
 */
export function countOfEach(
  sites: readonly Site[],
  usual: number,
  given: readonly string[] | undefined,
  option: string,
): (site: Site) => number {
  const countOf = numberOfEach(sites, usual, given);
  const broken = sites.find((site) => !Number.isInteger(countOf(site)));
  if (!broken) return countOf;
  throw new RangeError(`${option} gives ${broken.name} ${countOf(broken)}, which is no whole number`);
}

/** Whether an option's entry names a module, by its role or by the end of its name. */
export function isNamed({ role, name }: Site, target: string): boolean {
  return role === target || isEnd(name, target);
}

/** Whether a module's name is `end`, or ends in a dot and `end`. */
export function isEnd(name: string, end: string): boolean {
  return name === end || name.endsWith(`.${end}`);
}
