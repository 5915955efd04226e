/**
 * Reads the sets of instructions that models learn from: UltraFeedback, Alpaca, and the commonsense and
 * arithmetic sets of LLM-Adapters. The tasks of these names use it.
 */
import { z } from 'zod';
import { sha256 } from '../../../support/hash.ts';
import type { DataSource } from '../../examples/task.ts';
import type { FetchOptions } from '../../hub/connection.ts';
import { parseRow, readFirstFile, readRows, type Rows } from '../rows.ts';
import type { InstructionRow, InstructionSet, InstructionSetName } from './rows.ts';

/** Where a set is found. */
interface Place {
  /** The hub's repository and split; absent where the hub has none. */
  readonly hub?: { readonly repo: string; readonly split: string };
  /** Files in a folder, of pyreft's and LLM-Adapters' layouts; the first that is there is read. */
  readonly files: readonly string[];
  /** Where files that the hub does not have are to be had. */
  readonly from: string;
}

/** LLM-Adapters' own folder, pyreft's, and the file alone. */
const adapters = (name: string): Place => ({
  files: [`ft-training_set/${name}.json`, `${name}/train.json`, `${name}.json`],
  from: `github.com/AGI-Edgerunners/LLM-Adapters, ft-training_set/${name}.json`,
});

const places: Readonly<Record<InstructionSetName, Place>> = {
  ultrafeedback: {
    hub: { repo: 'HuggingFaceH4/ultrafeedback_binarized', split: 'train_sft' },
    files: ['ultrafeedback/train.json', 'ultrafeedback_1k/ultrafeedback_1k.json', 'ultrafeedback_1k.json'],
    from: 'github.com/frankaging/ultrafeedback-dataset, train.json',
  },
  alpaca: {
    hub: { repo: 'tatsu-lab/alpaca', split: 'train' },
    files: [
      'alpaca_data_cleaned/train.json',
      'alpaca_data_cleaned.json',
      'alpaca/train.json',
      'alpaca_data.json',
    ],
    from: 'github.com/tatsu-lab/stanford_alpaca, alpaca_data.json',
  },
  commonsense: adapters('commonsense_170k'),
  math: adapters('math_10k'),
};

/** Loads a set from its source; throws UsageError where it is missing, empty or malformed. */
export async function loadInstructions(
  name: InstructionSetName,
  source: DataSource,
  options: FetchOptions = {},
): Promise<InstructionSet> {
  if (source.kind === 'built-in') {
    const { builtinInstructions } = await import('./synthetic/built-in.ts');
    const splits = builtinInstructions(name);
    return { form: 'built-in', hash: sha256(JSON.stringify(splits)), ...splits };
  }
  const { rows, form, hash } = await readSet(name, source, options);
  const train = rows.map(({ value, where }) => toRow(value, where));
  return { form, hash, train, validation: [], test: [] };
}

function readSet(name: InstructionSetName, source: DataSource, options: FetchOptions): Promise<Rows> {
  const { hub, files, from } = places[name];
  return hub
    ? readRows({ ...options, source, ...hub, config: 'default', files })
    : readFirstFile(source, files, { name, from });
}

const text = z.string().min(1);
const instructed = z.object({ instruction: text, input: z.string().default(''), output: text });
const turn = z.object({ role: z.string(), content: z.string() });
/** UltraFeedback's binarized form: a question, and the better of two conversations about it. */
const preferred = z.object({ prompt: text, chosen: z.array(turn).min(2) });

function toRow(value: unknown, where: string): InstructionRow {
  const isPreferred = typeof value === 'object' && value !== null && 'chosen' in value;
  const row = isPreferred ? parseRow(preferred, value, where) : parseRow(instructed, value, where);
  return 'chosen' in row ? { instruction: row.prompt, input: '', output: row.chosen[1]!.content } : row;
}
