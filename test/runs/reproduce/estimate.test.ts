// Estimates of memory count the bytes of packed weights.
import { expect, it } from 'vitest';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { parseBaseWeights } from '../../../harness/models/bases/base-weights.ts';
import type { Cell } from '../../../harness/runs/plan/cell.ts';
import { estimateMemory } from '../../../harness/runs/reproduce/estimate.ts';

it('packed weights take 4.5 bits each, or 16', async () => {
  const id = 'random-llama~layers=2,width=64,heads=4,vocab=100';
  const cell = {
    recipe: { batchSize: 4, promptLength: 16, targetLength: 16 },
    precision: 'float32',
    variant: { parts: [] },
    task: {},
    source: { kind: 'hub' },
  } as unknown as Cell;
  const bytesOf = async (weights: string): Promise<number> =>
    estimateMemory(cell, await loadBase(id, { baseWeights: parseBaseWeights(weights) })).leastBytes;
  const { sites } = await loadBase(id);
  const numbers = sites
    .filter(({ kind }) => kind === 'linear')
    .reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
  expect((await bytesOf('float32')) - (await bytesOf('nf4'))).toBeCloseTo(((32 - 4.5) / 8) * numbers);
  expect((await bytesOf('float32')) - (await bytesOf('bfloat16'))).toBeCloseTo(2 * numbers);
});
