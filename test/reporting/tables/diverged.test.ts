// Tests of how diverged runs are recognised by their training loss.
import { expect, test } from 'vitest';
import { divergence } from '../../../harness/reporting/tables/diverged.ts';
import { seedLines } from '../../../harness/reporting/tables/format-table.ts';

const steps = (losses: readonly (number | null)[]) =>
  losses.map((loss, i) => ({ step: i + 1, loss, milliseconds: 1 }));

test('a run whose training loss ends above where it began has diverged, and the table says so', () => {
  const { began, ended } = divergence(steps([0.7, 1.4, 4, 9.11]))!;
  expect(began).toBe(0.7);
  expect(ended).toBeCloseTo((1.4 + 4 + 9.11) / 3, 12);
  expect(divergence(steps([0.7, 1e308, 1e308, 1e308]))!.ended).toBeCloseTo(1e308, -300);
  expect(
    seedLines({ label: 'RED', failures: [], diverged: [{ seed: 42, began: 0.7, ended: 9.113 }] }),
  ).toEqual(['RED, seed 42 diverged: its training loss ended above where it began, at 9.11 after 0.7']);
});

test('one that learns, hovers, climbs and comes back, or has no log has not', () => {
  for (const losses of [
    [0.7, 0.5, 0.3],
    [0.69, 0.7, 0.68, 0.71, 0.69, 0.7],
    [1, 5, 9, ...Array<number>(20).fill(0.5)],
    [],
    [0.7],
    [null, 0.7],
  ])
    expect(divergence(steps(losses))).toBeUndefined();
});
