/**
 * How the built-in bases are made: their texts, which deltabench writes itself but for one eighth, and their
 * settings.
 */
import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { builtinDomainPairs } from '../../data/sets/e2e/synthetic.ts';
import { builtinGlueText } from '../../data/sets/glue/synthetic/generate.ts';
import { pretrainingSources, pretrainingText } from '../../data/synthetic/pretraining-text.ts';
import { cacheFolder } from '../../support/cache-folder.ts';
import { builtinFolder, type BuiltinModel } from '../../models/bases/built-in.ts';
import { pretrain, type PretrainOptions } from './pretrain.ts';
import type { PretrainRecord } from './pretrain-record.ts';

const SEED = 42;
const PAIRS = 80_000;
const SENTENCES = 100_000;
/** One document in so many of the real text is taken, so that it is an eighth of all. */
const PROSE_SHARE = 6;

type TextFile = 'meanings.jsonl' | 'sentences.jsonl' | 'prose.jsonl';

/** How a built-in base is made; all else has the defaults of `bench pretrain`. */
interface BaseSettings {
  readonly family: string;
  readonly texts: readonly TextFile[];
  readonly config: string;
  readonly steps: number;
  readonly settings: readonly string[];
}
const shape = 'layers=4,width=192,heads=6';
const everything: readonly TextFile[] = ['meanings.jsonl', 'sentences.jsonl', 'prose.jsonl'];
const bases: Readonly<Record<BuiltinModel, BaseSettings>> = {
  'gpt2-mini': {
    family: 'gpt2',
    texts: everything,
    config: shape,
    steps: 5000,
    settings: ['batchSize=12', 'learningRate=2e-3'],
  },
  // Many small steps: it is their number that brings attention to its neighbours. An encoder writes no
  // sentences, so that it reads no meanings.
  'roberta-mini': {
    family: 'roberta',
    texts: ['sentences.jsonl', 'prose.jsonl'],
    config: shape,
    steps: 9000,
    settings: ['batchSize=6'],
  },
  't5-mini': {
    family: 't5',
    texts: everything,
    config: 'layers=3,width=192,heads=6,inner=512',
    steps: 1500,
    settings: ['batchSize=12'],
  },
  'llama-mini': {
    family: 'llama',
    texts: everything,
    config: `${shape},inner=512`,
    steps: 1200,
    settings: ['batchSize=12', 'learningRate=2e-3'],
  },
};

const own =
  `written by deltabench itself (harness/data/builtin, seed ${SEED}); ` +
  `no example of a built-in task is among them`;
const sources = pretrainingSources
  .map(({ name, from, licence }) => `${name} (${from}; ${licence})`)
  .join(', ');
/** The origin and the terms of each text. */
const terms: Readonly<Record<TextFile, string>> = {
  'meanings.jsonl': `meanings with a sentence each, of other domains than the built-in e2e task's, ${own}`,
  'sentences.jsonl': `sentences and pairs of the built-in GLUE tasks' grammars, without labels, ${own}`,
  'prose.jsonl': `every ${PROSE_SHARE}th document of ${sources}`,
};

/**
 * Pretrains a built-in base again; returns the record of its folder where that has been done. Throws as
 * `pretrain` does.
 */
export function pretrainBuiltin(
  name: BuiltinModel,
  files: Readonly<Record<TextFile, string>>,
  threads: number | undefined,
  options: PretrainOptions,
): Promise<PretrainRecord> {
  const { family, config, steps, settings, texts } = bases[name];
  const origins = texts.map((text) => `${text}: ${terms[text]}.`).join(' ');
  return pretrain(
    {
      family,
      config,
      steps,
      settings,
      threads,
      terms: `${origins} npm run pretrain:builtin makes the base again.`,
      texts: texts.map((text) => files[text]),
      out: builtinFolder(name),
      vocabulary: 4096,
      length: 192,
      seed: SEED,
      dtype: 'float16',
    },
    options,
  );
}

/** Writes the texts of all built-in bases as files for `bench pretrain`, with the same content every time. */
export async function writeBuiltinTexts(): Promise<Readonly<Record<TextFile, string>>> {
  const folder = join(cacheFolder(), 'pretraining-builtin');
  await makeFolder(folder);
  const pairs = builtinDomainPairs(PAIRS, SEED).map(({ meaning, reference }) => ({
    input: meaning,
    target: reference,
  }));
  const oneOrTwo = (texts: readonly string[][]): object[] =>
    texts.map(([first, second]) =>
      second === undefined ? { text: first } : { input: first, target: second },
    );
  const prose = (await pretrainingText())
    .filter((_, i) => i % PROSE_SHARE === 0)
    .map((document) => ({ text: document }));
  const written = async (name: TextFile, rows: readonly object[]): Promise<string> => {
    const path = join(folder, name);
    await writeFileAtomic(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    return path;
  };
  return {
    'meanings.jsonl': await written('meanings.jsonl', pairs),
    'sentences.jsonl': await written('sentences.jsonl', oneOrTwo(builtinGlueText(SENTENCES, SEED))),
    'prose.jsonl': await written('prose.jsonl', prose),
  };
}
