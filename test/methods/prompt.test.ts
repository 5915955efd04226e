// Tests of virtual tokens (prompt and p-tuning): training with dropout, limits of positions, initial values.
import { beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../../harness/decoding/generate.ts';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { initialize } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { composeDeltas } from '../../harness/models/delta/compose.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { languageModel } from '../../harness/training/objectives/language-model.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';
import { train } from '../../harness/training/loop/train.ts';
import lora from '../../methods/lora.ts';
import prefix from '../../methods/prefix.ts';
import prompt from '../../methods/prompt.ts';

const [d, l, positions] = [16, 5, 32];
let base: BaseModel;
let onnx: Engine;
beforeAll(async () => {
  base = await loadBase(`random-gpt2~layers=2,width=${d},heads=2,vocab=60,positions=${positions}`);
  onnx = await createEngine({ name: 'onnx', threads: 1 });
});
const ids = (count: number, seed: number): number[] =>
  Array.from(randomStream(seed, 'ids').integers(count, 60));

const methods: [string, () => Delta][] = [
  ['prefix', () => prefix.attach(base, prefix.options.parse({ virtualTokens: l }))],
  ['prompt', () => prompt.attach(base, prompt.options.parse({ virtualTokens: l }))],
];

describe.each(methods)('%s', (name, attach) => {
  it('trains with every kind of dropout, next to another method, on what fits beside the virtual tokens', async () => {
    const part = lora.attach(base, lora.options.parse({ rank: 2, dropout: 0.1 }));
    const delta = composeDeltas([
      { name, delta: attach() },
      { name: 'lora', delta: part },
    ]);
    const examples = Array.from({ length: 8 }, (_, i) => ({ prompt: ids(3 + i, i), target: ids(40, i + 9) }));
    const run = async (engine: Engine): Promise<number[]> => {
      const { log, neverMoved } = await train({
        engine,
        base,
        delta,
        seed: 1,
        folder: undefined,
        train: examples,
        validation: examples,
        objective: languageModel(base.architecture, 0),
        recipe: recipeSchema.parse({ batchSize: 4, maxSteps: 6, epochs: 9, learningRate: 1e-2 }),
      });
      expect(neverMoved).toEqual([]);
      return log.map(({ loss }) => loss);
    };
    expect(await run(onnx)).toBeAllclose(await run(await createEngine({ name: 'js' })), { rtol: 1e-5 });
  });

  it('generates up to the last position that the virtual tokens leave', async () => {
    const delta = attach();
    const values = await initialize(delta.trained, base, 1);
    const tensors = Object.fromEntries(
      Object.entries(values).map(([key, data]) => [key, { shape: delta.trained[key]!.shape, data }]),
    );
    const job = { engine: onnx, base, delta, tensors, maxNewTokens: 9, beams: 1, eosId: undefined };
    const room = positions - l;
    const { tokens } = await generate({ ...job, prompts: [ids(room - 1, 1), ids(room - 4, 2), ids(2, 3)] });
    expect(tokens.map(({ length }) => length)).toEqual([1, 4, 9]);
    await expect(generate({ ...job, prompts: [ids(room, 1)] })).rejects.toThrow(
      `prompt 1 has ${room} tokens; the model continues prompts of 1 to ${room - 1} tokens`,
    );
  });
});

describe('prompt', () => {
  const start = async (model: BaseModel, options: object): Promise<Float32Array> => {
    const { trained } = prompt.attach(model, prompt.options.parse({ virtualTokens: l, ...options }));
    return (await initialize(trained, model, 1))['embedding.weight']!;
  };

  it("starts at the base's embeddings of random tokens or of a text's, repeated", async () => {
    const table = await base.tensor('transformer.wte.weight');
    const row = (id: number): number[] => Array.from(table.subarray(id * d, (id + 1) * d));
    const known = Array.from({ length: 60 }, (_, id) => row(id).join());
    const drawn = await start(base, { start: 'vocabulary' });
    for (let i = 0; i < l; i++) expect(known).toContain(drawn.subarray(i * d, (i + 1) * d).join());
    const reader = { ...base, tokenizer: () => Promise.resolve({ encode: () => [7, 9] } as never) };
    const read = await start(reader, { start: 'text', text: 'two words' });
    expect(Array.from(read)).toEqual([7, 9, 7, 9, 7].flatMap(row));
  });

  it('refuses a text without start=text, and more virtual tokens than positions', () => {
    expect(() => prompt.attach(base, prompt.options.parse({ virtualTokens: l, text: 'a' }))).toThrow(
      'start=text',
    );
    expect(() => prompt.attach(base, prompt.options.parse({}))).toThrow('no room for 100 virtual tokens');
  });
});
