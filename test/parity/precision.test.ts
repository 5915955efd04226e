// Compares bfloat16 computation with torch.autocast on the CPU; goldens are written by
// test/golden/parity/autocast.py.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSafetensors } from '../../harness/data/formats/safetensors.ts';
import { generateAll } from '../../harness/decoding/generate.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { makeHead, withHead } from '../../harness/models/delta/heads.ts';
import { cases } from './cases.ts';
import { computeDecoder, type Arrays, type Batch } from './decoder.ts';
import { computeEncoder, examplesOf } from './encoder.ts';

// bfloat16 has eight significant bits: rounding changes a number by up to 2⁻⁹ of it. PyTorch's own results
// lie up to 1.3 % from its float32 ones, and those here lie as far from both.
const root = join(import.meta.dirname, '../golden/parity');
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows what the golden holds
const read = <T>(path: string): T => JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
async function readTensors(path: string): Promise<Arrays> {
  const file = await openSafetensors(join(root, path));
  const out: Arrays = {};
  for (const name of file.tensors.keys()) out[name] = await file.read(name);
  return out;
}

const norm = (data: Float32Array): number => Math.hypot(...data);
/** Computes the norm of the difference, relative to the reference's norm. */
const distance = (ours: Float32Array, theirs: Float32Array): number =>
  norm(ours.map((x, i) => x - theirs[i]!)) / norm(theirs);
/** True for key biases: softmax cancels them, so their true gradient is 0. */
const isNoise = (name: string): boolean => /(key|c_attn)\.bias$/.test(name);

const engine = await createEngine({ name: 'onnx', threads: 1, precision: 'bfloat16' });
const methods = ['red-ffn', 'lora', 'full'];

describe.each(['gpt2-tiny', 'roberta-tiny'])('%s under torch.autocast in bfloat16', (model) => {
  it.each(cases(model, {}).filter(({ golden }) => methods.includes(golden)))(
    'trains $golden as PyTorch does',
    async ({ golden: method, attach, rename }) => {
      const base = await loadBase(join(root, model));
      const path = `${model}/${method}`;
      const { batch } = read<{ batch: Batch }>(`methods/${path}.json`);
      const states = await readTensors(`methods/${path}.safetensors`);
      const golden = read<{ loss: number }>(`bfloat16/${path}.json`);
      const theirs = await readTensors(`bfloat16/${path}.safetensors`);
      const stored = await readTensors(`${model}/model.safetensors`);
      const isEncoder = base.architecture.kind === 'encoder';
      const head = isEncoder ? makeHead(base, 'huggingface', 3) : undefined;
      const delta = head ? withHead(attach(base), head) : attach(base);
      const named = (key: string): string =>
        head && key in head.tensors ? (method === 'lora' ? `base_model.model.${key}` : key) : rename(key);
      const keys = Object.keys(trainedShapes(base, delta));
      const state = Object.fromEntries(
        keys.map((key) => [key, states[`state.${named(key)}`] ?? stored[key]!]),
      );
      const { loss, logits, gradients } = head
        ? await computeEncoder({ engine, base, delta, head }, state, examplesOf(batch as never), true).then(
            (made) => ({ ...made, logits: made.answers }),
          )
        : await computeDecoder(engine, base, delta, state, batch);
      expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(2 ** -10);
      expect(distance(logits, theirs.logits!)).toBeLessThan(2 ** -6);
      for (const [key, gradient] of Object.entries(gradients)) {
        if (!isNoise(key))
          expect(distance(gradient, theirs[`grad.${named(key)}`]!), key).toBeLessThan(2 ** -6);
      }
      // A difference from float32 shows that bfloat16 was used at all.
      expect(distance(logits, states.logits_state ?? states.logits_init!)).toBeGreaterThan(2 ** -10);
    },
  );
});

it('decodes in bfloat16 what transformers does under autocast', async () => {
  const golden = read<{
    batch: { input_ids: number[][]; attention_mask: number[][] };
    prompt_length: number;
    eos_token_id: number;
    max_new_tokens: number;
  }>('gpt2-tiny/generate.json');
  const { input_ids, attention_mask } = golden.batch;
  const { hypotheses } = await generateAll({
    engine,
    base: await loadBase(join(root, 'gpt2-tiny')),
    delta: { trained: {} },
    tensors: {},
    beams: 1,
    eosId: golden.eos_token_id,
    prompts: input_ids.map((ids, i) => ids.filter((_, j) => attention_mask[i]![j])),
    histories: input_ids,
    maxNewTokens: golden.max_new_tokens,
  });
  const expected = read<{ sequences: number[][] }>('bfloat16/gpt2-tiny/generate.json').sequences.map(
    (row) => {
      const made = row.slice(golden.prompt_length);
      return made.includes(golden.eos_token_id) ? made.slice(0, made.indexOf(golden.eos_token_id)) : made;
    },
  );
  expect(hypotheses.map(([best]) => best!.tokens)).toEqual(expected);
});
