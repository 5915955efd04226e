import { z } from 'zod';
import { didYouMean, UsageError } from '../data/errors.ts';

export type Options = Record<string, unknown>;

/** `virtual-tokens` as the schemas write it: `virtualTokens`. */
export function camelCase(key: string): string {
  return key.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Splits `key=value`; throws UsageError where there is no key or no `=`. */
export function splitSetting(text: string): { key: string; value: string } {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`"${text}" is not of the form key=value.`);
  return { key: camelCase(text.slice(0, at)), value: text.slice(at + 1) };
}

/**
 * The value that a text stands for in one field of a schema: a number, a boolean, a comma-separated list or the text
 * itself, whichever the field takes. Throws UsageError with what is allowed.
 */
export function parseOption(owner: string, schema: z.ZodObject, key: string, text: string): unknown {
  const field = schema.shape[key] as z.ZodType | undefined;
  if (!field) throw unknownOption(owner, schema, key);
  const readings = [scalar(text), text.split(',').map(scalar), text];
  for (const reading of readings) {
    const parsed = field.safeParse(reading);
    if (parsed.success) return reading;
  }
  const reason = field.safeParse(readings[0]).error!.issues[0]!.message;
  const { description } = field;
  throw new UsageError(
    `${owner}: ${key}=${text} is not allowed. ${reason}.${description ? ` (${key}: ${description})` : ''}`,
  );
}

/** Checks a whole set of options and fills in defaults; throws UsageError naming the option. */
export function checkOptions(owner: string, schema: z.ZodObject, values: Options): Options {
  for (const key of Object.keys(values)) if (!(key in schema.shape)) throw unknownOption(owner, schema, key);
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UsageError(`${owner}: ${issue.path.join('.') || 'options'}: ${issue.message}.`);
}

/** The error for an option that does not exist, with those that do. */
export function unknownOption(owner: string, schema: z.ZodObject, key: string): UsageError {
  const names = Object.keys(schema.shape);
  const list = names.length ? `It has: ${names.join(', ')}.` : 'It has no options.';
  return new UsageError(`${owner} has no option "${key}".${didYouMean(key, names)} ${list}`);
}

function scalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** One option as help shows it. */
export interface OptionHelp {
  readonly name: string;
  /** Such as `integer`, `ffn | attn`. */
  readonly type: string;
  readonly default?: unknown;
  readonly description: string;
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: string | number | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly default?: unknown;
  readonly description?: string;
}

/** The options of a schema with their types, defaults and descriptions. */
export function describeOptions(schema: z.ZodObject): OptionHelp[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return Object.entries((json.properties ?? {}) as Record<string, JsonSchema>).map(([name, field]) => ({
    name,
    type: typeName(field),
    ...(field.default === undefined ? {} : { default: field.default }),
    description: field.description ?? '',
  }));
}

function typeName(field: JsonSchema): string {
  if (field.enum) return field.enum.map(String).join(' | ');
  if (field.const !== undefined) return String(field.const);
  if (field.anyOf) return field.anyOf.map(typeName).join(' | ');
  if (field.type === 'array') return `list of ${typeName(field.items ?? {})}`;
  return field.type ?? 'any';
}

/** An option's value as it is written on the command line. */
export function formatValue(value: unknown): string {
  return typeof value === 'string' ? value : Array.isArray(value) ? value.join(',') : JSON.stringify(value);
}
