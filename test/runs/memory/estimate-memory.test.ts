// Estimates of memory: bytes of packed weights, trained state, micro-batches that fit, keys and values.
import { expect, it } from 'vitest';
import { parseBaseWeights } from '../../../harness/models/bases/base-weights.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { readBy } from '../../../harness/models/delta/heads.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import {
  activationLimit,
  estimateMemory,
  type MemoryCase,
} from '../../../harness/runs/memory/estimate-memory.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { activationBytes, tokensThatFit } from '../../../harness/training/step/activation-memory.ts';

const methods = await loadMethods();

/** A run of a method on a base, in 24 GiB. */
async function caseOf(id: string, method: string, more: Partial<MemoryCase> = {}, weights = 'float32') {
  const base = await loadBase(id, { baseWeights: parseBaseWeights(weights) });
  const delta = await attachMethods(parseVariant(method, methods, []), base);
  const common = { precision: 'float32', recompute: false, memory: 24 * 2 ** 30 } as const;
  return { base, delta, recipe: recipeSchema.parse({}), ...common, ...more };
}

const llama7B = 'meta-llama/Llama-2-7b-hf';
/** Numbers of the linear modules in its layers, and of embedding, head and norms. */
const [inside, outside] = [32 * (4 * 4096 ** 2 + 3 * 4096 * 11008), 2 * 32000 * 4096 + 65 * 4096];

it.each([
  ['float32', 4],
  ['bfloat16', 2],
  ['nf4', 4.5 / 8],
  ['nf4~block=128', 4.25 / 8],
])('weights in %s take %d bytes a number inside the layers', async (weights, bytes) => {
  const found = estimateMemory(await caseOf(llama7B, 'red', {}, weights));
  expect(found.weights).toBe(bytes * inside + 4 * outside);
});

it('what is trained takes gradient and moments as well, and no frozen copy', async () => {
  const id = 'random-gpt2~layers=2,width=64,heads=4,vocab=100';
  const numbers = (method: string, more?: Partial<MemoryCase>) =>
    caseOf(id, method, more).then(estimateMemory);
  const [red, full] = [await numbers('red'), await numbers('full')];
  expect(red.trained).toBe(16 * 2 * 2 * 64);
  expect([full.weights, full.trained]).toEqual([0, 4 * red.weights]);
  const sgd = (momentum: number) =>
    numbers('red', { recipe: recipeSchema.parse({ optimizer: 'sgd', momentum }) });
  expect([(await sgd(0)).trained, (await sgd(0.9)).trained]).toEqual([red.trained / 2, 0.75 * red.trained]);
  expect(full.least).toBe(full.trained);
  expect(full.total).toBe(full.least + full.programs + Math.max(full.activations, full.decoding));
});

it('micro-batches are as large as is fast where there is memory, and smaller where there is less', async () => {
  const recipe = recipeSchema.parse({ batchSize: 8, promptLength: 128, targetLength: 128 });
  const within = async (gibibytes: number, recompute = false) =>
    estimateMemory(await caseOf(llama7B, 'lora', { recipe, recompute, memory: gibibytes * 2 ** 30 }, 'nf4'));
  expect((await within(64)).microBatchTokens).toBe(1024);
  const some = await within(12);
  expect(some.microBatchTokens).toBeGreaterThan(256);
  expect(some.microBatchTokens).toBeLessThan(1024);
  expect(some.total).toBeLessThan(12 * 2 ** 30);
  expect((await within(12, true)).microBatchTokens).toBeGreaterThan(some.microBatchTokens);
  // One example is the least.
  expect((await within(5.5)).microBatchTokens).toBe(256);
});

it('a recipe that says how many examples are computed at once is followed', async () => {
  const recipe = recipeSchema.parse({ microBatch: 2, promptLength: 100, targetLength: 28 });
  const { microBatchTokens } = estimateMemory(await caseOf(llama7B, 'lora', { recipe, memory: 2 ** 30 }));
  expect(microBatchTokens).toBe(256);
});

it('a text that an encoder-decoder classifies counts twice, as its encoder and its decoder read it', async () => {
  const recipe = recipeSchema.parse({ batchSize: 4, promptLength: 100, targetLength: 28 });
  const written = await caseOf('random-t5~layers=1,width=64,heads=4,vocab=100', 'lora', { recipe });
  const classified = { ...written, base: readBy({ reads: {} }, written.base) };
  const of = (run: MemoryCase) => estimateMemory({ ...run, memory: 2 ** 40 });
  expect(of(written).batchTokens).toBe(4 * 128);
  expect(of(classified).batchTokens).toBe(2 * 4 * 128);
  const oneByOne = { ...classified, recipe: { ...recipe, microBatch: 1 } };
  expect(of(oneByOne).microBatchTokens).toBe(2 * 128);
  const decoder = await caseOf('random-llama~layers=1,width=64,heads=4,vocab=100', 'lora', { recipe });
  const scored = { ...decoder, base: readBy({ reads: {} }, decoder.base) };
  expect(of(scored).batchTokens).toBe(4 * 128);
});

it('keys and values count for decoders alone', async () => {
  const recipe = recipeSchema.parse({ promptLength: 100, maxNewTokens: 28 });
  const llama = estimateMemory(await caseOf(llama7B, 'lora', { recipe }, 'nf4'));
  expect(llama.decoding).toBe(llama.decodingRows * 2 * 32 * 4096 * 4 * 128);
  const encoder = estimateMemory(await caseOf('roberta-base', 'lora'));
  expect([encoder.decoding, encoder.decodingRows]).toEqual([0, 0]);
});

it('the limit of activations is what weights, trained state and programs leave', async () => {
  const run = await caseOf(llama7B, 'lora', {}, 'nf4');
  const { least, programs } = estimateMemory(run);
  expect(activationLimit(run).bytes).toBeCloseTo(0.9 * run.memory - least - programs);
});

it('logits count whole where the head is trained, and by chunks where it is frozen', async () => {
  // 256 rows of this vocabulary are a chunk; each token is a target.
  const id = 'random-llama~layers=1,width=64,heads=4,vocab=128000';
  const recipe = recipeSchema.parse({ batchSize: 8, promptLength: 100, targetLength: 28 });
  const of = async (method: string) => estimateMemory(await caseOf(id, method, { recipe }));
  const [lora, head, full] = [await of('lora'), await of('lora~targets=head'), await of('full')];
  expect(lora.microBatchTokens).toBe(1024);
  for (const whole of [head, full])
    expect(whole.activations - lora.activations).toBe(4 * 3 * 128_000 * (1024 - 256));
  const { bytes, ...how } = activationLimit(await caseOf(id, 'lora', { recipe, memory: 2 ** 30 }));
  const { architecture } = await loadBase(id);
  const tokens = tokensThatFit(architecture, bytes, { ...how, length: 128 });
  const needed = (count: number) => activationBytes(architecture, count, { ...how, length: 128 });
  expect(needed(tokens)).toBeLessThanOrEqual(bytes);
  expect(needed(tokens + 1)).toBeGreaterThan(bytes);
});
