// Small methods and a small task; used by the tests of plans and runs.
import { z } from 'zod';
import type { TextTask } from '../../harness/data/examples/task.ts';
import { defineMethod, type Method } from '../../harness/models/method.ts';

/** Trains two numbers that the model does not use. */
const attach = (name: string) => () => ({
  trained: { [`${name}.bias`]: { shape: [2], init: () => new Float32Array(2) } },
});

export const lora = defineMethod({
  name: 'lora',
  label: 'LoRA',
  paper: 'arXiv:2106.09685',
  options: z.strictObject({
    rank: z.int().positive().default(8).describe('rank of the update'),
    alpha: z.number().positive().default(16).describe('scale of the update'),
    sites: z.array(z.string()).default(['query', 'value']).describe('where it acts'),
  }),
  defaults: { learningRate: 2e-4 },
  attach: attach('lora'),
}) as Method;

export const red = defineMethod({
  name: 'red',
  label: 'RED',
  paper: 'arXiv:2402.15179',
  options: z.strictObject({
    position: z.enum(['ffn', 'attn', 'ffn+attn']).default('ffn').describe('where it acts'),
    scaling: z.boolean().default(true).describe('with a scaling vector'),
    bias: z.boolean().default(true).describe('with a bias vector'),
    virtualTokens: z.int().optional(),
    rank: z.int().positive().default(1),
  }),
  ablations: { 'no-scaling': { scaling: false }, 'no-bias': { bias: false } },
  attach: attach('red'),
}) as Method;

export const none = defineMethod({
  name: 'none',
  label: 'Frozen base',
  paper: 'an example',
  options: z.strictObject({}),
  attach: () => ({ trained: {} }),
}) as Method;

export const methods: ReadonlyMap<string, Method> = new Map([
  ['lora', lora],
  ['none', none],
  ['red', red],
]);

/** A task of a few lines that any tokenizer can encode. */
export const copyTask: TextTask = {
  kind: 'text',
  name: 'copy',
  label: 'Copy',
  version: 1,
  metrics: [{ name: 'exact', higherIsBetter: true, scale: 100, decimals: 1 }],
  defaults: { batchSize: 4, learningRate: 1e-2 },
  load: () => {
    const pairs = ['a', 'b', 'c', 'd'].map((letter) => ({ input: letter, target: letter }));
    return Promise.resolve({
      source: { name: 'copy', form: 'made', hash: '0'.repeat(64) },
      train: pairs,
      validation: pairs.slice(0, 2),
      test: pairs.map(({ input, target }) => ({ id: input, input, references: [target] })),
    });
  },
  encode: (input, target, tokenizer) => ({
    prompt: tokenizer.encode([input].flat().join(' ')),
    target: target === undefined ? [] : tokenizer.encode(target),
  }),
  clean: (text) => text.trim(),
  score: (predictions) =>
    Promise.resolve({
      metrics: {
        exact: predictions.filter((p) => p.references.includes(p.prediction)).length / predictions.length,
      },
    }),
};
