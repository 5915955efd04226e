/** The tokens at which transformers ends a base's texts; evaluations that generate as lm-eval does use them. */
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemOf } from '../../support/json/validation-messages.ts';
import { isFile, readJson } from '../../support/read-files.ts';
import type { BaseModel } from '../base-model.ts';

const token = z.int().min(0);
const schema = z.object({ eos_token_id: z.union([token, z.array(token)]).nullish() });

/**
 * The end tokens of generation_config.json, or of config.json where a base has no such file; none where it
 * names none. Throws UsageError where they are no ids.
 */
export async function endTokens(
  base: Pick<BaseModel, 'id' | 'config' | 'folder'>,
): Promise<readonly number[]> {
  const path = base.folder && join(await base.folder(), 'generation_config.json');
  const hasOwn = path !== undefined && (await isFile(path));
  const { data, error } = schema.safeParse(hasOwn ? await readJson(path) : base.config);
  if (error) throw new UsageError(`${hasOwn ? path : `config.json of ${base.id}`}: ${problemOf(error)}.`);
  return [data.eos_token_id ?? []].flat();
}
