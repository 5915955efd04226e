/**
 * Loads and checks plugins: the methods, tasks and evaluations of deltabench itself and those of the folder
 * where it is started. One file is one plugin and is called as it; a name stands once.
 */
import { basename, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { UsageError, messageOf } from '../../support/errors.ts';
import type { Task } from '../../data/examples/task.ts';
import { evaluationProtocols, measures, type Evaluation } from '../../evaluation/evaluation.ts';
import type { Method } from '../../models/method.ts';
import '../../support/json/validation-messages.ts';
import { recipeSchema } from '../../training/recipe.ts';
import { modulesIn, pluginFiles, type PluginKind } from '../plugins/plugin-modules.ts';

const aFunction = z.custom((value) => typeof value === 'function', 'expected a function');
const aName = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected lower-case words joined by hyphens');
const text = z.string().min(1);
const settings = z.record(z.string(), z.unknown());
const recipeDefaults = settings.superRefine((values, context) => {
  const parsed = recipeSchema.partial().safeParse(values);
  for (const issue of parsed.error?.issues ?? []) {
    context.addIssue({ code: 'custom', path: issue.path, message: issue.message });
  }
});

const methodSchema = z.object({
  name: aName,
  label: text,
  paper: text,
  formula: text.optional(),
  options: z.instanceof(z.ZodObject, { message: 'expected z.strictObject({…})' }),
  ablations: z.record(text, settings).optional(),
  defaults: recipeDefaults.optional(),
  attach: aFunction,
});

const dataSize = z.object({
  train: z.int().positive(),
  validation: z.int().min(0),
  test: z.int().min(0),
  tokens: z.number().positive(),
});
const taskBase = z.object({
  name: aName,
  label: text,
  groups: z.array(aName).optional(),
  version: z.int().positive(),
  metrics: z
    .array(
      z.object({
        name: text,
        higherIsBetter: z.boolean(),
        scale: z.number().positive(),
        decimals: z.int().min(0),
        set: text.optional(),
        resample: aFunction.optional(),
        resamples: z.int().positive().optional(),
      }),
    )
    .min(1),
  sizes: dataSize.optional(),
  builtinSizes: dataSize.optional(),
  defaults: recipeDefaults,
  evaluations: z.array(text).optional(),
  builtinEvaluations: z.array(text).optional(),
  load: aFunction,
  score: aFunction,
});
const taskSchema = z.discriminatedUnion('kind', [
  taskBase.extend({
    kind: z.literal('text'),
    encode: aFunction,
    clean: aFunction,
    resampler: aFunction.optional(),
    hasTemplates: z.literal(true).optional(),
  }),
  taskBase
    .extend({
      kind: z.literal('label'),
      classes: z.array(text).min(2).optional(),
      selection: text,
      draw: aFunction,
      write: aFunction,
      read: aFunction,
    })
    .refine(({ metrics, selection }) => metrics.some(({ name }) => name === selection), {
      path: ['selection'],
      message: 'expected one of the metrics',
    }),
]);

const evaluationBase = z.object({
  name: aName,
  label: text,
  version: z.int().positive(),
  sources: z.array(z.enum(['built-in', 'hub', 'folder'])).min(1),
  groups: z.array(aName).optional(),
  groupMean: z.literal('parts').optional(),
  shots: z
    .partialRecord(z.enum(evaluationProtocols), z.int().min(0))
    .refine((shots) => Object.keys(shots).length > 0, 'expected a protocol at least'),
  fixedShots: z.literal(true).optional(),
  examples: z.enum(['drawn', 'drawn-beside', 'first']),
  description: text.optional(),
  load: aFunction,
});
const evaluationSchema = z.discriminatedUnion('kind', [
  evaluationBase.extend({
    kind: z.literal('choices'),
    measures: z.array(z.enum(measures)).min(1),
    encode: aFunction.optional(),
  }),
  evaluationBase.extend({
    kind: z.literal('text'),
    measures: z.array(text).min(1),
    decoding: aFunction,
    read: aFunction,
  }),
  evaluationBase.extend({
    kind: z.literal('answers'),
    measures: z.tuple([]),
    writing: aFunction,
    answersFile: aFunction,
  }),
]);
const evaluationsSchema = z.preprocess(
  (exported): unknown => (Array.isArray(exported) ? exported : [exported]),
  z.array(evaluationSchema).min(1),
);

/**
 * Every method by name, from the files of methods/; throws UsageError naming the file and field that is
 * wrong, or the two files of one name.
 */
export async function loadMethods(folders?: readonly string[]): Promise<ReadonlyMap<string, Method>> {
  const methods = await loadFiles<Method>('methods', methodSchema, folders);
  for (const [file, method] of methods) checkAblations(file, method);
  return byName(methods);
}

/** Every task by name, from the files of tasks/; throws as loadMethods. */
export async function loadTasks(folders?: readonly string[]): Promise<ReadonlyMap<string, Task>> {
  return byName(await loadFiles<Task>('tasks', taskSchema, folders));
}

/**
 * Every evaluation by name, from the files of evaluations/, which export one or a list; throws as
 * loadMethods.
 */
export async function loadEvaluations(folders?: readonly string[]): Promise<ReadonlyMap<string, Evaluation>> {
  const files = await loadFiles<Evaluation | readonly Evaluation[]>(
    'evaluations',
    evaluationsSchema,
    folders,
  );
  return byName(
    files.flatMap(([file, exported]) =>
      ('name' in exported ? [exported] : exported).map((evaluation) => [file, evaluation] as const),
    ),
  );
}

/** Throws UsageError where a named variant sets an option that the method does not have, or wrongly. */
function checkAblations(file: string, method: Method): void {
  const { options } = method;
  for (const [name, values] of Object.entries(method.ablations ?? {})) {
    const unknown = Object.keys(values).find((key) => !(key in options.shape));
    const reason =
      unknown === undefined
        ? options.partial().safeParse(values).error?.issues[0]?.message
        : `there is no option "${unknown}"`;
    if (reason !== undefined) throw wrongField(file, `ablations.${name}`, reason);
  }
}

/** Plugins by name; throws UsageError where two files have the same. */
function byName<T extends { readonly name: string }>(
  plugins: readonly (readonly [file: string, plugin: T])[],
): ReadonlyMap<string, T> {
  const files = new Map<string, string>();
  for (const [file, { name }] of plugins) {
    const other = files.get(name);
    if (other !== undefined) {
      throw new UsageError(`${file} has the name "${name}", which ${other} has already: rename one of them.`);
    }
    files.set(name, file);
  }
  return new Map(plugins.map(([, plugin]) => [plugin.name, plugin]));
}

/**
 * The default exports of a kind's files, or of those in the folders given; one that has a name is called as
 * its file.
 */
async function loadFiles<T extends object>(
  kind: PluginKind,
  schema: z.ZodType,
  folders: readonly string[] | undefined,
): Promise<(readonly [file: string, plugin: T])[]> {
  const files = folders ? (await Promise.all(folders.map(modulesIn))).flat() : await pluginFiles(kind);
  return Promise.all(files.map(async (file) => [file, await loadFile<T>(file, schema)] as const));
}

async function loadFile<T extends object>(file: string, schema: z.ZodType): Promise<T> {
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    const reason = messageOf(error);
    throw new UsageError(`${file} cannot be loaded: ${reason}`, { cause: error });
  }
  if (module.default === undefined) throw new UsageError(`${file} has no default export.`);
  const issue = schema.safeParse(module.default).error?.issues[0];
  if (issue) throw wrongField(file, issue.path.join('.') || 'default export', issue.message);
  const plugin = module.default as T;
  const expected = basename(file, extname(file));
  if ('name' in plugin && plugin.name !== expected) {
    throw wrongField(
      file,
      'name',
      `expected "${expected}", as the file is called, got "${String(plugin.name)}"`,
    );
  }
  return plugin;
}

function wrongField(file: string, field: string, reason: string): UsageError {
  return new UsageError(`${file}: ${field}: ${reason}.`);
}
