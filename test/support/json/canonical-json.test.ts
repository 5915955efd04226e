import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, hashJson } from '../../../harness/support/json/canonical-json.ts';

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, field]) => [key, reversed(field)] as const);
  return Object.fromEntries(entries.reverse());
};

test('the order of keys does not matter, and the text means the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(reversed(value))).toBe(text);
      // What JSON itself makes of the value: it writes -0 as 0.
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
});

test('absent and undefined fields are the same', () => {
  expect(canonicalJson({ b: 1, a: undefined })).toBe('{"b":1}');
  expect(hashJson({ a: 1, b: [2] })).toBe(hashJson({ b: [2], a: 1 }));
  expect(hashJson({ a: 1 })).not.toBe(hashJson({ a: 2 }));
});

test('numbers that JSON cannot hold are refused', () => {
  expect(() => canonicalJson({ loss: NaN })).toThrow(RangeError);
});
