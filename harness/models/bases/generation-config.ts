/**
 * What a base's files say of the texts that it writes, as transformers 5.24 takes it: generation_config.json, and
 * config.json only where that file is missing. load-base.ts and evaluations use it.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemOf } from '../../support/json/validation-messages.ts';
import { isFile, readJson } from '../../support/read-files.ts';
import type { BaseModel, ForcedTokens } from '../base-model.ts';

type BaseFiles = Pick<BaseModel, 'id' | 'config' | 'folder'>;

const token = z.int().min(0);
const ends = z.object({ eos_token_id: z.union([token, z.array(token)]).nullish() });
const forced = z.object({ forced_bos_token_id: token.nullish(), forced_eos_token_id: token.nullish() });

/** The tokens at which texts end; none where the files name none. Throws UsageError where they are no ids. */
export async function endTokens(base: BaseFiles): Promise<readonly number[]> {
  const { eos_token_id: found } = await readSettings(ends, base);
  return [found ?? []].flat();
}

/** The tokens that texts must begin and end with; undefined where there are none. Throws UsageError on no ids. */
export async function forcedTokens(base: BaseFiles): Promise<ForcedTokens | undefined> {
  const { forced_bos_token_id: first, forced_eos_token_id: last } = await readSettings(forced, base);
  if (first == null && last == null) return undefined;
  return { first: first ?? undefined, last: last ?? undefined };
}

async function readSettings<Settings>(schema: z.ZodType<Settings>, base: BaseFiles): Promise<Settings> {
  const path = base.folder && join(await base.folder(), 'generation_config.json');
  const hasOwn = path !== undefined && (await isFile(path));
  const { data, error } = schema.safeParse(hasOwn ? await readJson(path) : base.config);
  if (error) throw new UsageError(`${hasOwn ? path : `config.json of ${base.id}`}: ${problemOf(error)}.`);
  return data;
}
