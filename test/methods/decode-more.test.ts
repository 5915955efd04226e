// Tests that decoding with every method chooses the same tokens and scores as a full forward pass.
import { beforeAll, describe, expect, it } from 'vitest';
import { generate, generateAll } from '../../harness/decoding/generate.ts';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { initialize } from '../../harness/models/delta/trained-tensors.ts';
import { composeDeltas } from '../../harness/models/delta/compose.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import adalora from '../../methods/adalora.ts';
import dora from '../../methods/dora.ts';
import loreft from '../../methods/loreft.ts';
import noreft from '../../methods/noreft.ts';
import pTuning from '../../methods/p-tuning.ts';
import prefix from '../../methods/prefix.ts';
import prompt from '../../methods/prompt.ts';
import vera from '../../methods/vera.ts';
import { computeDecoder, type Arrays, type Batch } from '../parity/decoder.ts';

let base: BaseModel;
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ name: 'onnx', threads: 1 });
});

/**
 * Random bases, and factors that make their weights as large as trained ones, so that no two tokens are tied.
 */
const bases: [string, (tensor: string) => number][] = [
  ['random-gpt2~layers=2,width=32,heads=2,vocab=40,positions=48', () => 8],
  // Large tied embeddings would make the model repeat its last token.
  ['random-t5~layers=2,width=32,heads=2,vocab=40', (tensor) => (tensor === 'shared.weight' ? 0.3 : 2)],
];

/**
 * Makes the batch of a prompt and its continuation, and gives the row whose logits predict its first token.
 */
function whole(prompt: number[], tokens: number[]): { batch: Batch; first: number } {
  const apart = base.architecture.kind === 'encoder-decoder';
  const ids = apart ? prompt : [...prompt, ...tokens];
  const labels = apart ? tokens : [...prompt.map(() => -100), ...tokens];
  return {
    batch: { input_ids: [ids], attention_mask: [ids.map(() => 1)], labels: [labels] },
    first: apart ? 0 : prompt.length - 1,
  };
}

const methods: [string, () => Delta][] = [
  ['adalora', () => adalora.attach(base, adalora.options.parse({}))],
  ['dora', () => dora.attach(base, dora.options.parse({}))],
  ['vera', () => vera.attach(base, vera.options.parse({ rank: 8 }))],
  ['loreft', () => loreft.attach(base, loreft.options.parse({ first: 2, last: 2, tied: true }))],
  ['noreft', () => noreft.attach(base, noreft.options.parse({ first: 1, last: 3, tied: false }))],
  [
    'dora+loreft',
    () =>
      composeDeltas([
        { name: 'dora', delta: dora.attach(base, dora.options.parse({})) },
        { name: 'loreft', delta: loreft.attach(base, loreft.options.parse({})) },
      ]),
  ],
  ['prefix', () => prefix.attach(base, prefix.options.parse({ virtualTokens: 5 }))],
  ['prompt', () => prompt.attach(base, prompt.options.parse({ virtualTokens: 5 }))],
  ['p-tuning', () => pTuning.attach(base, pTuning.options.parse({ virtualTokens: 5 }))],
  [
    'prompt+loreft+prefix',
    () =>
      composeDeltas([
        { name: 'prompt', delta: prompt.attach(base, prompt.options.parse({ virtualTokens: 3 })) },
        { name: 'loreft', delta: loreft.attach(base, loreft.options.parse({})) },
        { name: 'prefix', delta: prefix.attach(base, prefix.options.parse({ virtualTokens: 4 })) },
      ]),
  ],
];

describe.each(bases)('%s', (id, factor) => {
  beforeAll(async () => {
    const found = await loadBase(id);
    base = { ...found, tensor: async (name) => (await found.tensor(name)).map((x) => factor(name) * x) };
  });

  it.each(methods)('decoding with %s chooses and scores as a whole forward pass does', async (_, attach) => {
    const delta = attach();
    const trained: Arrays = {};
    for (const [name, values] of Object.entries(await initialize(delta.trained, base, 1))) {
      const noise = randomStream(2, name).normal(values.length, 0, 0.3);
      trained[name] = values.map((x, i) => x + noise[i]!);
    }
    const fixed = { ...delta.frozen, ...delta.state };
    const shapes = { ...delta.trained, ...fixed };
    const tensors = Object.fromEntries(
      Object.entries({ ...trained, ...(await initialize(fixed, base, 0)) }).map(([name, data]) => [
        name,
        { shape: shapes[name]!.shape, data },
      ]),
    );
    const prompts = [7, 1, 12, 4].map((n, i) => Array.from(randomStream(i, 'prompt').integers(n, 40)));
    const job = { engine, base, prompts, maxNewTokens: 9, beams: 1, eosId: undefined };
    const { tokens } = await generate({ ...job, delta, tensors });
    for (const [i, prompt] of prompts.entries()) {
      const { batch, first } = whole(prompt, tokens[i]!);
      const { logits } = await computeDecoder(engine, base, delta, trained, batch);
      const likeliest = tokens[i]!.map((_, step) => {
        const row = (first + step) * 40;
        const scores = logits.subarray(row, row + 40);
        return scores.indexOf(Math.max(...scores));
      });
      expect(tokens[i]).toEqual(likeliest);
    }
    // The score of a hypothesis is its mean log-probability.
    const { hypotheses } = await generateAll({ ...job, delta, tensors, beams: 3 });
    for (const [i, prompt] of prompts.entries()) {
      const best = hypotheses[i]![0]!;
      const { batch } = whole(prompt, [...best.tokens]);
      const { loss } = await computeDecoder(engine, base, delta, trained, batch);
      expect(best.score).toBeCloseTo(-loss, 4);
    }
    const plain = await generate({ ...job, delta: { trained: {} }, tensors: {} });
    expect(tokens).not.toEqual(plain.tokens);
  });
});
