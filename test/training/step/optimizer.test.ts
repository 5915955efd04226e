// Compares optimisers and schedules with PyTorch and transformers. Golden numbers are those of optim.json.
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine, NamedTensors } from '../../../harness/engine/types.ts';
import { momentTypes, optimize, rates, rateTypes } from '../../../harness/training/step/optimizer.ts';
import {
  packArrays,
  packTensors,
  unpackArrays,
  type Pack,
  type TrainedTensor,
} from '../../../harness/training/step/parameter-packs.ts';
import { recipeSchema, type Recipe } from '../../../harness/training/recipe.ts';
import { learningRateFactor } from '../../../harness/training/step/schedule.ts';
import { hasParity, readGolden } from '../../parity/folder.ts';

type Values = Readonly<Record<string, number[]>>;
interface Golden {
  readonly initial: Readonly<Record<string, { shape: number[]; data: number[] }>>;
  readonly gradients: readonly Values[];
  readonly runs: Readonly<
    Record<
      string,
      {
        readonly config: {
          readonly lr?: number;
          readonly lrs?: number[];
          readonly betas?: [number, number];
          readonly eps?: number;
          readonly weight_decay?: number;
          readonly momentum?: number;
          readonly clip_grad_norm?: number;
          readonly correct_bias?: boolean;
        };
        readonly params_after_each_step: Values[];
        readonly grad_norms_before_clipping?: number[];
      }
    >
  >;
  readonly schedules: {
    readonly runs: readonly { kind: string; warmup: number; total: number; lr: number[] }[];
  };
}
type Arrays = Record<string, Float32Array>;

const present = hasParity('optim.json');
const golden = present ? readGolden<Golden>('optim.json') : undefined;
const arrays = (values: Values): Arrays =>
  Object.fromEntries(Object.entries(values).map(([name, list]) => [name, Float32Array.from(list)]));

/**
 * Runs the optimiser's program on given gradients; gives the tensors and the gradient norm after each step.
 */
async function optimizeAll(
  engine: Engine,
  recipe: Recipe,
  packs: readonly Pack[],
  initial: Arrays,
  gradients: readonly Arrays[],
  rate: (step: number) => number,
): Promise<{ tensors: Arrays; norm: number }[]> {
  const each = (prefix: string) =>
    Object.fromEntries(
      packs.map(({ name, shape }) => [`${prefix}/${name}`, { shape, dtype: 'float32' as const }]),
    );
  const types = { ...each('trained'), ...momentTypes(recipe, packs) };
  const start = packArrays(packs, initial);
  const state = engine.state(
    Object.fromEntries(
      Object.entries(types).map(([name, { shape }]) => {
        const size = shape.reduce((product, n) => product * n, 1);
        return [name, { shape, data: start[name.replace('trained/', '')] ?? new Float32Array(size) }];
      }),
    ),
  );
  const named = (prefix: string, from: NamedTensors): NamedTensors =>
    Object.fromEntries(packs.map(({ name }) => [name, from[`${prefix}/${name}`]!]));
  const program = await engine.compile(
    {
      name: 'optimize',
      frozen: engine.freeze({}),
      state: types,
      inputs: { ...each('gradients'), ...rateTypes(packs) },
    },
    (x) => {
      const done = optimize(
        recipe,
        packs,
        named('trained', x.state),
        named('gradients', x.inputs),
        x.state,
        x.inputs,
      );
      const trained = Object.entries(done.tensors).map(([name, tensor]) => [`trained/${name}`, tensor]);
      return {
        state: { ...(Object.fromEntries(trained) as NamedTensors), ...done.state },
        outputs: { norm: done.norm },
      };
    },
  );
  const results: { tensors: Arrays; norm: number }[] = [];
  for (const [i, gradient] of gradients.entries()) {
    const packed = Object.entries(packArrays(packs, gradient)).map(([name, data]) => [
      `gradients/${name}`,
      data,
    ]);
    const inputs = Object.fromEntries(packed) as Arrays;
    const out = await program.run(state, { ...inputs, ...rates(recipe, packs, rate(i), i + 1) });
    const read = await state.read();
    const trained = unpackArrays(
      packs,
      Object.fromEntries(packs.map(({ name }) => [name, read[`trained/${name}`]!])),
    );
    const tensors = Object.entries(trained).map(([name, { data }]) => [name, data.slice()] as const);
    results.push({ tensors: Object.fromEntries(tensors), norm: out.norm![0]! });
  }
  await program.dispose();
  return results;
}

const optimizerOf = (name: string): Recipe['optimizer'] =>
  name.startsWith('hf_old') ? 'adamw-hf' : name.startsWith('sgd') ? 'sgd' : 'adamw';

describe.skipIf(!present).each(['js', 'onnx'] as const)('optimisers on %s', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ name, threads: 1 });
  });

  it.each(Object.keys(golden?.runs ?? {}))('%s takes the reference’s twelve steps', async (run) => {
    const { config, params_after_each_step, grad_norms_before_clipping } = golden!.runs[run]!;
    const recipe = recipeSchema.parse({
      optimizer: optimizerOf(run),
      beta1: config.betas?.[0],
      beta2: config.betas?.[1],
      epsilon: config.eps,
      biasCorrection: config.correct_bias,
      momentum: config.momentum,
      weightDecay: config.weight_decay,
      clip: config.clip_grad_norm,
    });
    const initial = Object.entries(golden!.initial);
    const packs = packTensors(initial.map(([name, { shape }]) => ({ name, shape, decays: true, rate: 1 })));
    const steps = await optimizeAll(
      engine,
      recipe,
      packs,
      arrays(Object.fromEntries(initial.map(([name, { data }]) => [name, data]))),
      golden!.gradients.map(arrays),
      (step) => config.lrs?.[step] ?? config.lr!,
    );
    expect(steps).toHaveLength(params_after_each_step.length);
    for (const [i, { tensors, norm }] of steps.entries()) {
      for (const [name, values] of Object.entries(params_after_each_step[i]!)) {
        expect(tensors[name], `${name} after step ${i + 1}`).toBeAllclose(values, { rtol: 1e-6, atol: 1e-6 });
      }
      const expected = grad_norms_before_clipping?.[i];
      if (expected !== undefined) expect([norm]).toBeAllclose([expected], { rtol: 1e-6 });
    }
  });

  it('has the default ε of each AdamW', async () => {
    for (const [optimizer, epsilon] of [
      ['adamw', 1e-8],
      ['adamw-hf', 1e-6],
    ] as const) {
      const packs = packTensors([{ name: 'a', shape: [2], decays: true, rate: 1 }]);
      const step = (settings: object): ReturnType<typeof optimizeAll> =>
        optimizeAll(
          engine,
          recipeSchema.parse({ optimizer, ...settings }),
          packs,
          { a: Float32Array.of(0, 0) },
          [{ a: Float32Array.of(1e-6, -1e-7) }],
          () => 1,
        );
      expect(await step({})).toEqual(await step({ epsilon }));
    }
  });

  it('keeps a factor on the rate and an exemption from decay to the tensor that has it', async () => {
    const shape = [3];
    const recipe = recipeSchema.parse({ weightDecay: 0.1 });
    const initial = { a: Float32Array.of(1, -2, 3), b: Float32Array.of(0.5, 0.25, -4) };
    const gradients = [0.1, -0.3, 0.2].map((g) => ({
      a: Float32Array.of(g, 2 * g, 1),
      b: Float32Array.of(1, g, -g),
    }));
    const run = async (
      tensors: readonly TrainedTensor[],
      rate: number,
      weightDecay = 0.1,
    ): Promise<Arrays> => {
      const packs = packTensors(tensors);
      const steps = await optimizeAll(
        engine,
        { ...recipe, weightDecay },
        packs,
        initial,
        gradients,
        () => rate,
      );
      return steps.at(-1)!.tensors;
    };
    const plain = (name: string): TrainedTensor => ({ name, shape, decays: true, rate: 1 });
    const [a, b] = [plain('a'), plain('b')];
    const together = await run([a, { ...b, decays: false, rate: 0.5 }], 0.02);
    expect(together.a).toBeAllclose((await run([a, b], 0.02)).a!, { rtol: 1e-6 });
    expect(together.b).toBeAllclose((await run([a, b], 0.01, 0)).b!, { rtol: 1e-6 });
  });
});

describe('packs', () => {
  it('put small tensors end to end and leave a large one to itself, cut evenly where it can be', () => {
    const tensors = [
      { name: 'large', shape: [300, 600], decays: true, rate: 1 },
      { name: 'prime', shape: [131_101], decays: true, rate: 1 },
      { name: 'a', shape: [2, 3], decays: true, rate: 1 },
      { name: 'exempt', shape: [5], decays: false, rate: 1 },
      { name: 'fast', shape: [1], decays: true, rate: 10 },
      { name: 'b', shape: [4], decays: true, rate: 1 },
    ];
    const packs = packTensors(tensors);
    expect(packs.map(({ shape, members }) => [shape, members.map(({ name }) => name)])).toEqual([
      [
        [1, 10],
        ['a', 'b'],
      ],
      [[1, 5], ['exempt']],
      [[1, 1], ['fast']],
      [[2, 90_000], ['large']],
      [[1, 131_101], ['prime']],
    ]);
    const arrays = Object.fromEntries(
      tensors.map(({ name, shape }, i) => [
        name,
        Float32Array.from({ length: shape.reduce((n, m) => n * m, 1) }, (_, k) => 1000 * i + k),
      ]),
    );
    const back = unpackArrays(packs, packArrays(packs, arrays));
    for (const { name, shape } of tensors) expect(back[name]).toEqual({ shape, data: arrays[name] });
  });
});

describe.skipIf(!present)('schedules', () => {
  it.each(golden?.schedules.runs ?? [])('$kind, warm-up $warmup of $total', ({ kind, warmup, total, lr }) => {
    const schedule = kind === 'constant_with_warmup' ? 'constant' : (kind as Recipe['schedule']);
    // The goldens continue after the last step, which runs never do.
    const factors = lr
      .slice(0, total)
      .map((_, step) => learningRateFactor({ schedule, warmup }, step, total));
    expect(factors).toBeAllclose(lr.slice(0, total), { atol: 1e-12 });
  });

  it('takes a warm-up below 1 for a share of all steps', () => {
    const at = (warmup: number): number[] =>
      [0, 1, 2, 3, 10].map((step) => learningRateFactor({ schedule: 'linear', warmup }, step, 20));
    expect(at(0.06)).toBeAllclose(at(1.2), { atol: 1e-15 });
  });
});
