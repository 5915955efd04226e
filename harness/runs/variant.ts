import type { z } from 'zod';
import { didYouMean, UsageError } from '../data/errors.ts';
import type { Method } from '../models/types.ts';
import { canonicalJson } from './canonical.ts';
import { camelCase, checkOptions, formatValue, parseOption, unknownOption, type Options } from './options.ts';

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
}

/**
 * Reads `<method>[+<method>…][~key=value…]`. A part's own option is `~lora.rank=4`, an ablation is named without `=`;
 * settings after the first may also be parted by commas. `published` gives a method's options in a published recipe, which
 * all settings beat. Throws UsageError with what exists.
 */
export function parseVariant(
  text: string,
  methods: ReadonlyMap<string, Method>,
  settings: readonly OptionSetting[] = [],
  published: (method: string) => Options = () => ({}),
): Variant {
  // A `+` after the first `~` belongs to a value (position=ffn+attn).
  const [head, ...rest] = text.split('~');
  const parts = head!.split('+').map((name) => new Part(findMethod(name, text, methods)));
  const names = parts.map(({ method }) => method.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new UsageError(`"${text}" has ${twice} twice; a method can be composed once.`);
  for (const part of parts) {
    Object.assign(part.values, published(part.method.name));
    for (const { key, value } of settings) {
      if (key in part.schema.shape) part.values[key] = parseOption(part.method.name, part.schema, key, value);
    }
  }
  // A comma parts settings only where a key follows, because lists are written with commas too.
  const tokens = rest.flatMap((token) => token.split(/,(?=[A-Za-z][\w.-]*=)/));
  const given = new Set<string>();
  for (const token of tokens)
    for (const key of apply(token, text, parts)) {
      if (given.has(key)) throw new UsageError(`"${text}" sets ${key} twice.`);
      given.add(key);
    }
  return describeVariant(
    parts.map(({ method, schema, values }) => ({
      method,
      options: checkOptions(method.name, schema, values),
    })),
  );
}

class Part {
  readonly method: Method;
  readonly values: Options = {};

  constructor(method: Method) {
    this.method = method;
  }

  get schema(): z.ZodObject {
    return this.method.options as unknown as z.ZodObject;
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
function apply(token: string, text: string, parts: readonly Part[]): string[] {
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
  if (!part)
    throw unknownOption(candidates.map(({ method }) => method.name).join('+'), candidates[0]!.schema, option);
  part.values[option] = parseOption(part.method.name, part.schema, option, token.slice(at + 1));
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
  Object.assign(part.values, ablation);
  return Object.keys(ablation).map((key) => `${part.method.name}.${key}`);
}

function only(parts: readonly Part[], key: string, text: string): Part | undefined {
  if (parts.length < 2) return parts[0];
  const ways = parts.map(({ method }) => `${method.name}.${key}`).join(' or ');
  throw new UsageError(`"${key}" in "${text}" could mean ${ways}; say which.`);
}

/** A variant of methods with their options, with its shortest name. */
export function describeVariant(parts: readonly VariantPart[]): Variant {
  const changes = parts.map(({ method, options }) => changesOf(method, options));
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

/** What differs from the defaults, as ablations where these fit and `key=value` else. */
function changesOf(method: Method, options: Options): string[] {
  const schema = method.options as unknown as z.ZodObject;
  // A method with an option that has no default has none to differ from.
  const defaults = schema.safeParse({}).data ?? {};
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
