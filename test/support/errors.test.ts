import { expect, test } from 'vitest';
import { didYouMean } from '../../harness/support/errors.ts';

test.each([
  ['lroa', ' Did you mean "lora"?'],
  ['Red', ' Did you mean "red"?'],
  ['adaptr', ' Did you mean "adapter"?'],
  ['zebra', ''],
  ['', ''],
])('%j suggests %j', (given, expected) => {
  expect(didYouMean(given, ['lora', 'red', 'full', 'adapter'])).toBe(expected);
});
