/** The files of the gate's baseline, one for each part of the suite: schemas, paths, reading and writing. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { errorCode, UsageError } from '../../support/errors.ts';
import { problemOf } from '../../support/json/validation-messages.ts';
import { cellMeasuresSchema, scoresSchema } from './measures.ts';

/** Why, when and where a baseline was made. */
const provenanceSchema = z.strictObject({
  reason: z.string().min(1),
  date: z.string(),
  version: z.string(),
  commit: z.string().nullable(),
  machine: z.strictObject({ platform: z.string(), cpu: z.string(), node: z.string() }),
});
export type Provenance = z.infer<typeof provenanceSchema>;

const common = { schema: z.literal(1), updated: provenanceSchema };
export const cellBaselineSchema = z.strictObject({ ...common, measures: cellMeasuresSchema });
export const scoresBaselineSchema = z.strictObject({ ...common, scores: scoresSchema });
export type CellBaseline = z.infer<typeof cellBaselineSchema>;
export type ScoresBaseline = z.infer<typeof scoresBaselineSchema>;

/** The file of a part of the suite. */
export function baselineFile(folder: string, name: string): string {
  return join(folder, `${name}.json`);
}

/** The tracked adapter of a cell. */
export function adapterFile(folder: string, name: string): string {
  return join(folder, `${name}.safetensors`);
}

/** Reads a part's baseline; throws UsageError where there is none, or it is not one of this version. */
export async function readBaseline<T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T> {
  const path = baselineFile(folder, name);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const why = /^(ENOENT|ENOTDIR)$/.test(errorCode(error) ?? '')
      ? 'is not there'
      : `cannot be read: ${String(error)}`;
    throw new UsageError(`The baseline ${path} ${why}. ${remedy(name)}`);
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new UsageError(`The baseline ${path} is not JSON. ${remedy(name)}`);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new UsageError(
    `The baseline ${path} is broken or of another version of deltabench: ${problemOf(parsed.error)}. ${remedy(name)}`,
  );
}

const remedy = (name: string): string =>
  `Get it again from the repository, name its folder with --baseline, or make it of this code: ` +
  `check --only ${name} --update --reason TEXT.`;

/** Writes a part's baseline; throws UsageError where writing is refused. */
export async function writeBaseline(
  folder: string,
  name: string,
  content: CellBaseline | ScoresBaseline,
): Promise<void> {
  const path = baselineFile(folder, name);
  await makeFolder(dirname(path));
  await writeFileAtomic(path, `${JSON.stringify(content, undefined, 1)}\n`);
}
