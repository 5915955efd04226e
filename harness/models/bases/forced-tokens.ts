/** Reads which tokens an encoder-decoder's texts must begin and end with; load-base.ts uses it. */
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemsOf } from '../../support/json/validation-messages.ts';
import { isFile, readJson } from '../../support/read-files.ts';
import type { ForcedTokens } from '../base-model.ts';

const token = z.int().min(0).nullish();
const schema = z.looseObject({ forced_bos_token_id: token, forced_eos_token_id: token });

/**
 * The forced tokens of a folder, as transformers 5.24 takes them: generation_config.json's, and config.json's only
 * where that file is missing; undefined where there are none. Throws UsageError where one is no token.
 */
export async function readForcedTokens(folder: string): Promise<ForcedTokens | undefined> {
  const own = join(folder, 'generation_config.json');
  const path = (await isFile(own)) ? own : join(folder, 'config.json');
  const parsed = schema.safeParse(await readJson(path));
  if (!parsed.success)
    throw new UsageError(`${path} cannot be used: ${problemsOf(parsed.error).join('; ')}.`);
  const { forced_bos_token_id: first, forced_eos_token_id: last } = parsed.data;
  if (first == null && last == null) return undefined;
  return { first: first ?? undefined, last: last ?? undefined };
}
