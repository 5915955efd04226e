import { expect, test } from 'vitest';
import { editJson } from '../../../harness/support/json/edit-json.ts';

test('fields are set; numbers, strings and order stay as they were', () => {
  const text =
    '{"a": 1.0, "b": 1, "c": {"eps": 1e-05, "list": [0.0, -2.50, 3E+2]}, "d": "1.0 \\"2.0\\" \\\\", "e": null}';
  expect(editJson(text, { b: true, f: [0.5] })).toBe(`{
  "a": 1.0,
  "b": true,
  "c": {
    "eps": 1e-05,
    "list": [
      0.0,
      -2.50,
      3E+2
    ]
  },
  "d": "1.0 \\"2.0\\" \\\\",
  "e": null,
  "f": [
    0.5
  ]
}`);
});

test('what is not JSON is not made to be', () => {
  expect(() => editJson('{"a": 1.0', {})).toThrow(SyntaxError);
});
