/** The report of the speed benchmark. */
import { expect, test } from 'vitest';
import { speedReport } from './report.ts';
import type { Result } from './results.ts';
import type { Turn } from './side.ts';

const turn = (...times: number[]): Turn => ({ times, peak: 2 ** 30, tokens: 512, flops: 4e9 });
const side = (versions: Record<string, string>, ...turns: Turn[]) => ({ ready: { versions }, turns });
const result: Result = {
  topic: 'steps',
  name: '4×128',
  method: 'red',
  engine: 'onnx cpu',
  machine: 'a processor',
  measured: '2030-01-02T03:04:05.678Z',
  commit: '0123456789abcdef',
  dirty: true,
  sides: {
    deltabench: side({ node: 'v20' }, turn(20), turn(25), turn(20)),
    eager: side({ torch: '2.15.0' }, turn(40), turn(40), turn(30)),
    compiled: { missing: 'no compiler' },
    products: side({ node: 'v20' }, turn(16), turn(20), turn(16)),
  },
};
/** The cells of the rows that name a case, table by table. */
const rowsOf = (report: string, name: string): string[][] =>
  report
    .split('\n')
    .filter((line) => line.startsWith(`| ${name}`))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

test('ratios over turns, the arithmetic limit, and what did not run', () => {
  const report = speedReport([result]);
  const [times, limit] = rowsOf(report, '4×128');
  expect(times).toEqual([
    '4×128',
    'red',
    'onnx cpu',
    '20.0',
    '40.0',
    '1.60 [1.50, 2.00]',
    '–',
    '–',
    '2030-01-02 0123456+',
  ]);
  expect(limit!.slice(3)).toEqual(['25600', '1.00', '1.00', '–', '250', '200', '80 %']);
  expect(report).toContain('- compiled: no compiler');
  expect(report).toContain('## a processor\n\nnode v20, torch 2.15.0.');
});

test('a row that something disturbed says so', () => {
  const sides = { ...result.sides, eager: side({}, turn(20), turn(40), turn(41)) };
  expect(rowsOf(speedReport([{ ...result, sides }]), '4×128')[0]!.at(-1)).toMatch(/, void$/);
});

test('each machine has tables of its own', () => {
  const report = speedReport([result, { ...result, machine: 'another' }]);
  expect(report.match(/^## .*/gm)).toEqual(['## a processor', '## another']);
  expect(rowsOf(report, '4×128')).toHaveLength(4);
});

test('an evaluation says how far the sides agree, and compares processor time', () => {
  const scored = (ms: number, cpu: number, answers: readonly (number | string)[]) => ({
    ready: { versions: {} },
    turns: [{ times: [ms], cpu: [cpu], peak: 2 ** 30, answers }],
  });
  const row = (own: readonly (number | string)[], theirs: readonly (number | string)[]): string[] => {
    const sides = { deltabench: scored(100, 150, own), 'lm-eval': scored(400, 450, theirs) };
    const report = speedReport([{ ...result, topic: 'evaluations', name: 'MMLU', sides }]);
    return rowsOf(report, 'MMLU')[0]!;
  };
  const numbers = row([-1.5, -2], [-1.5, -2.25]);
  expect(numbers.slice(3, 5)).toEqual(['4.00 [4.00, 4.00]', '3.00 [3.00, 3.00]']);
  expect(numbers.at(-2)).toBe('2.5e-1');
  expect(row(['a', 'b'], ['a', 'c']).at(-2)).toBe('1 of 2 texts');
});
