/** Recomputation keeps less memory and changes no result. */
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Node, Value } from '../../../harness/engine/graph/node.ts';
import * as ops from '../../../harness/engine/ops.ts';
import { insertRecomputation } from '../../../harness/engine/graph/recompute.ts';
import { recordGraph } from '../../../harness/engine/graph/recorder.ts';
import adapter from '../../../methods/adapter.ts';
import full from '../../../methods/full.ts';
import prompt from '../../../methods/prompt.ts';
import red from '../../../methods/red.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { compute } from '../../methods/compute.ts';
import { startOf, tinyBase, tinyBases, tinyBatch, tinyPairs } from '../../methods/tiny.ts';

const sizeOf = (value: Value): number => value.shape.reduce((product, n) => product * n, 1);

/** The most elements that are computed but not yet read for the last time, where nodes run in their order. */
function mostKept(nodes: readonly Node[], outputs: readonly Value[]): number {
  const lastRead = new Map<Value, number>();
  nodes.forEach(({ inputs }, i) => {
    for (const value of inputs) lastRead.set(value, i);
  });
  for (const value of outputs) lastRead.set(value, nodes.length);
  let [kept, most] = [0, 0];
  nodes.forEach(({ inputs, outputs }, i) => {
    for (const value of outputs) kept += sizeOf(value);
    most = Math.max(most, kept);
    const unread = outputs.filter((value) => !lastRead.has(value));
    const read = [...new Set(inputs)].filter(
      (value) => lastRead.get(value) === i && value.input === undefined && !value.constant,
    );
    for (const value of [...unread, ...read]) kept -= sizeOf(value);
  });
  return most;
}

describe('recompute', () => {
  it('keeps the boundaries of a deep net and little more', () => {
    const [rows, width, layers] = [64, 8, 12];
    const { graph, outputs } = recordGraph((input) => {
      const weights = Object.fromEntries(
        Array.from({ length: layers }, (_, i) => [`w${i}`, input(`w${i}`, [width, width], 'float32')]),
      );
      const x = input('x', [rows, width], 'float32');
      const { value, gradients } = ops.valueAndGradients(() => {
        let y = x;
        ops.boundary(y);
        for (const w of Object.values(weights)) {
          const inner = ops.tanh(ops.matMul(y, w)).square().sigmoid();
          y = y.add(inner.mul(ops.tanh(inner)));
          ops.boundary(y);
        }
        return y.sum();
      }, weights);
      return { value, ...gradients };
    });
    const ends = outputs.map(({ value }) => value);
    const nodes = graph.needed(ends);
    const again = insertRecomputation(graph, nodes);
    expect(mostKept(again, ends)).toBeLessThan(0.45 * mostKept(nodes, ends));
    // Every operand is computed before it is read.
    const there = new Set<Value>();
    for (const node of again) {
      for (const value of node.inputs) {
        expect(value.input !== undefined || value.constant !== undefined || there.has(value), node.op).toBe(
          true,
        );
      }
      for (const value of node.outputs) there.add(value);
    }
  });

  for (const family of Object.keys(tinyBases) as (keyof typeof tinyBases)[]) {
    it(`gives the same bits on ${family}`, async () => {
      const base = await tinyBase(family);
      const batch = base.architecture.kind === 'encoder-decoder' ? tinyPairs() : tinyBatch();
      for (const method of [red, full, adapter, prompt]) {
        const delta = method.attach(base, method.options.parse({}));
        const start = await startOf(base, delta, 0.05);
        const [plain, again] = await Promise.all(
          [false, true].map(async (recompute) =>
            compute(await createEngine({ name: 'onnx', threads: 1, recompute }), base, delta, start, batch),
          ),
        );
        expect(again, method.name).toEqual(plain);
      }
    });
  }

  for (const family of ['llama', 'gpt2']) {
    it(`computes what goes by parts again on ${family}`, async () => {
      const base = await loadBase(`random-${family}~layers=2,width=64,heads=2,vocab=24`);
      const ids = Array.from({ length: 8 }, (_, row) =>
        Array.from({ length: 128 }, (_, i) => (i + row) % 24),
      );
      const batch = {
        input_ids: ids,
        attention_mask: ids.map((row) => row.map(() => 1)),
        labels: ids,
        position_ids: ids.map((row) => row.map((_, i) => i)),
      };
      const delta = red.attach(base, red.options.parse({}));
      const start = await startOf(base, delta, 0.05);
      const [plain, again] = await Promise.all(
        [false, true].map(async (recompute) =>
          compute(await createEngine({ name: 'onnx', threads: 1, recompute }), base, delta, start, batch),
        ),
      );
      expect(again).toEqual(plain);
    });
  }
});
