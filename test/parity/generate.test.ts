import { describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { createEngine } from '../../harness/engine/create.ts';
import { generate } from '../../harness/decoding/generate.ts';
import { loadBase } from '../../harness/models/base.ts';
import { hasParity, parity, readGolden } from './folder.ts';

interface Golden {
  readonly batch: { readonly input_ids: number[][]; readonly attention_mask: number[][] };
  readonly prompt_length: number;
  readonly eos_token_id: number;
  readonly max_new_tokens: number;
  readonly runs: Readonly<
    Record<
      string,
      {
        readonly config: {
          readonly num_beams: number;
          readonly no_repeat_ngram_size?: number;
        };
        readonly sequences: number[][];
        readonly sequences_scores?: number[];
      }
    >
  >;
}
const model = 'gpt2-tiny';

describe.skipIf(!hasParity(model, 'generate.json'))('decoding equals transformers', () => {
  it('greedy', async () => {
    const golden = readGolden<Golden>(model, 'generate.json');
    const { input_ids, attention_mask } = golden.batch;
    const prompts = input_ids.map((ids, i) => ids.filter((_, j) => attention_mask[i]![j]));
    const base = await loadBase(join(parity, model));
    const engine = await createEngine({ name: 'onnx', threads: 1 });
    const { tokens } = await generate({
      ...{ engine, base, delta: { trained: {} }, tensors: {}, prompts, beams: 1 },
      ...{ maxNewTokens: golden.max_new_tokens, eosId: golden.eos_token_id },
    });
    const expected = golden.runs.greedy!.sequences.map((row) => {
      const made = row.slice(golden.prompt_length);
      const end = made.indexOf(golden.eos_token_id);
      return end < 0 ? made : made.slice(0, end);
    });
    expect(tokens).toEqual(expected);
  });
});
