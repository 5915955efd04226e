/**
 * Reads a variant as a person writes it, `<method>[+<method>…][~key=value…]`, into methods with every option
 * resolved. Later sources win: the schema's defaults, the recipe, `--set` and `--sweep`, what the text itself
 * says.
 */
import type { z } from 'zod';
import type { Method } from '../../../models/method.ts';
import { didYouMean, UsageError } from '../../../support/errors.ts';
import { recipeSchema } from '../../../training/recipe.ts';
import {
  camelCase,
  checkOptions,
  parseOption,
  suggestKey,
  unknownOption,
  type Layer,
  type Options,
  type OptionSetting,
  type Origins,
} from './option-values.ts';
import { describeVariant, type Variant } from './variant.ts';

/**
 * Reads a variant without a recipe. A part's own option is `~lora.rank=4`, an ablation is named without `=`;
 * settings after the first may also be separated by commas. Throws UsageError with what exists.
 */
export function parseVariant(
  text: string,
  methods: ReadonlyMap<string, Method>,
  settings: readonly OptionSetting[] = [],
): Variant {
  return readVariant(text, methods, settings, () => undefined).variant;
}

/**
 * Reads a variant as parseVariant does, with options that a recipe gives each method. Name and label of the
 * variant say only what differs from the recipe; `origins` says of each part where its options come from.
 */
export function readVariant(
  text: string,
  methods: ReadonlyMap<string, Method>,
  settings: readonly OptionSetting[],
  recipeOf: (method: string) => Layer | undefined,
): { variant: Variant; origins: readonly Origins[] } {
  // A `+` after the first `~` belongs to a value (position=ffn+attn).
  const [head, ...tail] = text.split('~');
  const parts = findParts(head!, text, methods);
  const recipes = parts.map(({ method }) => recipeOf(method.name));
  parts.forEach((part, i) => {
    applyLayers(part, recipes[i], settings);
  });
  applyText(tail, text, parts, methods);
  const resolved = parts.map(({ method, schema, values }) => ({
    method,
    options: checkOptions(method.name, schema, values),
  }));
  return {
    variant: describeVariant(
      resolved,
      recipes.map((recipe) => recipe?.values ?? {}),
    ),
    origins: parts.map(({ origins }) => origins),
  };
}

/** One method of a variant, while its options are collected. */
class Part {
  readonly method: Method;
  readonly values: Options = {};
  readonly origins: Record<string, string> = {};

  constructor(method: Method) {
    this.method = method;
  }

  /** Sets options, over what earlier sources said. */
  set(values: Options, from: string): void {
    Object.assign(this.values, values);
    for (const key of Object.keys(values)) this.origins[key] = from;
  }

  get schema(): z.ZodObject {
    return this.method.options;
  }

  get ablations(): Readonly<Record<string, object>> {
    return this.method.ablations ?? {};
  }
}

/** The parts of `red+lora`; throws UsageError where a method does not exist or is named twice. */
function findParts(head: string, text: string, methods: ReadonlyMap<string, Method>): Part[] {
  const parts = head.split('+').map((name) => new Part(findMethod(name, text, methods)));
  const names = parts.map(({ method }) => method.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return parts;
  throw new UsageError(`"${text}" has ${twice} twice; a method can be composed once.`);
}

function findMethod(name: string, text: string, methods: ReadonlyMap<string, Method>): Method {
  const method = methods.get(name);
  if (method) return method;
  const names = [...methods.keys()];
  const within = name === text ? '' : ` (in "${text}")`;
  throw new UsageError(
    `There is no method "${name}"${within}.${didYouMean(name, names)} Methods: ${names.join(', ')}.`,
  );
}

/** Gives a part the recipe's options, and over them the settings whose key it has. */
function applyLayers(part: Part, recipe: Layer | undefined, settings: readonly OptionSetting[]): void {
  if (recipe) part.set(recipe.values, recipe.from);
  for (const { key, value, from = '--set' } of settings) {
    if (!(key in part.schema.shape)) continue;
    part.set({ [key]: parseOption(part.method.name, part.schema, key, value) }, from);
  }
}

/** Applies what the text says after the methods; throws UsageError where it sets an option twice. */
function applyText(
  tail: readonly string[],
  text: string,
  parts: readonly Part[],
  methods: ReadonlyMap<string, Method>,
): void {
  // A comma separates settings only where a key follows, because lists are written with commas too.
  const tokens = tail.flatMap((token) => token.split(/,(?=[A-Za-z][\w.-]*=)/));
  const given = new Set<string>();
  for (const token of tokens) {
    for (const key of applyToken(token, text, parts, methods)) {
      if (given.has(key)) throw new UsageError(`"${text}" sets ${key} twice.`);
      given.add(key);
    }
  }
}

/**
 * Applies `key=value` or an ablation's name to the part that it means; returns what it sets, as `method.key`.
 */
function applyToken(
  token: string,
  text: string,
  parts: readonly Part[],
  methods: ReadonlyMap<string, Method>,
): string[] {
  const at = token.indexOf('=');
  const left = at < 0 ? token : token.slice(0, at);
  const dot = left.indexOf('.');
  const candidates = dot < 0 ? parts : partsNamed(left.slice(0, dot), left, text, parts);
  const key = left.slice(dot + 1);
  if (at < 0) return applyAblation(key, text, candidates);
  const option = camelCase(key);
  const part = only(candidatesWith(option, candidates), option, text);
  if (!part) {
    const schemas = candidates.map(({ schema }) => schema);
    throw unknownOption(namesOf(candidates).join('+'), schemas, option, ownersOf(option, methods));
  }
  const value = parseOption(part.method.name, part.schema, option, token.slice(at + 1));
  part.set({ [option]: value }, '--method');
  return [`${part.method.name}.${option}`];
}

function partsNamed(name: string, left: string, text: string, parts: readonly Part[]): Part[] {
  const named = parts.filter(({ method }) => method.name === name);
  if (named.length > 0) return named;
  throw new UsageError(`"${left}" in "${text}" names no part of it; parts: ${namesOf(parts).join(', ')}.`);
}

function applyAblation(name: string, text: string, candidates: readonly Part[]): string[] {
  const part = only(
    candidates.filter(({ ablations }) => name in ablations),
    name,
    text,
  );
  if (!part) throw noAblation(name, text, candidates);
  const ablation = part.ablations[name]!;
  part.set({ ...ablation }, '--method');
  return Object.keys(ablation).map((key) => `${part.method.name}.${key}`);
}

/**
 * The error for a name without `=` that is no ablation: an option without its value, or nothing that exists.
 */
function noAblation(name: string, text: string, candidates: readonly Part[]): UsageError {
  const [owner] = candidatesWith(camelCase(name), candidates);
  if (owner) {
    const { description } = owner.schema.shape[camelCase(name)] as z.ZodType;
    const meaning = description ? ` (${name}: ${description})` : '';
    return new UsageError(
      `"${name}" in "${text}" is an option of ${owner.method.name} and needs a value: ${name}=VALUE.${meaning}`,
    );
  }
  const names = candidates.flatMap(({ ablations }) => Object.keys(ablations));
  const list =
    names.length > 0 ? `Ablations: ${names.join(', ')}.` : 'It has none; an option is set by key=value.';
  return new UsageError(
    `${namesOf(candidates).join('+')} has no ablation "${name}".${didYouMean(name, names)} ${list}`,
  );
}

/** The one part that is meant; throws UsageError where there are several. */
function only(parts: readonly Part[], key: string, text: string): Part | undefined {
  if (parts.length < 2) return parts[0];
  const ways = namesOf(parts).map((name) => `${name}.${key}`);
  throw new UsageError(`"${key}" in "${text}" could mean ${ways.join(' or ')}; say which.`);
}

const candidatesWith = (option: string, parts: readonly Part[]): Part[] =>
  parts.filter(({ schema }) => option in schema.shape);

const namesOf = (parts: readonly Part[]): string[] => parts.map(({ method }) => method.name);

/** The names of an option's keys in a method's schema. */
function keysOf({ options }: Method): string[] {
  return Object.keys(options.shape);
}

/** The methods that have an option. */
function ownersOf(option: string, methods: ReadonlyMap<string, Method>): string[] {
  return [...methods.values()].filter((method) => keysOf(method).includes(option)).map(({ name }) => name);
}

/** Throws UsageError where no method of the variants has an option, with the methods that have it. */
export function checkOptionUsed(
  key: string,
  variants: readonly Variant[],
  methods: ReadonlyMap<string, Method>,
): void {
  const used = variants.flatMap(({ parts }) => parts.map(({ method }) => method));
  const keys = used.flatMap(keysOf);
  if (keys.includes(key)) return;
  const lists = used.map((method) => ` ${method.name}: ${keysOf(method).join(', ') || 'none'}.`);
  const optionsOf = `Options of${[...new Set(lists)].join('')}`;
  const others = ownersOf(key, methods);
  if (others.length > 0) {
    throw new UsageError(
      `"${key}" is an option of ${others.join(', ')}, of which none is asked for here. ${optionsOf}`,
    );
  }
  const hyper = Object.keys(recipeSchema.shape);
  throw new UsageError(
    `There is no setting "${key}": it is neither a hyper-parameter nor an option of the methods.` +
      `${suggestKey(key, [...hyper, ...keys])} Hyper-parameters: ${hyper.join(', ')}. ${optionsOf}`,
  );
}
