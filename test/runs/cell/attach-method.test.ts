// A method of a user's own may fail: the message names it and the base, and keeps the error as its cause.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineMethod, type Delta } from '../../../harness/method.ts';
import * as tf from '../../../harness/engine/ops.ts';
import type { Tensor } from '../../../harness/models/edits.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { initialize } from '../../../harness/models/delta/trained-tensors.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { testEngine } from '../../engines.ts';
import { tinyBase, tinyBatch } from '../../methods/tiny.ts';
import { computeDecoder } from '../../parity/decoder.ts';

const base = await loadBase('gpt2-mini');
const attachOwn = (attach: () => Delta) => {
  const options = z.strictObject({});
  const method = defineMethod({ name: 'own', label: 'Own', paper: 'a test', options, attach });
  return attachMethods({ name: 'own', parts: [{ method, options: {} }] }, base);
};

test('an error of a method names the method', async () => {
  const failed = attachOwn(() => {
    throw new TypeError('no such site');
  });
  await expect(failed).rejects.toThrow('The method own cannot act on gpt2-mini: no such site');
  await expect(failed).rejects.toHaveProperty('cause', new TypeError('no such site'));
});

test('a method that forgets to return is told so', async () => {
  const failed = attachOwn(() => undefined as unknown as Delta);
  await expect(failed).rejects.toThrow(/own cannot act on gpt2-mini: attach returns no object/);
});

test('what does not fit says how', async () => {
  const failed = attachOwn(() => {
    throw new RangeError('the rank is too large');
  });
  await expect(failed).rejects.toThrow(/^own: the rank is too large\.$/);
});

test.each([
  [
    'gives',
    (y: Tensor) => y.reshape([-1]),
    /^The method own gives \[\d+\] at transformer\.h\.0\.mlp, where an edit keeps the shape \[\d+, 16\]$/,
  ],
  [
    'forgets',
    () => undefined as unknown as Tensor,
    /^The method own gives nothing at transformer\.h\.0\.mlp, where/,
  ],
  [
    'multiplies',
    (y: Tensor) => y.mul(tf.zeros([3])),
    /^The method own fails at transformer\.h\.0\.mlp: .*shape/,
  ],
])('an edit that %s another shape is named with its site', async (_, output, message) => {
  const delta = await attachOwn(() => ({
    trained: {},
    edits: () => ({ sublayer: ({ role }) => (role === 'mlp' ? { output } : undefined) }),
  }));
  const run = computeDecoder(await testEngine('js'), await tinyBase(), delta, {}, tinyBatch());
  await expect(run).rejects.toThrow(message);
});

test('initial values that are not as many as the shape has are refused', async () => {
  const specs = { s: { shape: [2, 3], init: () => new Float32Array(5) } };
  await expect(initialize(specs, base, 1)).rejects.toThrow('s of shape [2, 3] begins with 5 values');
});
