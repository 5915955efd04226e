// Tests that loss and gradients are the same whether the tokens of several examples are packed end to end, padded
// to attention's slots, or computed one example at a time; they are padded where the batch has room for a token in
// every slot.
import { beforeAll, describe, expect, test } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import * as ops from '../../../harness/engine/ops.ts';
import type { Engine, NamedArrays } from '../../../harness/engine/types.ts';
import { freezeTensors, trainedShapes } from '../../../harness/models/delta/trained-tensors.ts';
import { makeHead, withHead } from '../../../harness/models/delta/heads.ts';
import type { Delta, Method } from '../../../harness/models/method.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { labelled } from '../../../harness/training/objectives/classification.ts';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import type { BatchShape, Objective } from '../../../harness/training/objectives/objective.ts';
import { pretraining, type Row } from '../../../harness/training/pretraining/objective.ts';
import { sum } from '../../../harness/support/numbers/arithmetic.ts';
import { startOf, tinyBase, type tinyBases } from '../../methods/tiny.ts';

const pairs = [
  { prompt: [3, 9, 1, 17], target: [5, 22, 8] },
  { prompt: [11, 2], target: [19, 4, 13] },
];
const sources = pairs.map(({ prompt, target }) => ({ source: prompt, prompt: [0], target }));
const classes = pairs.map(({ prompt, target }, label) => {
  const ids = [...prompt, ...target];
  return { ids, types: ids.map(() => 0), label };
});
const rows: Row[] = [
  [
    { ids: [3, 9, 1], targets: [9, 1, -1] },
    { ids: [17, 5], targets: [5, 22] },
  ],
  [{ ids: [4, 6, 8], targets: [6, 8, -1] }],
];

/** Examples that are computed together. */
interface Part {
  readonly sizes: BatchShape;
  fill(shape: BatchShape): NamedArrays;
}
/** Examples with their objective, together and each by itself. */
interface Batch extends Pick<Objective<never>, 'types' | 'loss'>, Part {
  readonly alone: readonly Part[];
}
function batchOf<Example>(objective: Objective<Example>, examples: readonly Example[]): Batch {
  const { types, loss, sizesOf, fill } = objective;
  const partOf = (some: readonly Example[]): Part => ({
    sizes: sizesOf(some),
    fill: (shape) => fill(some, shape, 0.25),
  });
  return { types, loss, ...partOf(examples), alone: examples.map((one) => partOf([one])) };
}

interface Case {
  readonly family: keyof typeof tinyBases;
  readonly batch: (base: BaseModel) => Batch;
  readonly attach?: (base: BaseModel, delta: Delta) => Delta;
}
const head = (base: BaseModel): ReturnType<typeof makeHead> => makeHead(base, 'huggingface', 2);
const written = ({ architecture }: BaseModel): Batch => batchOf(languageModel(architecture, 0), pairs);
const cases: Record<string, Case> = {
  'text of GPT-2': { family: 'gpt2', batch: written },
  'text of Llama': { family: 'llama', batch: written },
  'text of T5': {
    family: 't5',
    batch: ({ architecture }) => batchOf(languageModel(architecture, 0), sources),
  },
  classes: {
    family: 'roberta',
    batch: (base) => batchOf(labelled(head(base), true, 0), classes),
    attach: (base, delta) => withHead(delta, head(base)),
  },
  pretraining: {
    family: 'gpt2',
    batch: ({ architecture }) => batchOf(pretraining(architecture, undefined), rows),
  },
};

let engine: Engine;
let methods: ReadonlyMap<string, Method>;
beforeAll(async () => {
  [engine, methods] = await Promise.all([createEngine({ name: 'onnx', threads: 1 }), loadMethods()]);
});

describe.each(Object.entries(cases))('%s', (_, { family, batch, attach }) => {
  test.each(['full', 'loreft~first=1,last=1', 'prompt~virtualTokens=3', 'prefix'])(
    'has the same loss and gradients end to end, in slots and one by one: %s',
    async (text) => {
      const base = await tinyBase(family);
      const [part] = parseVariant(text, methods, []).parts;
      const own = part!.method.attach(base, part!.options);
      const delta = attach?.(base, own) ?? own;
      const { types, loss, sizes, fill, alone } = batch(base);
      const start = await startOf(base, delta, 0.05);
      const state = Object.fromEntries(
        Object.entries(trainedShapes(base, delta)).map(([name, shape]) => [
          name,
          { shape, dtype: 'float32' as const },
        ]),
      );
      const values = Object.fromEntries(
        Object.entries(state).map(([name, { shape }]) => [name, { shape, data: start[name]! }]),
      );
      const held = await freezeTensors(engine, base, delta, 3);
      const compute = async (shape: BatchShape, fillAll = fill): Promise<NamedArrays> => {
        const inputs = types(shape);
        const program = await engine.compile({ name: 'packed', frozen: held, state, inputs }, (x) => {
          const use = { base, delta, tensors: x.state, training: true, dropout: false, totalSteps: 1 };
          const { value, gradients } = ops.valueAndGradients(() => loss(x, use, shape).loss, x.state);
          return { outputs: { loss: value, ...gradients } };
        });
        const out = await program.run(engine.state(values), fillAll(shape));
        await program.dispose();
        return { ...out, moves: Float32Array.of('slotTokens' in inputs ? 1 : 0) };
      };
      // The shape has room for one more row and one more token per row.
      const [count, length] = [sizes.rows + 1, sizes.length + 1];
      const sourceLength = sizes.sourceLength && sizes.sourceLength + 1;
      const room = { ...sizes, rows: count, length, sourceLength };
      const { moves, ...packed } = await compute(room);
      const full = await compute({ ...room, tokens: count * length, sourceTokens: count * sourceLength });
      expect([moves, full.moves]).toEqual([Float32Array.of(1), Float32Array.of(0)]);
      const parts: NamedArrays[] = [];
      for (const part of alone) parts.push(await compute(part.sizes, part.fill));
      for (const [name, expected] of Object.entries(packed)) {
        const largest = Math.max(1e-3, ...Array.from(expected, Math.abs));
        const tolerance = { rtol: 0, atol: 1e-5 * largest };
        expect(full[name]!, name).toBeAllclose(expected, tolerance);
        const sums = Float32Array.from(expected, (_, i) => sum(parts.map((part) => part[name]![i]!)));
        expect(sums, name).toBeAllclose(expected, tolerance);
      }
    },
  );
});
