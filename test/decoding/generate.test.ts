// Tests of generate() and generateAll(): prompts, reuse of rows, sampling, ends and refusals.
import { beforeAll, describe, expect, it } from 'vitest';
import { generate, generateAll, rowsAtOnce, type GenerateJob } from '../../harness/decoding/generate.ts';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import red from '../../methods/red.ts';

let base: BaseModel;
let engine: Engine;
beforeAll(async () => {
  const found = await loadBase('random-gpt2~layers=2,width=32,heads=2,vocab=40,positions=48');
  // Weights are as large as trained ones, so that no two tokens are tied.
  base = { ...found, tensor: async (name) => (await found.tensor(name)).map((x) => 8 * x) };
  engine = await createEngine({ name: 'onnx', threads: 1 });
});

/** Makes prompts of these lengths. */
function prompts(...lengths: number[]): number[][] {
  return lengths.map((length, row) =>
    Array.from(randomStream(row, 'prompt').permutation(40), (id) => id).slice(0, length),
  );
}
const job = (settings: Partial<GenerateJob> & Pick<GenerateJob, 'prompts'>): GenerateJob => ({
  engine,
  base,
  delta: { trained: {} },
  tensors: {},
  maxNewTokens: 12,
  beams: 1,
  eosId: 3,
  ...settings,
});

describe('generate', () => {
  it('gives no tokens for no prompts', async () => {
    expect((await generate(job({ prompts: [] }))).tokens).toEqual([]);
  });

  it.each([1, 3])(
    'gives each prompt what it gets alone, in the order of the prompts (beams %i)',
    async (beams) => {
      const all = prompts(5, 17, 1, 9, 30, 12, 17, 2);
      const alone: number[][] = [];
      for (const prompt of all) alone.push((await generate(job({ prompts: [prompt], beams }))).tokens[0]!);
      expect((await generate(job({ prompts: all, beams }))).tokens).toEqual(alone);
    },
  );

  it('uses places again while others go on', async () => {
    // There are more prompts than rows, and they end at different times.
    const all = Array.from({ length: 70 }, (_, i) => [i % 40, (i * 7) % 40, (i * 3) % 11]);
    const { tokens } = await generate(job({ prompts: all }));
    const again = await generate(job({ prompts: all.slice(60) }));
    expect(tokens.slice(60)).toEqual(again.tokens);
    expect(new Set(tokens.map(({ length }) => length)).size).toBeGreaterThan(1);
  });

  it('draws tokens by seed and name, whatever is generated beside them', async () => {
    const all = [...prompts(5, 9, 12), prompts(5)[0]!];
    const streams = all.map((_, i) => `prompt ${i}`);
    const sampling = { temperature: 3, topK: 20, topP: 0.95, seed: 7 };
    const { tokens } = await generate(job({ prompts: all, sampling: { ...sampling, streams } }));
    for (const [i, prompt] of all.entries()) {
      const own = { ...sampling, streams: [streams[i]!] };
      expect((await generate(job({ prompts: [prompt], sampling: own }))).tokens[0]).toEqual(tokens[i]);
    }
    // Equal prompts under other names have other draws, and a draw is not always the most likely token.
    expect(tokens[3]).not.toEqual(tokens[0]);
    expect(tokens).not.toEqual((await generate(job({ prompts: all }))).tokens);
    const nearlyGreedy = { temperature: 1e-3, seed: 7, streams };
    expect((await generate(job({ prompts: all, sampling: nearlyGreedy }))).tokens).toEqual(
      (await generate(job({ prompts: all }))).tokens,
    );
  });

  it('stops where the tokens are complete', async () => {
    const all = prompts(5, 9);
    const whole = (await generate(job({ prompts: all, eosId: undefined }))).tokens;
    const isComplete = (made: readonly number[]): boolean => made.length === 4;
    const stopped = (await generate(job({ prompts: all, eosId: undefined, isComplete }))).tokens;
    expect(stopped).toEqual(whole.map((tokens) => tokens.slice(0, 4)));
  });

  it('reads equal prompts once and counts all of them as done', async () => {
    const [a, b] = prompts(4, 6) as [number[], number[]];
    const counts: number[] = [];
    const { tokens } = await generate(
      job({ prompts: [a, b, a], maxNewTokens: 3, eosId: undefined, onProgress: (done) => counts.push(done) }),
    );
    expect(tokens[0]).toEqual(tokens[2]);
    expect(counts).toHaveLength(2);
    expect(counts.at(-1)).toBe(3);
  });

  it('ends at the last position of the model', async () => {
    const { tokens } = await generate(
      job({
        prompts: prompts(40, 10).map((p, i) => [...p, ...p].slice(0, i ? 10 : 45)),
        maxNewTokens: 100,
        eosId: undefined,
      }),
    );
    expect(tokens.map(({ length }) => length)).toEqual([3, 38]);
  });

  it('refuses prompts that leave no position, and empty ones', async () => {
    const long = Array.from({ length: 48 }, () => 1);
    await expect(generate(job({ prompts: [[1], long] }))).rejects.toThrow('prompt 2 has 48 tokens');
    await expect(generate(job({ prompts: [[]] }))).rejects.toThrow('prompt 1 has 0 tokens');
  });

  it('ends at once where the end token is the best', async () => {
    const prompt = prompts(7)[0]!;
    const [first] = (await generate(job({ prompts: [prompt], maxNewTokens: 1, eosId: undefined }))).tokens;
    expect((await generate(job({ prompts: [prompt], eosId: first![0] }))).tokens).toEqual([[]]);
  });

  it('gives several sequences a prompt, best first', async () => {
    const { hypotheses } = await generateAll(job({ prompts: prompts(5, 8), beams: 4 }));
    for (const all of hypotheses) {
      expect(all).toHaveLength(4);
      expect(all.map(({ score }) => score)).toEqual(all.map(({ score }) => score).sort((a, b) => b - a));
    }
  });

  it('stops when told to', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(generate(job({ prompts: prompts(3), signal: controller.signal }))).rejects.toThrow('enough');
  });

  it.each(['onnx', 'js'] as const)(
    'step by step makes what prompts alone make, under a method (%s)',
    async (name) => {
      const delta = red.attach(base, red.options.parse({}));
      const tensors = Object.fromEntries(
        Object.entries(delta.trained).map(([key, { shape }]) => {
          const size = shape.reduce((product, n) => product * n, 1);
          return [key, { shape, data: randomStream(1, key).normal(size, 0.5, 0.5) }];
        }),
      );
      const run = job({
        engine: await createEngine({ name }),
        delta,
        tensors,
        prompts: prompts(6),
        eosId: undefined,
      });
      const { tokens } = await generate({ ...run, maxNewTokens: 5 });
      const prompt = [...run.prompts[0]!];
      for (let i = 0; i < 5; i++) {
        prompt.push((await generate({ ...run, prompts: [prompt], maxNewTokens: 1 })).tokens[0]![0]!);
      }
      expect(tokens[0]).toEqual(prompt.slice(6));
      expect(tokens).not.toEqual(
        (await generate({ ...run, delta: { trained: {} }, maxNewTokens: 5 })).tokens,
      );
    },
  );

  it('says which tensor of the method is missing', async () => {
    const delta = red.attach(base, red.options.parse({}));
    await expect(generate(job({ prompts: prompts(3), delta }))).rejects.toThrow("lacks the method's tensor");
  });
});

it.each([
  ['GPT-2 medium on E2E', { layers: 24, kvHeads: 16, headWidth: 64 }, 164, 64, 64],
  ['SmolLM2 with five examples of GSM8K', { layers: 30, kvHeads: 3, headWidth: 64 }, 1711, 16, 27],
  ['Llama-2 7B at its whole window', { layers: 32, kvHeads: 32, headWidth: 128 }, 4096, 64, 1],
  ['GPT-2 medium in a control group', { layers: 24, kvHeads: 16, headWidth: 64 }, 164, 1, 4],
])('%s: so many rows at once as their cache has room', (_, architecture, tokens, gibibytes, rows) => {
  expect(rowsAtOnce(architecture, tokens, gibibytes * 2 ** 30)).toBe(rows);
});
