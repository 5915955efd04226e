// Tests of result tables as text, and of what a protocol changes in them.
import { describe, expect, test } from 'vitest';
import { formatTable } from '../../../harness/reporting/tables/format-table.ts';
import { summariseRow } from '../../../harness/reporting/tables/row.ts';
import type { RunRecord } from '../../../harness/records/record.ts';
import { sampleRecord, settings } from '../../records/sample-record.ts';

const exact = (value: number) => ({
  metrics: [{ name: 'exact', split: 'test' as const, value, higherIsBetter: true, scale: 100, decimals: 1 }],
});
const failed = {
  status: 'failed' as const,
  error: { name: 'Diverged', message: 'the loss became non-finite' },
  metrics: [],
};
const where = { task: 'copy', model: 'tiny' };

const red = summariseRow({
  ...where,
  variant: 'red',
  label: 'RED',
  records: [sampleRecord(exact(0.5), 1), sampleRecord(exact(0.6), 2), sampleRecord(failed, 3)],
});
const lora = summariseRow({
  ...where,
  variant: 'lora~rank=4',
  label: 'LoRA (rank=4)',
  records: [sampleRecord({ ...exact(0.7), parameters: { trained: 393_216, head: 0, all: 4e8 } }, 1)],
});

test('a row averages the finished seeds in printed units and names the failed ones', () => {
  expect(red).toMatchObject({ planned: 3, finished: 2, trainedParameters: 49_152 });
  expect(red.failures).toEqual([{ seed: 3, reason: 'Diverged: the loss became non-finite' }]);
  expect(red.metrics[0]).toMatchObject({ name: 'exact', n: 2 });
  expect(red.metrics[0]!.mean).toBeCloseTo(55, 10);
  expect(red.metrics[0]!.sd).toBeCloseTo(Math.sqrt(50), 10);
});

test('the table is aligned', () => {
  expect(formatTable([red, lora])).toBe(
    [
      'copy · tiny',
      '',
      'method         trainable     exact ↑       n',
      '─────────────  ─────────  ──────────  ──────',
      'RED               49,152  55.0 ± 7.1  2 of 3',
      'LoRA (rank=4)    393,216        70.0       1',
      '',
      'RED, seed 3 failed: Diverged: the loss became non-finite',
    ].join('\n'),
  );
});

test('a row whose seeds all failed has no numbers', () => {
  const none = summariseRow({ ...where, variant: 'red', label: 'RED', records: [sampleRecord(failed, 3)] });
  expect(formatTable([none, lora])).toMatch(/^RED +49,152 +– +0 of 1$/m);
});

describe('what a protocol means for the table', () => {
  const published = (sides: NonNullable<RunRecord['published']>['sides'], base = 'roberta-base') => ({
    published: { base, recipes: ['red/table-9'], sides },
  });
  const cola = { ...where, task: 'cola', variant: 'red', label: 'RED' };
  const fifteen = (more: Partial<RunRecord>) =>
    Array.from({ length: 15 }, (_, i) => sampleRecord({ ...exact((i * 7) % 15), ...more }, 42 + i));

  test("the code's best 5 of 15 seeds", () => {
    const row = summariseRow({ ...cola, records: fifteen(published({ 'seeds-cola-rte': 'code' })) });
    expect(row).toMatchObject({ planned: 15, finished: 15, best: 5 });
    expect(row.metrics[0]).toMatchObject({ n: 5, mean: 1200 });
    expect(formatTable([row])).toMatch(/^RED .* best 5 of 15$/m);
    expect(formatTable([row])).toContain('seeds-cola-rte=code: the mean of the best seeds alone');
  });

  test('all seeds otherwise, and where there are not more than that', () => {
    for (const sides of [{ 'seeds-cola-rte': 'corrected' }, { 'seeds-cola-rte': 'paper' }, {}] as const) {
      const row = summariseRow({ ...cola, records: fifteen(published(sides)) });
      expect(row.metrics[0]).toMatchObject({ n: 15, mean: 700 });
      expect(row).not.toHaveProperty('best');
    }
    const few = fifteen(published({ 'seeds-cola-rte': 'code' })).slice(0, 5);
    expect(summariseRow({ ...cola, records: few })).not.toHaveProperty('best');
    const other = fifteen(published({ 'seeds-cola-rte': 'code' }, 'none'));
    expect(summariseRow({ ...cola, records: other })).not.toHaveProperty('best');
  });

  test('the head counted or not', () => {
    const parameters = { trained: 18_432, head: 592_130, all: 1e8 };
    const of = (side: 'code' | 'paper' | 'corrected') =>
      summariseRow({
        ...cola,
        records: [sampleRecord({ ...exact(1), parameters, ...published({ 'head-trained': side }) })],
      });
    expect(of('code').trainedParameters).toBe(18_432);
    expect(of('paper').trainedParameters).toBe(18_432);
    expect(of('corrected').trainedParameters).toBe(610_562);
    expect(formatTable([of('corrected')])).toContain(
      'head-trained=corrected: trainable parameters are counted with the head',
    );
  });

  test('a note for each side that departs from good practice or was asked for, once a table', () => {
    const sides = {
      'optimizer-adamw': 'code',
      'dropout-first-epoch': 'corrected',
      'split-rte': 'code',
    } as const;
    const record = sampleRecord({ ...exact(1), ...published(sides) });
    const row = summariseRow({ ...cola, records: [record] });
    // The authors' code splits RTE in the sizes of good practice, which needs no note.
    expect(row.notes).toEqual([
      'optimizer-adamw=code: the AdamW that transformers used to ship (ε 1e-6 before the correction, decay last)',
    ]);
    expect(formatTable([row, row]).match(/optimizer-adamw/g)).toHaveLength(1);
    const asked = { ...settings, protocol: 'recommended dropout-first-epoch=corrected' };
    const named = sampleRecord({ ...exact(1), ...published(sides), settings: asked });
    expect(summariseRow({ ...cola, records: [named] }).notes).toContain(
      "dropout-first-epoch=corrected: the base model's dropout acts from the first step",
    );
  });
});
