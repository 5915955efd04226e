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
  const { eos_token_id: found } = parseSettings(ends, await readFile(base));
  return [found ?? []].flat();
}

/** The tokens that texts must begin and end with; undefined where there are none. Throws UsageError on no ids. */
export async function forcedTokens(base: BaseFiles): Promise<ForcedTokens | undefined> {
  const { forced_bos_token_id: first, forced_eos_token_id: last } = parseSettings(
    forced,
    await readFile(base),
  );
  if (first == null && last == null) return undefined;
  return { first: first ?? undefined, last: last ?? undefined };
}

const rules = z.object({
  repetition_penalty: z.number().positive().nullish(),
  no_repeat_ngram_size: z.int().min(0).nullish(),
  max_new_tokens: z.int().positive().nullish(),
});

/** Other settings that change what is written greedily, with the values that change nothing beside null and []. */
const unknown: Readonly<Record<string, number | undefined>> = {
  num_beams: 1,
  min_new_tokens: 0,
  min_length: 0,
  encoder_repetition_penalty: 1,
  encoder_no_repeat_ngram_size: 0,
  guidance_scale: 1,
  penalty_alpha: 0,
  bad_words_ids: undefined,
  suppress_tokens: undefined,
  begin_suppress_tokens: undefined,
  sequence_bias: undefined,
  exponential_decay_length_penalty: undefined,
  forced_eos_token_id: undefined,
  watermarking_config: undefined,
  stop_strings: undefined,
  max_time: undefined,
};

/** How a base's files say that texts are written, where the program that asks for them does not say it. */
export interface WritingRules {
  readonly repetitionPenalty?: number;
  readonly noRepeatNgram?: number;
  /** The most new tokens, whatever a task says. */
  readonly maxNewTokens?: number;
}

/**
 * The rules that transformers' `generate` takes from a base's files for greedy decoding; those that change nothing
 * are left out. Throws UsageError where a rule is not built here.
 */
export async function writingRules(base: BaseFiles): Promise<WritingRules> {
  const file = await readFile(base);
  const { repetition_penalty, no_repeat_ngram_size, max_new_tokens } = parseSettings(rules, file);
  const { place, settings } = file;
  for (const [name, neutral] of Object.entries(unknown)) {
    const value = settings[name] ?? undefined;
    const isEmpty = Array.isArray(value) && value.length === 0;
    if (value === undefined || value === neutral || isEmpty) continue;
    throw new UsageError(
      `${place}: ${name} is ${JSON.stringify(value)}, by which transformers changes the texts of this evaluation; ` +
        `it is not built here. Give a copy of the base's folder without it.`,
    );
  }
  return {
    ...(repetition_penalty && repetition_penalty !== 1 && { repetitionPenalty: repetition_penalty }),
    ...(no_repeat_ngram_size && { noRepeatNgram: no_repeat_ngram_size }),
    ...(max_new_tokens && { maxNewTokens: max_new_tokens }),
  };
}

/** The file that holds the settings of generation, by its name for messages. */
interface SettingsFile {
  readonly place: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

function parseSettings<Settings>(schema: z.ZodType<Settings>, { place, settings }: SettingsFile): Settings {
  const { data, error } = schema.safeParse(settings);
  if (error) throw new UsageError(`${place}: ${problemOf(error)}.`);
  return data;
}

async function readFile(base: BaseFiles): Promise<SettingsFile> {
  const path = base.folder && join(await base.folder(), 'generation_config.json');
  if (path === undefined || !(await isFile(path)))
    return { place: `config.json of ${base.id}`, settings: base.config };
  const read = z.record(z.string(), z.unknown()).safeParse(await readJson(path));
  if (read.error) throw new UsageError(`${path}: ${problemOf(read.error)}.`);
  return { place: path, settings: read.data };
}
