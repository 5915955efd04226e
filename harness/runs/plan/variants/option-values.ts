/**
 * Reads, checks and describes the values of options: those of methods and the hyper-parameters of recipes,
 * which zod schemas declare. Used by whatever takes `key=value`, and by help and lists.
 */
import { z } from 'zod';
import { didYouMean, UsageError } from '../../../support/errors.ts';
import { problemOf } from '../../../support/json/validation-messages.ts';

/** Options by key. */
export type Options = Record<string, unknown>;

/** A `key=value` of `--set` or `--sweep`; it applies to every method that has the option. */
export interface OptionSetting {
  readonly key: string;
  readonly value: string;
  /** The option of the command line that gave it; `--set` where absent. */
  readonly from?: '--set' | '--sweep';
}

/** Values that come from one place: a task, a method, a recipe, … */
export interface Layer {
  /** The place as a dry run names it: `recipe roberta-mini (built-in)`. */
  readonly from: string;
  readonly values: Options;
}

/** Where the value of each key comes from; a key that is absent has its default. */
export type Origins = Readonly<Record<string, string>>;

/** Writes `virtual-tokens` as the schemas do: `virtualTokens`. */
export function camelCase(key: string): string {
  return key.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Splits `key=value`; throws UsageError where there is no key or no `=`. */
export function splitSetting(text: string): { key: string; value: string } {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`"${text}" is not of the form key=value, such as learningRate=0.001.`);
  return { key: camelCase(text.slice(0, at)), value: text.slice(at + 1) };
}

/**
 * Reads the value of one field of a schema: a number, a boolean, a comma-separated list or the text itself,
 * whichever the field takes first. Throws UsageError with what is allowed.
 */
export function parseOption(owner: string, schema: z.ZodObject, key: string, text: string): unknown {
  const field = schema.shape[key] as z.ZodType | undefined;
  if (!field) throw unknownOption(owner, [schema], key);
  const readings = [scalar(text), text.split(',').map(scalar), text];
  for (const reading of readings) {
    const parsed = field.safeParse(reading);
    if (parsed.success) return reading;
  }
  // A problem within a list says more than that the text is no list.
  const problems = readings.map((reading) => field.safeParse(reading).error!);
  const problem = problems.find(({ issues: [first] }) => first!.path.length > 0) ?? problems[0]!;
  const meaning = field.description ? ` (${key}: ${field.description})` : '';
  throw new UsageError(`${owner}: ${key}=${text} is not allowed: ${problemOf(problem)}.${meaning}`);
}

/** Checks a whole set of options and fills in defaults; throws UsageError naming the option. */
export function checkOptions(owner: string, schema: z.ZodObject, values: Options): Options {
  for (const key of Object.keys(values))
    if (!(key in schema.shape)) throw unknownOption(owner, [schema], key);
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${owner}: ${problemOf(parsed.error)}.`);
}

/**
 * The error for an option that does not exist: it lists those that do, and the `others` that have this one.
 */
export function unknownOption(
  owner: string,
  schemas: readonly z.ZodObject[],
  key: string,
  others: readonly string[] = [],
): UsageError {
  const names = [...new Set(schemas.flatMap(({ shape }) => Object.keys(shape)))];
  const list = names.length ? `It has: ${names.join(', ')}.` : 'It has no options.';
  const elsewhere = others.length > 0 ? ` ${key} is an option of ${others.join(', ')}.` : '';
  return new UsageError(`${owner} has no option "${key}".${suggestKey(key, names)} ${list}${elsewhere}`);
}

/** The names that other tools give our settings, in lower case and without separators. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  learningRate: ['lr', 'rate', 'stepsize', 'peaklr', 'maxlr', 'eta'],
  headLearningRate: ['headlr'],
  batchSize: ['bs', 'batch', 'trainbatchsize', 'perdevicetrainbatchsize'],
  microBatch: ['microbatchsize', 'minibatch'],
  weightDecay: ['wd', 'decay', 'l2'],
  epochs: ['epoch', 'numepochs', 'numtrainepochs', 'nepochs'],
  maxSteps: ['steps', 'numsteps', 'trainsteps', 'iterations', 'iters'],
  warmup: ['warmupsteps', 'warmupratio', 'numwarmupsteps'],
  schedule: ['scheduler', 'lrscheduler', 'lrschedulertype', 'lrschedule'],
  optimizer: ['optim', 'opt', 'optimiser'],
  clip: ['gradclip', 'gradientclipping', 'maxgradnorm', 'clipnorm', 'gradnorm'],
  epsilon: ['eps', 'adamepsilon'],
  beta1: ['adambeta1'],
  beta2: ['adambeta2'],
  labelSmoothing: ['smoothing', 'labelsmoothingfactor'],
  promptLength: ['maxlength', 'maxlen', 'seqlen', 'seqlength', 'maxseqlength', 'maxinputlength'],
  targetLength: ['maxtargetlength'],
  maxNewTokens: ['newtokens', 'maxgenlength'],
  beams: ['numbeams', 'beamsize', 'beam'],
  noRepeatNgram: ['norepeatngramsize'],
  evaluateEvery: ['evalsteps', 'evalevery', 'evalinterval'],
  patience: ['earlystoppingpatience'],
  rank: ['r', 'lorar', 'lorarank', 'rankdimension'],
  alpha: ['loraalpha'],
  dropout: ['loradropout'],
  targets: ['targetmodules', 'modules'],
  rankStabilized: ['userslora', 'rslora'],
  bottleneck: ['bottleneckdim', 'bottlenecksize', 'adaptersize', 'reductionfactor'],
  virtualTokens: ['numvirtualtokens', 'prefixlength', 'promptlen', 'preseqlen'],
};

/** The name that is meant by a key as other tools or other spellings have it. */
export function sameName(key: string, names: readonly string[]): string | undefined {
  const plain = key.toLowerCase().replace(/[^a-z0-9]/g, '');
  return (
    names.find((name) => name === key) ??
    names.find((name) => name.toLowerCase() === plain || otherNames[name]?.includes(plain))
  );
}

/**
 * ` Did you mean "learningRate"?` for the name that another tool uses, or for one that is nearly written so.
 */
export function suggestKey(key: string, names: readonly string[]): string {
  const same = sameName(key, names);
  return same === undefined ? didYouMean(key, names) : ` Did you mean "${same}"?`;
}

function scalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** An option as help and lists show it. */
export interface OptionHelp {
  readonly name: string;
  /** The type in words, such as `integer` or `ffn | attn`. */
  readonly type: string;
  readonly default?: unknown;
  readonly description: string;
}

/** The parts of JSON Schema that zod's schemas of options become. */
interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: string | number | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly default?: unknown;
  readonly description?: string;
}

/** Lists the options of a schema with their types, defaults and descriptions. */
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

/** Writes an option's value as the command line takes it. */
export function formatValue(value: unknown): string {
  return typeof value === 'string' ? value : Array.isArray(value) ? value.join(',') : JSON.stringify(value);
}
