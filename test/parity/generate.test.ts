// Compares greedy and beam search with transformers' generate; goldens are generate.json of each model and
// test/golden/generate-extra.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EarlyStopping } from '../../harness/decoding/on-host/beam.ts';
import { generateAll } from '../../harness/decoding/generate.ts';
import { testEngine } from '../engines.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { folderOf, hasParity, readGolden } from './folder.ts';

interface Golden {
  readonly batch: { readonly input_ids: number[][]; readonly attention_mask: number[][] };
  readonly prompt_length: number;
  readonly eos_token_id: number;
  readonly max_new_tokens: number;
  readonly runs: Readonly<Record<string, Run>>;
}
interface Run {
  readonly config: {
    readonly num_beams: number;
    readonly length_penalty?: number;
    readonly early_stopping?: EarlyStopping;
    readonly no_repeat_ngram_size?: number;
    readonly repetition_penalty?: number;
    readonly min_new_tokens?: number;
    readonly eos_token_id?: null;
    readonly num_return_sequences?: number;
    readonly forced_bos_token_id?: number;
    readonly forced_eos_token_id?: number;
  };
  readonly sequences: number[][];
  readonly sequences_scores?: number[];
}

const families = Object.keys(readGolden<{ counts: object }>('family-counts.json').counts);
const models = [
  ...['gpt2-tiny', 'llama-tiny', 'llama-tied-tiny', 't5-tiny', 't5v11-tiny'],
  ...families.map((family) => `${family}-tiny`),
];
const goldens: readonly (readonly [string, string, () => Golden])[] = [
  ...models.map((model) => [model, model, () => readGolden<Golden>(model, 'generate.json')] as const),
  // Repetition penalty, minimum length and more; make-generate-extra.py writes these goldens.
  [
    'our own',
    'gpt2-tiny',
    () =>
      JSON.parse(readFileSync(join(import.meta.dirname, '../golden/generate-extra.json'), 'utf8')) as Golden,
  ],
];

for (const [name, model, read] of goldens) {
  describe.skipIf(!hasParity(model, 'generate.json'))(`decoding equals transformers: ${name}`, () => {
    const golden = hasParity(model, 'generate.json') ? read() : undefined;
    it.each(Object.entries(golden?.runs ?? {}))('%s', async (_, { config, sequences, sequences_scores }) => {
      const { batch, prompt_length, eos_token_id, max_new_tokens } = golden!;
      const eosId = config.eos_token_id === null ? undefined : eos_token_id;
      const loaded = await loadBase(folderOf(model));
      const { forced_bos_token_id: first, forced_eos_token_id: last } = config;
      const base = first === undefined ? loaded : { ...loaded, forcedTokens: { first, last } };
      const { hypotheses } = await generateAll({
        engine: await testEngine('onnx'),
        base,
        delta: { trained: {} },
        tensors: {},
        prompts: batch.input_ids.map((ids, i) => ids.filter((_, j) => batch.attention_mask[i]![j])),
        // A decoder's repetition penalty in transformers sees padding too; an encoder-decoder's does not see
        // the source.
        ...(base.architecture.kind === 'decoder' && { histories: batch.input_ids }),
        maxNewTokens: max_new_tokens,
        beams: config.num_beams,
        eosId,
        lengthPenalty: config.length_penalty,
        earlyStopping: config.early_stopping,
        noRepeatNgram: config.no_repeat_ngram_size,
        repetitionPenalty: config.repetition_penalty,
        minNewTokens: config.min_new_tokens,
      });
      const returned = hypotheses.flatMap((all) => all.slice(0, config.num_return_sequences ?? 1));
      const expected = sequences.map((row) => {
        const made = row.slice(prompt_length);
        const end = eosId === undefined ? -1 : made.indexOf(eosId);
        return end < 0 ? made : made.slice(0, end);
      });
      expect(returned.map(({ tokens }) => tokens)).toEqual(expected);
      if (sequences_scores) {
        expect(returned.map(({ score }) => score)).toBeAllclose(sequences_scores, {
          atol: 1e-5,
          rtol: 1e-6,
        });
      }
    });
  });
}
