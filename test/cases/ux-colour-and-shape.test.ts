// Regression test: RED and FT were two browns (CIE ΔE 7 in deuteranopia, 4 in protanopia). Expected: ΔE ≥ 15
// (CIELAB, 1976) within a marker on light and dark, in ordinary and simulated vision (Machado et al. 2009,
// severity 1); 56 distinct styles, names beside points, and notes on methods that a picture omits.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  againstParameters,
  againstTime,
  axisRange,
  learningCurves,
  logTicks,
  placeNames,
  styleOf,
  themes,
  type ChartContext,
} from '../../harness/reporting/report/page/charts.js';
import type { PageRow, PageTable } from '../../harness/reporting/report/page-data.ts';

/** Matrices that simulate each vision in linear RGB. */
const visions: Readonly<Record<string, readonly (readonly number[])[]>> = {
  ordinary: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
};

const times = (matrix: readonly (readonly number[])[], vector: readonly number[]): number[] =>
  matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i]!, 0));

/** Converts `#rrggbb`, as a vision sees it, to CIELAB under D65. */
function lab(color: string, vision: string): number[] {
  const linear = [1, 3, 5].map((at) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const seen = times(visions[vision]!, linear).map((value) => Math.max(0, Math.min(1, value)));
  const toXyz = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.072175],
    [0.0193339, 0.119192, 0.9503041],
  ];
  const white = [0.95047, 1, 1.08883];
  const [x, y, z] = times(toXyz, seen).map((value, i) => {
    const share = value / white[i]!;
    return share > 216 / 24389 ? Math.cbrt(share) : ((24389 / 27) * share + 16) / 116;
  });
  return [116 * y! - 16, 500 * (x! - y!), 200 * (y! - z!)];
}
const difference = (a: string, b: string, vision: string): number =>
  Math.hypot(...lab(a, vision).map((value, i) => value - lab(b, vision)[i]!));

test('the measure gives the differences that the case names', () => {
  expect(Math.round(difference('#c2410c', '#8a6100', 'deuteranopia'))).toBe(7);
  expect(Math.round(difference('#c2410c', '#8a6100', 'protanopia'))).toBe(4);
});

describe.each(['light', 'dark'] as const)('%s', (name) => {
  const labels = Array.from({ length: 56 }, (_, i) => `method ${i}`);
  const styles = labels.map((label) => styleOf(label, { labels, theme: themes[name] }));

  test.each(Object.keys(visions))('markers of one shape stand apart in %s vision', (vision) => {
    for (const [i, a] of styles.entries()) {
      for (const b of styles.slice(i + 1)) {
        if (a.pointStyle !== b.pointStyle) continue;
        expect(difference(a.color, b.color, vision), `${a.color} and ${b.color}`).toBeGreaterThanOrEqual(15);
      }
    }
  });

  test('lines of one dash stand apart, too', () => {
    for (const vision of Object.keys(visions)) {
      for (const [i, a] of styles.slice(0, 32).entries()) {
        for (const b of styles.slice(i + 1, 32)) {
          if (a.borderDash.join() !== b.borderDash.join()) continue;
          expect(difference(a.color, b.color, vision)).toBeGreaterThanOrEqual(15);
        }
      }
    }
  });
});

function rowOf(label: string, trained: number, mean: number | null, stepTime: number | null = 100): PageRow {
  const failed = {
    path: '',
    seed: 1,
    status: 'failed' as const,
    error: 'Diverged: x',
    values: [mean],
    stepTime,
    memory: 2,
    losses: [],
    evaluations: [],
    place: 0,
    more: {},
  };
  return {
    label,
    variant: label,
    isStanding: false,
    trained,
    count: '1',
    settings: {},
    stepTime,
    memory: 2,
    costs: {},
    cells: [mean === null ? null : { mean, sd: 1, interval: null, text: mean.toFixed(1), mark: null }],
    runs: [
      mean === null ? failed : { ...failed, status: 'finished', error: null, losses: [[1, 2]] as const },
    ],
  };
}
function contextOf(rows: readonly PageRow[]): ChartContext {
  const metrics = [{ name: 'score', higherIsBetter: true, decimals: 1 }];
  const table: PageTable = {
    title: 'e2e · base',
    task: 'e2e',
    model: 'base',
    metrics,
    costs: [],
    rows,
    foot: [],
    examples: [],
  };
  const labels = rows.map(({ label }) => label);
  return { table, metric: 0, shown: new Set(labels), labels, theme: { ...themes.light, titles: true } };
}
/** Gives the subtitle of a picture. */
const subtitle = (chart: ReturnType<typeof againstTime>): string =>
  [chart!.config.options!.plugins!.subtitle!.text!].flat().join(' | ');

describe('no method is left out in silence', () => {
  const many = Array.from({ length: 25 }, (_, i) => rowOf(`m${i}`, 100 * (i + 1), 50 + i));

  test('what trains nothing is a line through the picture', () => {
    const chart = againstParameters(contextOf([rowOf('Frozen base', 0, 20), rowOf('RED', 100, 60)]))!;
    const line = chart.config.data.datasets.find(({ label }) => label === 'Frozen base')!;
    expect(line.data.map((point) => (point as { y: number }).y)).toEqual([20, 20]);
    expect(subtitle(chart)).toContain('dotted: trains nothing');
    expect(chart.rows.map(([label]) => label)).toEqual(['RED', 'Frozen base']);
  });

  test('the picture says how many of how many, which failed, and which have no time', () => {
    expect(subtitle(againstParameters(contextOf(many)))).toContain('shown: the best 20 of 25 rows');
    expect(subtitle(learningCurves(contextOf(many)))).toContain('shown: the best 12 of 25 rows');
    const rows = [rowOf('RED', 100, 60), rowOf('Prefix', 10, null), rowOf('LoRA', 1000, 61, null)];
    expect(subtitle(againstTime(contextOf(rows)))).toContain(
      'shown: without Prefix, no seed of which finished; without LoRA, too short to measure',
    );
    expect(againstTime(contextOf(rows))!.caption).toContain('without Prefix, no seed of which finished');
    expect(subtitle(againstParameters(contextOf(many.slice(0, 3))))).not.toContain('shown');
  });
});

describe('an axis has numbers', () => {
  test('also where all methods cost the same, or there is one', () => {
    for (const counts of [[1536], [24_576, 24_576], [1800, 1900]]) {
      const { low, high } = axisRange(Math.min(...counts), Math.max(...counts), true);
      expect(logTicks(low, high).length, counts.join()).toBeGreaterThanOrEqual(3);
    }
  });

  test('whatever its ends', () => {
    const end = fc.double({ min: 1e-3, max: 1e10, noNaN: true });
    fc.assert(
      fc.property(end, end, (a, b) => {
        const { low, high } = axisRange(Math.min(a, b), Math.max(a, b), true);
        const ticks = logTicks(low, high);
        expect(ticks.length).toBeGreaterThanOrEqual(3);
        expect(ticks.every((value) => value >= low * 0.99 && value <= high * 1.01)).toBe(true);
        expect(ticks).toEqual([...new Set(ticks)].sort((x, y) => x - y));
      }),
      { seed: 7 },
    );
  });

  test('and does not spread what is about the same over its whole width', () => {
    const { low, high } = axisRange(122, 128, false);
    expect((128 - 122) / (high - low)).toBeLessThan(0.15);
  });
});

describe('names beside points', () => {
  const area = { left: 0, top: 0, width: 700, height: 300 };
  const named = (x: number, y: number) => ({ text: 'x', x, y, bar: 10, width: 50, height: 14 });
  const overlaps = (a: typeof area, b: typeof area): boolean =>
    a.left < b.left + b.width &&
    b.left < a.left + a.width &&
    a.top < b.top + b.height &&
    b.top < a.top + a.height;

  test('cover neither each other nor a point where there is room', () => {
    const place = fc.record({ column: fc.nat(4), row: fc.nat(4), dx: fc.nat(20), dy: fc.nat(10) });
    fc.assert(
      fc.property(
        fc.uniqueArray(place, {
          minLength: 1,
          maxLength: 12,
          selector: ({ column, row }) => 5 * row + column,
        }),
        (places) => {
          const points = places.map(({ column, row, dx, dy }) =>
            named(40 + 125 * column + dx, 30 + 55 * row + dy),
          );
          const boxes = placeNames(points, area, []);
          expect(boxes).toHaveLength(points.length);
          for (const [i, box] of boxes.entries()) {
            expect(
              box.left >= 0 && box.left + box.width <= 700 && box.top >= 0 && box.top + box.height <= 300,
            ).toBe(true);
            for (const other of boxes.slice(i + 1)) expect(overlaps(box, other)).toBe(false);
            for (const { x, y } of points) {
              expect(overlaps(box, { left: x - 6, top: y - 6, width: 12, height: 12 })).toBe(false);
            }
          }
        },
      ),
      { seed: 9 },
    );
  });

  test('stand apart even where points lie on each other', () => {
    const boxes = placeNames([named(300, 150), named(300, 150), named(302, 151)], area, []);
    for (const [i, box] of boxes.entries()) {
      for (const other of boxes.slice(i + 1)) expect(overlaps(box, other)).toBe(false);
    }
  });
});
