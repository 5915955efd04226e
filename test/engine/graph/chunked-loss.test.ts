// The loss of a frozen head goes by chunks of rows where logits are large: the numbers of whole logits, without them.
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import { recordGraph } from '../../../harness/engine/graph/recorder.ts';
import * as ops from '../../../harness/engine/ops.ts';
import type { NamedArrays, ProgramFunction, Shape } from '../../../harness/engine/types.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';

// 256 rows of so large a vocabulary are a chunk: 601 rows make three, of unequal sizes.
const [rows, vocabulary, width] = [601, 66_000, 4];
const floats = (shape: readonly number[], name: string): { shape: Shape; data: Float32Array } => ({
  shape,
  data: randomStream(5, name).normal(shape[0]! * (shape[1] ?? 1), 0, 1),
});
const h = floats([rows, width], 'h');
const W = floats([vocabulary, width], 'W');
const ids = randomStream(5, 'ids').integers(rows, vocabulary);
const weights = randomStream(5, 'weights').uniform(rows, 0, 1);
const inputs = {
  ids: { shape: [rows], dtype: 'int32' },
  weights: { shape: [rows], dtype: 'float32' },
} as const;

const engine = await createEngine({ name: 'onnx', threads: 1 });

/** The loss and, where it is wanted, its gradient; W is frozen, or a state whose loss is of whole logits. */
async function compute(
  isFrozen: boolean,
  smoothing: number,
  softCap: number | undefined,
  hasGradient: boolean,
): Promise<NamedArrays> {
  const program: ProgramFunction = ({ frozen, state, inputs }) => {
    const head = isFrozen ? frozen.W! : state.W!;
    const loss = (): ops.Tensor =>
      ops.headCrossEntropy(state.h!, head, inputs.ids!, inputs.weights!, smoothing, { cap: softCap });
    if (!hasGradient) return { outputs: { loss: loss() } };
    const { value, gradients } = ops.valueAndGradients(loss, { h: state.h! });
    return { outputs: { loss: value, dh: gradients.h! } };
  };
  const given = { h, ...(isFrozen ? {} : { W }) };
  const types = Object.fromEntries(
    Object.entries(given).map(([name, { shape }]) => [name, { shape, dtype: 'float32' as const }]),
  );
  const frozen = engine.freeze(isFrozen ? { W } : {});
  const compiled = await engine.compile({ name: 'loss', frozen, state: types, inputs }, program);
  const results = await compiled.run(engine.state(given), { ids, weights });
  await compiled.dispose();
  return results;
}

describe('the loss of a frozen head', () => {
  for (const [smoothing, softCap] of [
    [0, undefined],
    [0.1, undefined],
    [0, 3],
    [0.1, 3],
  ] as const) {
    it(`in chunks equals that of whole logits: smoothing ${smoothing}, cap ${softCap ?? 'none'}`, async () => {
      const whole = await compute(false, smoothing, softCap, true);
      const chunked = await compute(true, smoothing, softCap, true);
      expect(chunked.loss![0]! / whole.loss![0]!).toBeCloseTo(1, 6);
      expect(chunked.dh!).toBeAllclose(whole.dh!, { rtol: 1e-5, atol: 1e-6 });
      const alone = await compute(true, smoothing, softCap, false);
      expect(alone.loss).toEqual(chunked.loss);
    });
  }

  it('never has all logits, and without a gradient no product with them', () => {
    for (const hasGradient of [true, false]) {
      const { graph, outputs } = recordGraph(
        (input) => {
          const hidden = input('h', h.shape, 'float32');
          const head = input('W', W.shape, 'float32', { isFrozen: true });
          const loss = (): ops.Tensor =>
            ops.headCrossEntropy(
              hidden,
              head,
              input('ids', [rows], 'int32'),
              input('weights', [rows], 'float32'),
              0,
            );
          if (!hasGradient) return { loss: loss() };
          const { value, gradients } = ops.valueAndGradients(loss, { h: hidden });
          return { value, dh: gradients.h! };
        },
        { forCores: true },
      );
      const nodes = graph.needed(outputs.map(({ value }) => value));
      const logits = nodes
        .flatMap((node) => node.outputs.map(({ shape }) => shape))
        .filter((shape) => shape.at(-1) === vocabulary);
      expect(Math.max(...logits.map(([count]) => count!))).toBeLessThanOrEqual(256);
      const products = nodes.filter(({ op }) => op === 'Gemm');
      expect(products).toHaveLength(hasGradient ? 6 : 3);
    }
  });
});
