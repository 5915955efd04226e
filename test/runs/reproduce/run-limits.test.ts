// Tests of which seeds fit into --budget and memory.
import { expect, test } from 'vitest';
import type { RunState } from '../../../harness/runs/reproduce/inspect-runs.ts';
import { seedsWithin, whyNotRun } from '../../../harness/runs/reproduce/run-limits.ts';

const state = (seeds: number, seconds: number | undefined, leastBytes = 1): RunState =>
  ({
    missing: Array.from({ length: seeds }, () => ({})),
    estimate: { seconds, bytes: leastBytes, leastBytes },
  }) as unknown as RunState;
const limits = { jobs: 1, memory: 100, budget: 60, batchSeeds: false };

test('seeds fit in order until the first that would end too late', () => {
  expect(seedsWithin([state(2, 10), state(5, 10)], limits)).toEqual([2, 4]);
  // A cheaper run may fit after one that does not.
  expect(seedsWithin([state(1, 50), state(3, 20), state(1, 10)], limits)).toEqual([1, 0, 1]);
});

test('jobs share the device, so that each seed takes as many times as long', () => {
  expect(seedsWithin([state(6, 10)], { ...limits, jobs: 2 })).toEqual([5]);
});

test('without an estimate nothing fits a budget, and without a budget only memory counts', () => {
  expect(seedsWithin([state(3, undefined)], limits)).toEqual([0]);
  expect(seedsWithin([state(3, undefined)], { ...limits, budget: undefined })).toEqual([3]);
  expect(seedsWithin([state(3, 1, 101)], { ...limits, budget: undefined })).toEqual([0]);
  const need = { seconds: 1, bytes: 4 * 2 ** 30, leastBytes: 4 * 2 ** 30 };
  expect(whyNotRun(need, 1, { ...limits, jobs: 2, memory: 2 ** 30, budget: undefined }, 0)).toBe(
    'it needs more than 4.0 GiB of memory, each of 2 jobs has 1.0 GiB',
  );
});

test('seeds that are trained together are started all or none', () => {
  const together = { ...limits, batchSeeds: true };
  expect(seedsWithin([state(2, 10), state(5, 10), state(4, 10)], together)).toEqual([2, 0, 4]);
  expect(seedsWithin([state(0, 10), state(3, 10)], { ...together, jobs: 2 })).toEqual([0, 3]);
});
