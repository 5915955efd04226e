// Tests of numbers of things in messages.
import { expect, it } from 'vitest';
import { counted } from '../../harness/support/counted.ts';

it.each([
  [0, '0 cells'],
  [1, '1 cell'],
  [2, '2 cells'],
])('%i', (count, text) => {
  expect(counted(count, 'cell')).toBe(text);
});
