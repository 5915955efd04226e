// Tests that the search inside the graph finds what the search on the host finds.
import { beforeAll, describe, expect, it } from 'vitest';
import { generateAll } from '../../../harness/decoding/generate.ts';
import { GraphSearch } from '../../../harness/decoding/in-graph/graph-search.ts';
import { freezeAll, type TrainedTensors } from '../../../harness/decoding/programs.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import type { Delta, Method } from '../../../harness/models/method.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import none from '../../../methods/none.ts';
import prefix from '../../../methods/prefix.ts';
import prompt from '../../../methods/prompt.ts';
import red from '../../../methods/red.ts';
import { folderOf } from '../../parity/folder.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ name: 'onnx', threads: 1 });
});

const families = {
  gpt2: 'random-gpt2~layers=2,width=32,heads=2,vocab=40,positions=96',
  llama: 'random-llama~layers=2,width=32,heads=4,kvHeads=2,inner=48,vocab=40,positions=96',
  t5: 'random-t5~layers=2,width=32,heads=2,inner=48,vocab=40',
  // Its layers see windows of four tokens.
  gemma3: folderOf('gemma3_text-tiny'),
};
async function baseOf(family: keyof typeof families): Promise<BaseModel> {
  const found = await loadBase(families[family]);
  // Weights are as large as trained ones, so that no two tokens are tied.
  const large = async (name: string): Promise<Float32Array> =>
    (await found.tensor(name)).map((x) => (family === 'gemma3' ? x : 8 * x));
  return { ...found, tensor: large, location: () => undefined };
}

async function tensorsOf(base: BaseModel, delta: Delta): Promise<TrainedTensors> {
  const tensors: Record<string, TrainedTensors[string]> = {};
  for (const [name, { shape, init }] of Object.entries(delta.trained)) {
    const data = await init(randomStream(8, name), base);
    tensors[name] = { shape, data: data.map((x, i) => x + 0.3 * Math.sin(i)) };
  }
  return tensors;
}

const prompts = Array.from({ length: 7 }, (_, row) =>
  Array.from(randomStream(row, 'prompt').permutation(40), (id) => id).slice(0, [5, 17, 1, 9, 12, 17, 2][row]),
);

const cases = [
  ...(['gpt2', 'llama', 't5', 'gemma3'] as const).flatMap((family) => [
    ...([none, red, prefix, prompt] as Method[]).map(
      (method) => [family, method.name, 3, {}, method] as const,
    ),
    [family, 'none', 1, {}, none as Method] as const,
  ]),
  ...[
    { earlyStopping: true, lengthPenalty: 0.5 },
    { earlyStopping: 'never', lengthPenalty: 2 },
    { earlyStopping: false, lengthPenalty: -1 },
    { noRepeatNgram: 2 },
    { noRepeatNgram: 1, minNewTokens: 4 },
  ].map((settings) => ['gpt2', 'none', 4, settings as object, none as Method] as const),
  ...[{ noRepeatNgram: 3 }, { noRepeatNgram: 2, minNewTokens: 12 }].flatMap((settings) =>
    (['gpt2', 't5'] as const).map(
      (family) => [family, 'none', 1, settings as object, none as Method] as const,
    ),
  ),
];
describe.each(cases)('%s under %s, %i beams, %o', (family, _, beams, settings, method) => {
  it.each([3, undefined])('finds what the host finds (end token %s)', async (eosId) => {
    const base = await baseOf(family);
    const options = method.name === 'prompt' ? { virtualTokens: 5 } : {};
    const delta = method.attach(base, method.options.parse(options));
    const tensors = await tensorsOf(base, delta);
    const job = { engine, base, delta, tensors, prompts, maxNewTokens: 10, beams, eosId, ...settings };
    const { hypotheses } = await generateAll(job);
    const held = await freezeAll(engine, base, delta, tensors);
    const rules = {
      lengthPenalty: 1,
      earlyStopping: false as const,
      minNewTokens: 0,
      noRepeatNgram: 0,
      ...settings,
      maxNewTokens: 10,
      beams,
      eosId,
    };
    const search = new GraphSearch({ engine, frozen: held, base, delta, normalized: beams > 1 }, rules, 4);
    const of = base.architecture.kind === 'encoder-decoder' ? prompts.map(() => [0]) : prompts;
    const found = [
      ...(await search.run(prompts.slice(0, 4), of.slice(0, 4))),
      ...(await search.run(prompts.slice(4), of.slice(4))),
    ];
    await search.dispose();
    held.dispose();
    hypotheses.forEach((each, i) => {
      expect(found[i]).toHaveLength(each.length);
      each.forEach(({ tokens, score }, rank) => {
        const made = found[i]![rank]!;
        expect(made.score).toBeCloseTo(score, 4);
        // Sequences with equal scores may come in either order.
        const tied = each.some((other, at) => at !== rank && Math.abs(other.score - score) < 1e-4);
        if (!tied) expect(made.tokens).toEqual(tokens);
      });
    });
  });
});

const again = [...prompts, prompts[1]!];
describe('where the engine says that its device is a CUDA one', () => {
  it.each([
    ['greedy', { beams: 1 }],
    ['beams', { beams: 3 }],
    [
      'no trigram twice, histories',
      { beams: 3, noRepeatNgram: 3, histories: again.map((prompt) => prompt.slice(1)) },
    ],
    ['a penalty of what occurred, which the host has', { beams: 3, repetitionPenalty: 1.3 }],
    ['prompts that leave too little room', { beams: 1, maxNewTokens: 90 }],
  ])('generates the same: %s', async (_, settings) => {
    const base = await baseOf('gpt2');
    const progress: number[] = [];
    const job = {
      engine,
      base,
      delta: none.attach(base, {}),
      tensors: {},
      prompts: again,
      maxNewTokens: 10,
      eosId: 3,
      ...settings,
    };
    const onHost = await generateAll(job);
    const onDevice = await generateAll({
      ...job,
      engine: { ...engine, device: 'cuda' },
      onProgress: (done) => progress.push(done),
    });
    const tokens = ({ hypotheses }: typeof onHost) => hypotheses.map(([best]) => best!.tokens);
    expect(tokens(onDevice)).toEqual(tokens(onHost));
    expect(progress.at(-1)).toBe(again.length);
  });
});
