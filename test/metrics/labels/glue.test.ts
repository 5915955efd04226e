// Tests of GLUE's metrics by hand and against scikit-learn and scipy (glue-metrics.json of the parity
// folder).
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { accuracy } from '../../../harness/metrics/labels/accuracy.ts';
import { f1 } from '../../../harness/metrics/labels/f1.ts';
import { macroF1, macroF1Metric } from '../../../harness/metrics/labels/macro-f1.ts';
import { matthews } from '../../../harness/metrics/labels/matthews.ts';
import { pearson } from '../../../harness/metrics/labels/pearson.ts';
import { spearman } from '../../../harness/metrics/labels/spearman.ts';

const metrics = { accuracy, f1, matthews_correlation: matthews, pearson, spearmanr: spearman };

interface Case {
  readonly name: string;
  readonly labels: number[];
  readonly predictions: number[];
}
type Values = Readonly<Record<string, number | null | undefined>>;

describe('GLUE metrics by hand', () => {
  it('agree with counts done by hand', () => {
    const [labels, predictions] = [
      [1, 1, 1, 0, 0],
      [1, 1, 0, 0, 1],
    ];
    expect(accuracy(labels, predictions)).toBe(3 / 5);
    expect(f1(labels, predictions)).toBeCloseTo(2 / 3, 12);
    expect(matthews(labels, predictions)).toBeCloseTo((2 * 1 - 1 * 1) / Math.sqrt(3 * 3 * 2 * 2), 12);
  });

  it('rank equal values by their mean', () => {
    expect(spearman([1, 2, 2, 3], [10, 20, 20, 30])).toBeCloseTo(1, 12);
  });

  it('refuse lists of different length', () => {
    for (const metric of Object.values(metrics)) expect(() => metric([1, 0], [1])).toThrow(/2 labels, but 1/);
  });

  it('refuse to be a mean over nothing', () => {
    for (const metric of Object.values(metrics)) expect(() => metric([], [])).toThrow(/at least one label/);
  });

  it('keep their digits over a million values far from zero', () => {
    const labels = Float64Array.from({ length: 1_000_000 }, (_, i) => 1e6 + (i % 7));
    const predictions = labels.map((value) => 3 * value + 0.1);
    for (const metric of [pearson, spearman])
      expect(Math.abs(metric(labels, predictions) - 1)).toBeLessThan(1e-10);
    const half = labels.map((value, i) => (i % 2 ? value : -value));
    expect(accuracy(labels, half)).toBe(0.5);
  });
});

const folder = process.env.DELTABENCH_PARITY ?? path.join(process.env.DELTABENCH_DATA ?? '', 'parity');
const file = path.join(folder, 'glue-metrics.json');
const haveParity = existsSync(file);

describe.skipIf(!haveParity)("scikit-learn's and scipy's answers", () => {
  const { cases } = (haveParity ? JSON.parse(readFileSync(file, 'utf8')) : { cases: [] }) as {
    cases: (Case & Values)[];
  };
  it.each(cases)('$name', (golden) => {
    for (const [name, metric] of Object.entries(metrics)) {
      const expected = (golden as Values)[name];
      if (expected === undefined) continue;
      const actual = metric(golden.labels, golden.predictions);
      if (expected === null) expect(actual, name).toBeNaN();
      else expect(actual, name).toBeCloseTo(expected, 9);
    }
  });
});

describe('macro F1', () => {
  // By scikit-learn 1.9.1, f1_score with average='macro', and labels=[0, 1, 2] where an answer names no class.
  const labels = [0, 1, 2, 2, 1, 0, 2, 1, 0, 0];
  const cases = [
    { predictions: [0, 2, 2, 1, 1, 0, 2, 0, 0, 3], expected: 0.4541666666666666 },
    { predictions: [0, 2, 2, 1, 1, 0, 2, 0, 0, -1], expected: 0.6055555555555555 },
  ];
  it.each(cases)('agrees with scikit-learn (%#)', ({ predictions, expected }) => {
    expect(macroF1(labels, predictions)).toBeCloseTo(expected, 14);
    const sampled = macroF1Metric.resample({ labels, predictions });
    expect(sampled(new Uint32Array(10).fill(1))).toBeCloseTo(expected, 14);
    // A sample is the same as its examples written out.
    const counts = Uint32Array.from([0, 2, 1, 0, 3, 1, 0, 1, 2, 0]);
    const drawn = [...counts].flatMap((count, i) => new Array<number>(count).fill(i));
    const written = macroF1(
      drawn.map((i) => labels[i]!),
      drawn.map((i) => predictions[i]!),
    );
    expect(sampled(counts)).toBeCloseTo(written, 14);
  });

  it('refuses lists of different length, and none', () => {
    expect(() => macroF1([1, 0], [1])).toThrow(/2 labels, but 1/);
    expect(() => macroF1([], [])).toThrow(/at least one label/);
  });
});
