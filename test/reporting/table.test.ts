import { expect, test } from 'vitest';
import { formatTable, summariseRow } from '../../harness/reporting/table.ts';
import { sampleRecord } from '../runs/sample-record.ts';

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
  ...{ ...where, variant: 'red', label: 'RED' },
  records: [sampleRecord(exact(0.5), 1), sampleRecord(exact(0.6), 2), sampleRecord(failed, 3)],
});
const lora = summariseRow({
  ...{ ...where, variant: 'lora~rank=4', label: 'LoRA (rank=4)' },
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
      'LoRA (rank=4)    393,216    70.0 ± –       1',
      '',
      'RED, seed 3 failed: Diverged: the loss became non-finite',
    ].join('\n'),
  );
});

test('a row whose seeds all failed has no numbers', () => {
  const none = summariseRow({ ...where, variant: 'red', label: 'RED', records: [sampleRecord(failed, 3)] });
  expect(formatTable([none, lora])).toMatch(/^RED +49,152 +– +0 of 1$/m);
});
