/**
 * The file of tuned recipes: `bench tune` writes what it chose for each task, base and method, and
 * `run --recipe FILE` follows it.
 */
import { basename } from 'node:path';
import { z } from 'zod';
import { recipeSchema } from '../../training/recipe.ts';
import { writeFileAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import { problemOf } from '../../support/json/validation-messages.ts';
import { isFile, readJson } from '../../support/read-files.ts';

const entrySchema = z.strictObject({
  task: z.string(),
  model: z.string(),
  /** The variant as it was tuned: `lora`, `red+lora`. */
  variant: z.string(),
  /** Every hyper-parameter of its runs. */
  settings: recipeSchema,
  /** The methods of the variant, with every option. */
  methods: z.array(z.strictObject({ name: z.string(), options: z.record(z.string(), z.unknown()) })).min(1),
  /** How it was chosen: the strategy, the space, and the number of trials and of their seeds. */
  tuned: z.strictObject({
    strategy: z.string(),
    space: z.array(z.string()),
    trials: z.int().positive(),
    seeds: z.array(z.int()),
    /** What chose, and its value for the chosen trial. */
    metric: z.string(),
    value: z.number(),
  }),
});
const fileSchema = z.strictObject({ schema: z.literal(1), recipes: z.array(entrySchema) });

/** What was chosen for one variant on a task and base. */
export type TunedEntry = z.infer<typeof entrySchema>;

/** A tuned recipe with its name in records. */
export interface TunedRecipe extends TunedEntry {
  /** The file's name, and a hash of the entry: `tuned.json 1a2b3c4d`. */
  readonly source: string;
}

/** The name that records give a tuned recipe. */
const sourceOf = (path: string, entry: TunedEntry): string =>
  `${basename(path)} ${hashJson(entry).slice(0, 8)}`;

/** Whether a name among a record's recipes is that of a tuned one. */
export const isTunedSource = (name: string): boolean => /\.json [0-9a-f]{8}$/.test(name);

/** Whether `--recipe` names a file and not a base. */
export function isRecipeFile(asked: string): boolean {
  return asked.endsWith('.json');
}

/** Reads a file of tuned recipes; throws UsageError where it is none. */
export async function readRecipeFile(path: string): Promise<TunedRecipe[]> {
  const parsed = fileSchema.safeParse(await readJson(path));
  if (!parsed.success) {
    throw new UsageError(`--recipe ${path} is not what "bench tune" writes: ${problemOf(parsed.error)}.`);
  }
  return parsed.data.recipes.map((entry) => ({ ...entry, source: sourceOf(path, entry) }));
}

/** Writes entries into a file, in place of those of the same task, base and variant. */
export async function addToRecipeFile(path: string, entries: readonly TunedEntry[]): Promise<void> {
  const known = (await isFile(path)) ? fileSchema.safeParse(await readJson(path)).data?.recipes : [];
  if (!known) throw new UsageError(`${path} is not what "bench tune" writes; move it away.`);
  const key = ({ task, model, variant }: TunedEntry): string => JSON.stringify([task, model, variant]);
  const all = new Map([...known, ...entries].map((entry) => [key(entry), entry]));
  const content = { schema: 1, recipes: [...all.values()] };
  await writeFileAtomic(path, `${JSON.stringify(content, undefined, 2)}\n`);
}

/** The tuned recipe of a variant; throws UsageError where the file has none. */
export function findTuned(
  recipes: readonly TunedRecipe[],
  path: string,
  wanted: { readonly task: string; readonly model: string; readonly variant: string },
): TunedRecipe {
  const found = recipes.find(
    ({ task, model, variant }) =>
      task === wanted.task && model === wanted.model && variant === wanted.variant,
  );
  if (found) return found;
  const list = recipes.map(({ task, model, variant }) => `${variant} for ${task} on ${model}`);
  throw new UsageError(
    `${path} has no recipe of ${wanted.variant} for ${wanted.task} on ${wanted.model}; ` +
      `it has: ${list.join(', ') || 'none'}. "bench tune" adds it.`,
  );
}
