// The arithmetic of estimates and of the time left, on made-up times: nothing here is timed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  costsOf,
  ProgramCount,
  secondsOfParts,
} from '../../../harness/runs/evaluate/estimate-evaluations.ts';
import { shareDone } from '../../../harness/runs/evaluate/evaluation-progress.ts';
import { fitSpeed, secondsFor, spreadByKeys } from '../../../harness/runs/evaluate/work/time-model.ts';

const amount = fc.double({ min: 1e-6, max: 1e-2, noNaN: true });
const load = fc.record({
  tokens: fc.integer({ min: 1, max: 4000 }),
  keys: fc.integer({ min: 1, max: 8000 }),
});

test('costs of a token and of a key are found from two parts, and tell the time of any others', () => {
  fc.assert(
    fc.property(
      amount,
      amount,
      fc.tuple(load, load).filter(([a, b]) => Math.abs(a.keys - b.keys) > 10),
      fc.array(load),
      (secondsPerToken, perKey, timed, others) => {
        const speed = { secondsPerToken, secondsPerKey: perKey / 1000 };
        const found = fitSpeed(timed.map((one) => ({ ...one, seconds: secondsFor([one], speed) })));
        const wanted = secondsFor(others, speed);
        expect(Math.abs(secondsFor(others, found) - wanted)).toBeLessThanOrEqual(1e-6 * wanted);
      },
    ),
  );
});

test.each([
  [
    'one part: tokens alone',
    [{ tokens: 10, keys: 5, seconds: 20 }],
    { secondsPerToken: 2, secondsPerKey: 0 },
  ],
  [
    'more keys that took less: tokens alone',
    [
      { tokens: 10, keys: 5, seconds: 30 },
      { tokens: 20, keys: 50, seconds: 30 },
    ],
    { secondsPerToken: 2, secondsPerKey: 0 },
  ],
  [
    'tokens that would cost less than nothing: keys alone',
    [
      { tokens: 10, keys: 10, seconds: 10 },
      { tokens: 10, keys: 20, seconds: 50 },
    ],
    { secondsPerToken: 0, secondsPerKey: 0.2 },
  ],
])('%s', (_, timed, speed) => {
  expect(fitSpeed(timed)).toEqual(speed);
});

test('what the first time took beyond the second is programs, without the beginning that it read', () => {
  const { speed, secondsPerProgram } = costsOf([
    { load: { tokens: 100, keys: 10 }, seconds: 10, start: { seconds: 0, programs: 1, loads: [] } },
    {
      load: { tokens: 100, keys: 30 },
      seconds: 20,
      start: { seconds: 11, programs: 2, loads: [{ tokens: 50, keys: 10 }] },
    },
  ]);
  expect(speed.secondsPerKey).toBeCloseTo(0.005, 12);
  expect(speed.secondsPerToken).toBeCloseTo(0.05, 12);
  expect(secondsPerProgram).toBeCloseTo((0 + 11 - 5) / 3, 12);
  const parts = [
    { load: { tokens: 40, keys: 10 }, before: { tokens: 20, keys: 10 } },
    { load: { tokens: 40, keys: 10 } },
  ];
  expect(secondsOfParts(parts, 2, { speed, secondsPerProgram })).toBeCloseTo(100 * 0.1 + 2 * 2, 12);
});

test('a program counts once while a scorer keeps it, a beginning always', () => {
  const compiled = new ProgramCount();
  const part = (program: string) => ({ program });
  const before = { tokens: 1, keys: 1 };
  expect(compiled.add([part('a'), part('b'), part('a'), { ...part('b'), before }])).toBe(3);
  // Another evaluation finds the programs of the first, and writing texts has none.
  expect(compiled.add([part('a'), { ...part('b'), before }, {}])).toBe(1);
  expect(compiled.add(['c', 'd', 'e', 'f', 'g', 'h', 'a'].map(part))).toBe(6);
  // The ninth takes the place of the first.
  expect(compiled.add(['i', 'b', 'a'].map(part))).toBe(2);
});

test('parts to time stand at shares of all tokens, by their keys, and each once', () => {
  const loads = [
    { tokens: 50, keys: 900 },
    { tokens: 40, keys: 10 },
    { tokens: 10, keys: 500 },
  ];
  expect(spreadByKeys(loads, [0.15, 0.85, 0.45, 0.2])).toEqual([1, 0, 2]);
});

test('the share that is done counts tokens, and documents where nothing has begun', () => {
  const whole = { documents: 10, tokens: 900, allTokens: 900 };
  const begun = { documents: 1, tokens: 40, allTokens: 100 };
  expect(shareDone([{ documents: 10, progress: begun }])).toBeCloseTo(0.4);
  expect(
    shareDone([
      { documents: 10, progress: whole },
      { documents: 10, progress: begun },
    ]),
  ).toBeCloseTo(0.94);
  // 20 documents that have not begun are taken for 50 tokens each.
  expect(
    shareDone([
      { documents: 10, progress: whole },
      { documents: 10, progress: begun },
      { documents: 20, progress: undefined },
    ]),
  ).toBeCloseTo(0.47);
  expect(shareDone([{ documents: 5, progress: undefined }])).toBe(0);
});
