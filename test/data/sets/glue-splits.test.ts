// Tests of how GLUE's official sets are divided into training, validation and test splits.
import { expect, test } from 'vitest';
import { drawGlueSplits, type GlueSplits } from '../../../harness/data/sets/glue/splits.ts';
import type { GlueName, GlueRow } from '../../../harness/data/sets/glue/rows.ts';
import { numpyPermutation } from '../../../harness/data/random/numpy-permutation.ts';

const rows = (n: number): GlueRow[] =>
  Array.from({ length: n }, (_, i) => ({ id: String(i), texts: [`text ${i}`], label: i % 2 }));

// Sizes of GLUE's official validation sets.
const sizes = { cola: 1043, mnli: 9815, mrpc: 408, qnli: 5463, qqp: 40_430, rte: 277, sst2: 872, stsb: 1500 };

function draw(name: GlueName, sides: Record<string, string> = {}, seed = 42, family = 'roberta'): GlueSplits {
  const side = (id: string) => sides[id] ?? sides.all ?? 'code';
  return drawGlueSplits(name, { train: rows(2400), validation: rows(sizes[name]) }, { seed, family, side });
}
const counts = ({ train, validation, test }: GlueSplits) => [train.length, validation.length, test.length];
const ids = (part: readonly GlueRow[]) => part.map(({ id }) => Number(id));

test('sizes as in the code, Table 8 and corrected', () => {
  const of = (side: string, family?: string) =>
    Object.fromEntries(
      Object.keys(sizes).map((name) => [
        name,
        counts(draw(name as GlueName, { all: side }, 42, family)).slice(1),
      ]),
    );
  const common = {
    mnli: [1000, 8815],
    mrpc: [204, 204],
    qnli: [1000, 4463],
    qqp: [1000, 39_430],
    sst2: [436, 436],
    stsb: [750, 750],
  };
  expect(of('code')).toEqual({ ...common, cola: [522, 521], rte: [138, 139] });
  expect(of('paper')).toEqual({ ...common, cola: [522, 521], rte: [139, 138] });
  expect(of('corrected')).toEqual({ ...common, cola: [521, 522], rte: [138, 139] });
  expect(of('paper', 't5')).toEqual(of('paper'));
  expect(of('corrected', 't5')).toEqual(of('corrected'));
  expect(of('code', 't5')).toEqual({
    cola: [521, 522],
    mrpc: [204, 204],
    rte: [138, 139],
    stsb: [750, 750],
    mnli: [1000, 9815],
    qnli: [1000, 5463],
    qqp: [1000, 40_430],
    sst2: [1000, 872],
  });
});

test("halves of numpy's permutation, CoLA's swapped", () => {
  for (const seed of [42, 43]) {
    const order = [...numpyPermutation(seed, 408)];
    const mrpc = draw('mrpc', {}, seed);
    expect([ids(mrpc.validation), ids(mrpc.test)]).toEqual([order.slice(0, 204), order.slice(204)]);
  }
  const order = [...numpyPermutation(42, 1043)];
  const cola = draw('cola');
  expect([ids(cola.test), ids(cola.validation)]).toEqual([order.slice(0, 521), order.slice(521)]);
  const corrected = draw('cola', { 'split-cola': 'corrected' });
  expect([ids(corrected.validation), ids(corrected.test)]).toEqual([order.slice(0, 521), order.slice(521)]);
});

test("T5's validation comes from the training set, which loses it", () => {
  const { train, validation, test } = draw('sst2', {}, 43, 't5');
  const order = [...numpyPermutation(43, 2400)];
  expect([ids(validation), ids(train)]).toEqual([order.slice(0, 1000), order.slice(1000)]);
  expect(ids(test)).toEqual(Array.from({ length: 872 }, (_, i) => i));
});

test('one split for all seeds where that is corrected', () => {
  const of = (seed: number, side: string) => ids(draw('rte', { 'split-seeded': side }, seed).test);
  expect(of(43, 'corrected')).toEqual(of(42, 'corrected'));
  expect(of(43, 'code')).not.toEqual(of(42, 'code'));
  expect(of(43, 'paper')).toEqual(of(43, 'code'));
});

test('no example is in two splits, none is lost', () => {
  for (const name of Object.keys(sizes) as GlueName[]) {
    for (const side of ['paper', 'code', 'corrected']) {
      const { validation, test } = draw(name, { all: side });
      expect(new Set([...ids(validation), ...ids(test)]).size).toBe(sizes[name]);
    }
  }
});

test('small sets, as samples are, are halved', () => {
  const side = () => 'code';
  const data = { train: rows(30), validation: rows(13) };
  expect(counts(drawGlueSplits('mnli', data, { seed: 42, family: 'roberta', side }))).toEqual([30, 6, 7]);
  expect(counts(drawGlueSplits('mnli', data, { seed: 42, family: 't5', side }))).toEqual([15, 15, 13]);
});
