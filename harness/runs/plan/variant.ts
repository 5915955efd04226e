import type { z } from 'zod';
import { didYouMean, UsageError } from '../../support/errors.ts';
import type { Method } from '../../models/method.ts';
import { canonicalJson } from '../../support/canonical-json.ts';
import {
  camelCase,
  checkOptions,
  formatValue,
  parseOption,
  unknownOption,
  type Options,
} from './option-values.ts';

/** One method of a variant with all its options. */
export interface VariantPart {
  readonly method: Method;
  readonly options: Options;
}

/** A method, or several together, with every option resolved. */
export interface Variant {
  /** The shortest text that means it, the same for every way to write it: `red~position=attn`. */
  readonly name: string;
  /** As tables print it: `RED (position=attn)`. */
  readonly label: string;
  readonly parts: readonly VariantPart[];
}

/** A `--set` for options of methods; it applies to every part that has the option. */
export interface OptionSetting {
  readonly key: string;
  readonly value: string;
  /** What it was given by; `--set` where absent. */
  readonly from?: '--set' | '--sweep';
}

/** Settings that come from one place: a task, a method, a recipe, … */
export interface Layer {
  /** As a dry run names it: `recipe roberta-mini (built-in)`. */
  readonly from: string;
  readonly values: Options;
}

/** Where the value of each key comes from; a key that is absent has its default. */
export type Origins = Readonly<Record<string, string>>;

/**
 * Reads `<method>[+<method>…][~key=value…]`. A part's own option is `~lora.rank=4`, an ablation is named without `=`;
 * settings after the first may also be parted by commas. Throws UsageError with what exists.
 */
export function parseVariant(
  text: string,
  methods: ReadonlyMap<string, Method>,
  settings: readonly OptionSetting[] = [],
): Variant {
  return readVariant(text, methods, settings, () => undefined).variant;
}

/**
 * The same where a recipe may give options, which all settings beat: name and label say only what differs from the recipe, and
 * the origins of each part's options are told.
 */
export function readVariant(
  text: string,
  methods: ReadonlyMap<string, Method>,
  settings: readonly OptionSetting[],
  published: (method: string) => Layer | undefined,
): { variant: Variant; origins: readonly Origins[] } {
  // A `+` after the first `~` belongs to a value (position=ffn+attn).
  const [head, ...rest] = text.split('~');
  const parts = head!.split('+').map((name) => new Part(findMethod(name, text, methods)));
  const names = parts.map(({ method }) => method.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new UsageError(`"${text}" has ${twice} twice; a method can be composed once.`);
  const recipes = parts.map(({ method }) => published(method.name));
  for (const [i, part] of parts.entries()) {
    const recipe = recipes[i];
    if (recipe) part.take(recipe.values, recipe.from);
    for (const { key, value, from = '--set' } of settings) {
      if (!(key in part.schema.shape)) continue;
      part.take({ [key]: parseOption(part.method.name, part.schema, key, value) }, from);
    }
  }
  // A comma parts settings only where a key follows, because lists are written with commas too.
  const tokens = rest.flatMap((token) => token.split(/,(?=[A-Za-z][\w.-]*=)/));
  const given = new Set<string>();
  for (const token of tokens)
    for (const key of apply(token, text, parts, methods)) {
      if (given.has(key)) throw new UsageError(`"${text}" sets ${key} twice.`);
      given.add(key);
    }
  const described = parts.map(({ method, schema, values }) => ({
    method,
    options: checkOptions(method.name, schema, values),
  }));
  return {
    variant: describeVariant(
      described,
      recipes.map((recipe) => recipe?.values ?? {}),
    ),
    origins: parts.map(({ origins }) => origins),
  };
}

class Part {
  readonly method: Method;
  readonly values: Options = {};
  readonly origins: Record<string, string> = {};

  constructor(method: Method) {
    this.method = method;
  }

  take(values: Options, from: string): void {
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

function findMethod(name: string, text: string, methods: ReadonlyMap<string, Method>): Method {
  const method = methods.get(name);
  if (method) return method;
  const within = name === text ? '' : ` (in "${text}")`;
  throw new UsageError(
    `There is no method "${name}"${within}.${didYouMean(name, methods.keys())} Methods: ${[...methods.keys()].join(', ')}.`,
  );
}

/** Applies one setting to the part that it means; returns what it sets, as `method.key`. */
function apply(
  token: string,
  text: string,
  parts: readonly Part[],
  methods: ReadonlyMap<string, Method>,
): string[] {
  const at = token.indexOf('=');
  const left = at < 0 ? token : token.slice(0, at);
  const dot = left.indexOf('.');
  const named = parts.filter(({ method }) => method.name === left.slice(0, dot));
  if (dot >= 0 && named.length === 0) {
    const names = parts.map(({ method }) => method.name).join(', ');
    throw new UsageError(`"${left}" in "${text}" names no part of it; parts: ${names}.`);
  }
  const candidates = dot >= 0 ? named : parts;
  const key = dot >= 0 ? left.slice(dot + 1) : left;
  if (at < 0) return applyAblation(key, text, candidates);
  const option = camelCase(key);
  const part = only(
    candidates.filter(({ schema }) => option in schema.shape),
    option,
    text,
  );
  if (!part) {
    const owner = candidates.map(({ method }) => method.name).join('+');
    const schemas = candidates.map(({ schema }) => schema);
    throw unknownOption(owner, schemas, option, ownersOf(option, methods));
  }
  part.take(
    { [option]: parseOption(part.method.name, part.schema, option, token.slice(at + 1)) },
    '--method',
  );
  return [`${part.method.name}.${option}`];
}

function applyAblation(name: string, text: string, candidates: readonly Part[]): string[] {
  const part = only(
    candidates.filter(({ ablations }) => name in ablations),
    name,
    text,
  );
  if (!part) {
    const names = candidates.flatMap(({ ablations }) => Object.keys(ablations));
    const list = names.length
      ? `Ablations: ${names.join(', ')}.`
      : 'It has none; an option is set by key=value.';
    throw new UsageError(
      `${candidates.map(({ method }) => method.name).join('+')} has no ablation "${name}".${didYouMean(name, names)} ${list}`,
    );
  }
  const ablation = part.ablations[name]!;
  part.take({ ...ablation }, '--method');
  return Object.keys(ablation).map((key) => `${part.method.name}.${key}`);
}

function only(parts: readonly Part[], key: string, text: string): Part | undefined {
  if (parts.length < 2) return parts[0];
  const ways = parts.map(({ method }) => `${method.name}.${key}`).join(' or ');
  throw new UsageError(`"${key}" in "${text}" could mean ${ways}; say which.`);
}

/** The methods that have an option. */
export function ownersOf(option: string, methods: ReadonlyMap<string, Method>): string[] {
  return [...methods.values()].flatMap(({ name, options }) => (option in options.shape ? [name] : [])); // prettier-ignore
}

/** A variant of methods with their options, with its shortest name beside what `given` (of a recipe) says of each part. */
export function describeVariant(parts: readonly VariantPart[], given: readonly Options[] = []): Variant {
  const changes = parts.map(({ method, options }, i) => changesOf(method, options, given[i] ?? {}));
  const settings = parts.flatMap(({ method }, i) =>
    changes[i]!.map((change) => `~${parts.length > 1 ? `${method.name}.` : ''}${change}`),
  );
  const labels = parts.map(({ method }, i) =>
    changes[i]!.length ? `${method.label} (${changes[i]!.join(', ')})` : method.label,
  );
  return {
    name: parts.map(({ method }) => method.name).join('+') + settings.join(''),
    label: labels.join(' + '),
    parts,
  };
}

/** What differs from the defaults and what is given, as ablations where these fit and `key=value` else. */
function changesOf(method: Method, options: Options, given: Options): string[] {
  const schema = method.options;
  // A method with an option that has no default has none to differ from.
  const defaults = schema.safeParse(given).data ?? given;
  const changed = new Map(
    Object.entries(options).filter(
      ([key, value]) => value !== undefined && canonicalJson(value) !== canonicalJson(defaults[key]),
    ),
  );
  const named: string[] = [];
  for (const [name, ablation] of Object.entries(method.ablations ?? {})) {
    const entries = Object.entries(ablation);
    const fits = entries.every(
      ([key, value]) => changed.has(key) && canonicalJson(changed.get(key)) === canonicalJson(value),
    );
    if (!fits || entries.length === 0) continue;
    named.push(name);
    for (const [key] of entries) changed.delete(key);
  }
  return [...named, ...[...changed].map(([key, value]) => `${key}=${formatValue(value)}`)];
}
