// Tiny random bases of every family and batches for them; used by the tests of methods and test/contract.
import { initialize, unfrozenTensors } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import type { Arrays, Batch } from '../parity/decoder.ts';

/**
 * Random bases of two layers, one per family, and factors that make their weights as large as trained ones.
 */
export const tinyBases = {
  gpt2: { id: 'random-gpt2~layers=2,width=16,heads=2,vocab=24,positions=128', factor: 5 },
  roberta: { id: 'random-roberta~layers=2,width=16,heads=2,vocab=24,positions=130', factor: 5 },
  llama: { id: 'random-llama~layers=2,width=16,heads=4,kvHeads=2,vocab=24,positions=128', factor: 5 },
  t5: { id: 'random-t5~layers=2,width=16,heads=2,vocab=24', factor: 1 },
};

/**
 * Loads a random base with weights as large as trained ones; it keeps its arrays, so that tests see any
 * change to them.
 */
export async function tinyBase(family: keyof typeof tinyBases = 'gpt2'): Promise<BaseModel> {
  const { id, factor } = tinyBases[family];
  const base = await loadBase(id);
  const made = new Map<string, Float32Array>();
  for (const name of Object.keys(base.shapes)) {
    const values = await base.tensor(name);
    // Norm weights other than 1 and biases other than 0, since those values would hide errors.
    const noise = randomStream(7, name).normal(values.length, 0, 0.05);
    made.set(
      name,
      values.map((x, i) => (x === 1 ? 1 : factor * x) + noise[i]!),
    );
  }
  return { ...base, tensor: (name) => Promise.resolve(made.get(name)!) };
}

/** Gives the initial values of trained tensors plus noise from N(0, deviation). */
export async function startOf(base: BaseModel, delta: Delta, deviation = 0, seed = 3): Promise<Arrays> {
  const start = await initialize(delta.trained, base, seed);
  for (const name of unfrozenTensors(base, delta)) start[name] = await base.tensor(name);
  return Object.fromEntries(
    Object.entries(start).map(([name, values]) => {
      const noise = randomStream(seed + 1, `noise/${name}`).normal(values.length, 0, deviation);
      return [name, values.map((x, i) => x + noise[i]!)];
    }),
  );
}

const rows = [
  { prompt: [3, 9, 1, 17], target: [5, 22, 8] },
  { prompt: [11, 2, 2, 6], target: [19, 4, 13] },
];

/** Makes pairs for an encoder-decoder: sources padded on the left or right, targets padded on the right. */
export function tinyPairs(left = 0, right = 0): Batch {
  const fill = (count: number, value: number): number[] => Array(count).fill(value) as number[];
  return {
    input_ids: rows.map(({ prompt }) => [...fill(left, 0), ...prompt, ...fill(right, 0)]),
    attention_mask: rows.map(({ prompt }) => [...fill(left, 0), ...prompt.map(() => 1), ...fill(right, 0)]),
    labels: rows.map(({ target }) => [...target, ...fill(right, -100)]),
  };
}

/**
 * Selects logits of real tokens: an encoder-decoder's by labels, a decoder's by mask; an encoder has one row
 * per sequence.
 */
export function ofReal(
  base: BaseModel,
  logits: Float32Array,
  { attention_mask, labels }: Batch,
): Float32Array {
  if (base.architecture.kind === 'encoder') return logits;
  const apart = base.architecture.kind === 'encoder-decoder';
  const mask = apart ? labels.flat().map((id) => (id === -100 ? 0 : 1)) : attention_mask.flat();
  const width = logits.length / mask.length;
  return logits.filter((_, i) => mask[Math.floor(i / width)]);
}

/** Makes a batch of two sequences of seven tokens, padded on the left or right. */
export function tinyBatch(left = 0, right = 0): Batch {
  const pad = (ids: number[], value: number): number[] => [
    ...(Array(left).fill(value) as number[]),
    ...ids,
    ...(Array(right).fill(value) as number[]),
  ];
  return {
    input_ids: rows.map(({ prompt, target }) => pad([...prompt, ...target], 0)),
    attention_mask: rows.map(() => pad([1, 1, 1, 1, 1, 1, 1], 0)),
    labels: rows.map(({ target }) => pad([-100, -100, -100, -100, ...target], -100)),
    position_ids: rows.map(() => pad([0, 1, 2, 3, 4, 5, 6], 1)),
  };
}
