// Tests that logits that are not finite fail a search. onnxruntime's maximum and TopK skip a NaN that does
// not come first, so a check must find it.
import { beforeAll, describe, expect, it } from 'vitest';
import { generateAll } from '../../harness/decoding/generate.ts';
import { GraphSearch } from '../../harness/decoding/in-graph/graph-search.ts';
import { freezeAll, type TrainedTensors } from '../../harness/decoding/programs.ts';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine, EngineName } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';

const engines = new Map<EngineName, Engine>();
beforeAll(async () => {
  for (const name of ['onnx', 'js'] as const) engines.set(name, await createEngine({ name, threads: 1 }));
});

const WIDTH = 32;
/**
 * Makes a base and a trained head; one value of one row is `value`, so that only one token's logit is
 * affected.
 */
async function headWith(value: number, token: number): Promise<{ base: BaseModel; tensors: TrainedTensors }> {
  const base = await loadBase(`random-llama~layers=2,width=${WIDTH},heads=4,inner=48,vocab=40,positions=96`);
  const name = 'lm_head.weight';
  const data = (await base.tensor(name)).slice();
  data[token * WIDTH] = value;
  return { base, tensors: { [name]: { shape: base.shapes[name]!, data } } };
}
const prompts = [[1, 2, 3], [4, 5, 6, 7, 8], [9]];
const delta = { trained: {} };
const message = /^the model's logits are not finite/;

describe.each([NaN, Infinity])('a logit of %f fails a search', (value) => {
  describe.each([0, 1, 7, 20, 39])('at place %i', (token) => {
    it.each([
      ['onnx', 1],
      ['onnx', 3],
      ['js', 1],
      ['js', 2],
    ] as const)('of %s with %i beams', async (name, beams) => {
      const { base, tensors } = await headWith(value, token);
      const job = {
        engine: engines.get(name)!,
        base,
        delta,
        tensors,
        prompts,
        maxNewTokens: 3,
        beams,
        eosId: 0,
      };
      await expect(generateAll(job)).rejects.toThrow(message);
      await expect(generateAll(job)).rejects.toHaveProperty('name', 'NotFinite');
    });

    it.each([1, 3])('inside one program with %i beams', async (beams) => {
      const { base, tensors } = await headWith(value, token);
      const engine = engines.get('onnx')!;
      const held = await freezeAll(engine, base, delta, tensors);
      const rules = {
        lengthPenalty: 1,
        earlyStopping: false,
        minNewTokens: 0,
        noRepeatNgram: 0,
        maxNewTokens: 3,
        beams,
        eosId: 0,
      };
      const search = new GraphSearch(
        { engine, frozen: held, base, delta, normalized: beams > 1 },
        rules,
        prompts.length,
      );
      await expect(search.run(prompts, prompts)).rejects.toThrow(message);
      await search.dispose();
      held.dispose();
    });
  });
});

it('finite logits of any size pass', async () => {
  const { base, tensors } = await headWith(1e30, 7);
  const job = {
    engine: engines.get('onnx')!,
    base,
    delta,
    tensors,
    prompts,
    maxNewTokens: 3,
    beams: 1,
    eosId: 0,
  };
  expect((await generateAll(job)).hypotheses).toHaveLength(3);
});
