// Tests of ReFT and its variants: orthogonality of the rotation, edited positions and refusals.
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { initialize } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { languageModel } from '../../harness/training/objectives/language-model.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';
import { train } from '../../harness/training/loop/train.ts';
import consreft from '../../methods/consreft.ts';
import direft from '../../methods/direft.ts';
import lobireft from '../../methods/lobireft.ts';
import loreft from '../../methods/loreft.ts';
import nodireft from '../../methods/nodireft.ts';
import noreft from '../../methods/noreft.ts';
import { computeDecoder } from '../parity/decoder.ts';

const [d, rank] = [24, 4];
let base: BaseModel;
let onnx: Engine;
beforeAll(async () => {
  base = await loadBase(`random-gpt2~layers=2,width=${d},heads=2,vocab=60,positions=32`);
  onnx = await createEngine({ name: 'onnx', threads: 1 });
});

/** Computes the largest element of |RᵀR − I|. */
function distance(R: Float32Array): number {
  let most = 0;
  for (let a = 0; a < rank; a++) {
    for (let b = 0; b < rank; b++) {
      let dot = 0;
      for (let i = 0; i < d; i++) dot += R[i * rank + a]! * R[i * rank + b]!;
      most = Math.max(most, Math.abs(dot - (a === b ? 1 : 0)));
    }
  }
  return most;
}

describe('ReFT', () => {
  it.each([loreft, direft, consreft, lobireft])(
    '$name keeps R orthonormal from the start through training, whatever the rate and decay',
    async (method) => {
      for (const tied of [true, false]) {
        const delta = method.attach(base, method.options.parse({ rank, tied, dropout: 0.1 }));
        const start = await initialize(delta.trained, base, 1);
        const examples = Array.from({ length: 20 }, (_, i) => {
          const ids = Array.from(randomStream(i, 'example').integers(12, 60));
          return { prompt: ids.slice(0, 4 + (i % 4)), target: ids.slice(8) };
        });
        const { tensors } = await train({
          engine: onnx,
          base,
          delta,
          seed: 1,
          folder: undefined,
          train: examples,
          validation: [],
          objective: languageModel(base.architecture, 0),
          recipe: recipeSchema.parse({
            batchSize: 4,
            epochs: 9,
            maxSteps: 20,
            learningRate: 0.05,
            weightDecay: 0.1,
          }),
        });
        const rotations = Object.keys(delta.trained).filter((name) => name.endsWith('.R'));
        expect(rotations).toHaveLength(tied ? 2 : 4);
        for (const name of rotations) {
          expect(distance(start[name]!)).toBeLessThan(1e-6);
          expect(distance(tensors[name]!.data)).toBeLessThan(1e-5);
          // Edits of the first tokens in the last block do not reach the loss, so their rotation stays.
          const moved = Math.max(...tensors[name]!.data.map((x, i) => Math.abs(x - start[name]![i]!)));
          if (name.startsWith('transformer.h.1.reft.first')) expect(moved).toBeLessThan(1e-6);
          else expect(moved).toBeGreaterThan(1e-2);
        }
      }
    },
  );

  it.each([loreft, direft, noreft, consreft, lobireft, nodireft])(
    '$name changes the last hidden states of its tokens alone where only the last block is edited',
    async (method) => {
      const ids = Array.from(randomStream(5, 'ids').integers(12, 60));
      const batch = (prompt: number): Parameters<typeof computeDecoder>[4] => ({
        input_ids: [ids],
        attention_mask: [ids.map(() => 1)],
        labels: [ids.map((id, i) => (i < prompt ? -100 : id))],
      });
      // Each side edits at most half of the prompt, so a prompt of one token is not edited.
      for (const [prompt, tokens] of [
        [8, [0, 1, 7]],
        [3, [0, 2]],
        [2, [0, 1]],
        [1, []],
      ] as const) {
        const delta = method.attach(base, method.options.parse({ rank, first: 2, last: 1, layers: [1] }));
        const start = await initialize(delta.trained, base, 3);
        const plain = await computeDecoder(onnx, base, { trained: {} }, {}, batch(prompt));
        const edited = await computeDecoder(onnx, base, delta, start, batch(prompt));
        const changed = ids
          .map((_, i) => i)
          .filter((i) =>
            plain.hidden.subarray(i * d, i * d + d).some((x, j) => x !== edited.hidden[i * d + j]),
          );
        expect(changed).toEqual(tokens);
      }
    },
  );

  it.each([loreft, direft, noreft, consreft, lobireft, nodireft])(
    '$name gives every tensor a gradient',
    async (method) => {
      const delta = method.attach(base, method.options.parse({ rank, tied: true }));
      const ids = Array.from(randomStream(5, 'ids').integers(12, 60));
      const { gradients } = await computeDecoder(
        onnx,
        base,
        delta,
        await initialize(delta.trained, base, 3),
        {
          input_ids: [ids],
          attention_mask: [ids.map(() => 1)],
          labels: [ids.map((id, i) => (i < 8 ? -100 : id))],
        },
      );
      for (const [name, gradient] of Object.entries(gradients)) {
        expect(Math.max(...gradient.map(Math.abs)), name).toBeGreaterThan(0);
      }
    },
  );

  it('refuses to edit no tokens', () => {
    expect(() => loreft.attach(base, loreft.options.parse({ first: 0, last: 0 }))).toThrow(
      'LoReFT without first and last tokens trains nothing',
    );
  });
});
