import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { UsageError, messageOf } from '../../support/errors.ts';
import type { Task } from '../../data/examples/task.ts';
import { evaluationProtocols, measures, type Evaluation } from '../../evaluation/evaluation.ts';
import type { Method } from '../../models/method.ts';
import '../../support/validation-messages.ts';
import { recipeSchema } from '../../training/recipe.ts';
import { projectRoot } from '../../support/project-root.ts';

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

const taskBase = z.object({
  name: aName,
  label: text,
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
  defaults: recipeDefaults,
  load: aFunction,
  score: aFunction,
});
const taskSchema = z.discriminatedUnion('kind', [
  taskBase.extend({
    kind: z.literal('text'),
    encode: aFunction,
    clean: aFunction,
    resampler: aFunction.optional(),
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
]);
const evaluationsSchema = z.preprocess(
  (exported): unknown => (Array.isArray(exported) ? exported : [exported]),
  z.array(evaluationSchema).min(1),
);

/** Every method by name, from the files of methods/; throws UsageError naming the file and field that is wrong. */
export async function loadMethods(
  folder = join(projectRoot, 'methods'),
): Promise<ReadonlyMap<string, Method>> {
  const methods = await loadFolder<Method>(folder, methodSchema);
  for (const [file, method] of methods) {
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
  return byName(methods);
}

/** Every task by name, from the files of tasks/; throws UsageError naming the file and field that is wrong. */
export async function loadTasks(folder = join(projectRoot, 'tasks')): Promise<ReadonlyMap<string, Task>> {
  return byName(await loadFolder<Task>(folder, taskSchema));
}

/** Every evaluation by name, from the files of evaluations/, which export one or a list; throws UsageError naming the file and field that is wrong. */
export async function loadEvaluations(
  folder = join(projectRoot, 'evaluations'),
): Promise<ReadonlyMap<string, Evaluation>> {
  const files = await loadFolder<Evaluation | readonly Evaluation[]>(folder, evaluationsSchema);
  const all = new Map<string, Evaluation>();
  for (const [file, exported] of files) {
    for (const evaluation of 'name' in exported ? [exported] : exported) {
      if (all.has(evaluation.name)) throw wrongField(file, 'name', `"${evaluation.name}" is there already`);
      all.set(evaluation.name, evaluation);
    }
  }
  return all;
}

function byName<T extends { readonly name: string }>(
  plugins: ReadonlyMap<string, T>,
): ReadonlyMap<string, T> {
  return new Map([...plugins.values()].map((plugin) => [plugin.name, plugin]));
}

/** The default exports of a folder's files, by file; one that has a name is called as its file. */
async function loadFolder<T extends object>(
  folder: string,
  schema: z.ZodType,
): Promise<ReadonlyMap<string, T>> {
  const names = (await readdir(folder)).filter((name) => extname(name) === '.ts').sort();
  const files = names.map((name) => join(folder, name));
  return new Map(
    await Promise.all(files.map(async (file) => [file, await loadFile<T>(file, schema)] as const)),
  );
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
  const expected = basename(file, '.ts');
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
