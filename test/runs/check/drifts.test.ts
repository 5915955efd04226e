// Tests of drifts between a cell's measures and its baseline: limits, kinds and incomparable values.
import { describe, expect, test } from 'vitest';
import { cellDrifts, scoreDrifts, type Drift } from '../../../harness/runs/check/drifts.ts';
import type { CellMeasures } from '../../../harness/runs/check/measures.ts';

const baseline: CellMeasures = {
  base: 'a'.repeat(64),
  data: 'b'.repeat(64),
  trained: 1536,
  head: 2,
  nodes: 1361,
  adapter: { loss: 5, logits: [8, -0.5, 0] },
  losses: [6, 5.5, 5],
  time: 10,
  memory: 3,
};
const failures = (now: Partial<CellMeasures>): Drift[] =>
  cellDrifts('cell', baseline, { ...baseline, ...now }).filter(({ ok }) => !ok);

describe('a cell against its baseline', () => {
  test.each<[string, Partial<CellMeasures>]>([
    ['nothing', {}],
    ['rounding', { adapter: { loss: 5.00004, logits: [8, -0.50007, 0.00007] }, losses: [6.0005, 5.5, 5] }],
    ['a little more time and memory', { time: 12.9, memory: 3.5 }],
    ['much less of both', { time: 1, memory: 1 }],
  ])('%s is within the limits', (_, now) => {
    expect(failures(now)).toEqual([]);
  });

  test.each<[string, Partial<CellMeasures>]>([
    ['base', { base: 'c'.repeat(64) }],
    ['data', { data: 'c'.repeat(64) }],
    ['trained parameters', { trained: 1535 }],
    ['head parameters', { head: 3 }],
    ['graph nodes', { nodes: 1362 }],
    ['adapter: logits 2 of 3', { adapter: { loss: 5, logits: [8, -0.5001, 0] } }],
    ['adapter: logits, how many', { adapter: { loss: 5, logits: [8, -0.5] } }],
    ['adapter: loss', { adapter: { loss: 5.0001, logits: [8, -0.5, 0] } }],
    ['training: loss 3 of 3', { losses: [6.0001, 5.5, 5.001] }],
    ['training: loss 2 of 3', { losses: [6, NaN, 7] }],
    ['time of a step', { time: 13.1 }],
    ['time of a step', { time: NaN }],
    ['peak memory', { memory: 3.7 }],
  ])('%s', (what, now) => {
    expect(failures(now).map((drift) => drift.what)).toEqual([what]);
  });
});

test('a score beyond rounding, a new one and a lost one are drifts', () => {
  const drifts = scoreDrifts(
    'scores',
    { BLEU: 0.5, NIST: 4, CIDEr: 3 },
    { BLEU: 0.501, NIST: 4.0000005, F1: 1 },
  );
  expect(drifts.map(({ what, ok }) => [what, ok])).toEqual([
    ['BLEU', false],
    ['NIST', true],
    ['CIDEr', false],
    // A metric added since the baseline was written.
    ['F1', true],
  ]);
  expect(drifts.map(({ baseline, now }) => [baseline, now]).slice(2)).toEqual([
    [3, 'gone'],
    ['none yet', 1],
  ]);
});
