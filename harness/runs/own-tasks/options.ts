/**
 * The options of the tasks `text` and `classify`, whose data is a file or a folder of the user's. They come
 * from the command line and from a JSON file beside the data, of which the command line wins.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemOf } from '../../support/json/validation-messages.ts';
import { isFile, isFolder, readJson } from '../../support/read-files.ts';

const text = z.string().min(1);
const metricNames = ['accuracy', 'f1', 'macro-f1', 'matthews'] as const;
/** A metric of `classify` as an option names it. */
export type ClassMetric = (typeof metricNames)[number];

const schemas = {
  text: z.strictObject({
    input: text.describe('the column of what the model reads'),
    target: text.describe('the column of what it learns to write'),
    references: text.optional().describe('the column of what counts as right; the target where absent'),
    split: text.optional(),
  }),
  classify: z.strictObject({
    text: text.describe('the column of the sentence'),
    text2: text.optional().describe('the column of a second sentence'),
    label: text.describe('the column of the class'),
    metric: z.array(z.enum(metricNames)).min(1).optional(),
    split: text.optional(),
  }),
};

/** The names of the tasks, with what `list tasks` says of them. */
export const ownTasks = {
  text: 'your own pairs of texts: --data FILE --input COLUMN --target COLUMN',
  classify: 'your own classes: --data FILE --text COLUMN --label COLUMN',
} as const;
/** The name of a task whose data is the user's. */
export type OwnTaskName = keyof typeof ownTasks;

/** Whether a task takes the user's data. */
export function isOwnTask(name: string): name is OwnTaskName {
  return Object.hasOwn(ownTasks, name);
}

/** Options of either task as given; it is JSON, so that a request can carry it. */
export type GivenOptions = Readonly<Record<string, string | readonly string[]>>;
/** Options of `text`, checked. */
export type TextOptions = z.infer<(typeof schemas)['text']>;
/** Options of `classify`, checked. */
export type ClassifyOptions = z.infer<(typeof schemas)['classify']>;

/** The names of a task's options. */
export function optionsOf(task: OwnTaskName): string[] {
  return Object.keys(schemas[task].shape);
}

/**
 * Joins the options that were given with those of the file beside the data (`reviews.deltabench.json` beside
 * `reviews.csv`, `deltabench.json` in a folder). Throws UsageError where an option is unknown, missing or of
 * another form.
 */
export async function readOptions<Name extends OwnTaskName>(
  task: Name,
  place: string,
  given: GivenOptions,
): Promise<z.infer<(typeof schemas)[Name]>> {
  const file = await settingsFile(place);
  const stored = (await isFile(file)) ? await readStored(task, file) : {};
  const parsed = schemas[task].safeParse({ ...stored, ...given });
  if (parsed.success) return parsed.data as z.infer<(typeof schemas)[Name]>;
  const [issue] = parsed.error.issues;
  const key = String(issue?.path[0]);
  if (issue?.code === 'invalid_type' && issue.input === undefined) {
    const field = schemas[task].shape[key as never] as z.ZodType | undefined;
    throw new UsageError(
      `--task ${task} needs --${key}, ${field?.description ?? ''}; give it, or write it into ${file}.`,
    );
  }
  throw new UsageError(`--task ${task}: ${problemOf(parsed.error)}.`);
}

async function settingsFile(place: string): Promise<string> {
  return (await isFolder(place))
    ? join(place, 'deltabench.json')
    : `${place.replace(/\.[^./\\]+$/, '')}.deltabench.json`;
}

async function readStored(task: OwnTaskName, file: string): Promise<object> {
  const parsed = schemas[task].partial().safeParse(await readJson(file));
  if (parsed.success) return parsed.data;
  throw new UsageError(`${file}: ${problemOf(parsed.error)}. It may have: ${optionsOf(task).join(', ')}.`);
}
