import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../data/atomic.ts';
import { builtinDomainPairs } from '../data/builtin/e2e.ts';
import { builtinGlueText } from '../data/builtin/glue/index.ts';
import { pretrainingSources, pretrainingText } from '../data/builtin/pretraining-text.ts';
import { cacheFolder } from '../data/cache.ts';
import { builtinFolder, type BuiltinModel } from '../models/builtin.ts';
import { pretrain, type PretrainOptions, type PretrainRecord } from './pretrain.ts';

const SEED = 42;
const PAIRS = 80_000;
const SENTENCES = 100_000;
/** One document in so many of the real text, so that it is an eighth of all. */
const PROSE_SHARE = 6;

/** How a built-in base is made; what is not said here is `bench pretrain`'s default. */
interface Making {
  readonly family: string;
  readonly config: string;
  readonly steps: number;
  readonly settings: readonly string[];
}
const shape = 'layers=4,width=192,heads=6';
const bases: Readonly<Record<BuiltinModel, Making>> = {
  'gpt2-mini': {
    family: 'gpt2',
    config: shape,
    steps: 7000,
    settings: ['batchSize=12', 'learningRate=2e-3'],
  },
  // Many small steps: it is their number that brings attention to its neighbours.
  'roberta-mini': { family: 'roberta', config: shape, steps: 4500, settings: ['batchSize=6'] },
  't5-mini': {
    family: 't5',
    config: 'layers=3,width=192,heads=6,inner=512',
    steps: 1500,
    settings: ['batchSize=12'],
  },
  'llama-mini': {
    family: 'llama',
    config: `${shape},inner=512`,
    steps: 1200,
    settings: ['batchSize=12', 'learningRate=2e-3'],
  },
};

/** Where the texts are from and under what terms. */
const terms = [
  `meanings.jsonl and sentences.jsonl are written by deltabench itself (harness/data/builtin, seed ${SEED}): meanings with a sentence each, of other domains than the built-in e2e task's, and sentences and pairs without labels; no example of a built-in task is among them.`,
  `prose.jsonl is every ${PROSE_SHARE}th document of ${pretrainingSources.map(({ name, from, licence }) => `${name} (${from}; ${licence})`).join(', ')}.`,
  'npm run pretrain:builtin makes the base again.',
].join(' ');

/**
 * Pretrains a built-in base again, on texts that deltabench writes itself and real ones that come by package. Gives the
 * record that stands where it has been done. Throws as `pretrain` does.
 */
export function pretrainBuiltin(
  name: BuiltinModel,
  texts: readonly string[],
  threads: number | undefined,
  options: PretrainOptions,
): Promise<PretrainRecord> {
  const { family, config, steps, settings } = bases[name];
  return pretrain(
    {
      ...{ family, config, steps, settings, texts, threads, terms },
      out: builtinFolder(name),
      vocabulary: 4096,
      length: 192,
      seed: SEED,
      dtype: 'float16',
    },
    options,
  );
}

/** The texts of all built-in bases as files of `bench pretrain`; the same content every time. */
export async function writeBuiltinTexts(): Promise<string[]> {
  const folder = join(cacheFolder(), 'pretraining-builtin');
  await makeFolder(folder);
  const pairs = builtinDomainPairs(PAIRS, SEED).map(({ meaning, reference }) => ({
    input: meaning,
    target: reference,
  }));
  const sentences = builtinGlueText(SENTENCES, SEED).map(([first, second]) =>
    second === undefined ? { text: first } : { input: first, target: second },
  );
  const prose = (await pretrainingText())
    .filter((_, i) => i % PROSE_SHARE === 0)
    .map((document) => ({ text: document }));
  const files = { 'meanings.jsonl': pairs, 'sentences.jsonl': sentences, 'prose.jsonl': prose };
  for (const [name, rows] of Object.entries(files)) {
    await writeFileAtomic(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }
  return Object.keys(files).map((name) => join(folder, name));
}
