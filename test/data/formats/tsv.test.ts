// Tests of reading and writing tab-separated files.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { parseTsv, type TsvColumns } from '../../../harness/data/formats/tsv.ts';

const parse = (text: string | Buffer, columns: TsvColumns, options?: { skipIncomplete: true }) =>
  parseTsv('x.tsv', Buffer.from(text as string), columns, options);
const names = (...given: string[]): TsvColumns => ({ names: given });

test('columns by name in any order; quotes are characters; a byte order mark, \\r\\n, no last line break', () => {
  const rows = parse(
    "\ufeffid\ttext\tlabel\r\n7\t\"an 'open' quote\t1\r\n\r\n8\t £5 \t0",
    names('label', 'text'),
  );
  expect(rows).toEqual([
    { line: 2, fields: ['1', "\"an 'open' quote"] },
    { line: 4, fields: ['0', ' £5 '] },
  ]);
});

test('columns by place, without a header', () => {
  expect(parse('a\t1\t\tb\n', { places: [3, 1], count: 4 })).toEqual([{ line: 1, fields: ['b', '1'] }]);
  expect(parse('', { places: [0], count: 1 })).toEqual([]);
});

test('what is written comes back, in every line and column', () => {
  // Excluded are the separators of fields and lines, and the byte order mark.
  const field = fc
    .string({ unit: 'binary', maxLength: 8 })
    .map((text) => text.replace(/[\t\n\r\ufeff\ud800-\udfff]/g, '"'));
  const table = fc
    .integer({ min: 2, max: 5 })
    .chain((width) => fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1 }));
  fc.assert(
    fc.property(table, fc.boolean(), fc.constantFrom('\n', '\r\n'), (rows, mark, end) => {
      const header = rows[0]!.map((_, i) => `column ${i}`);
      const text = [header, ...rows].map((row) => row.join('\t')).join(end);
      const read = parse((mark ? '\ufeff' : '') + text, names(...[...header].reverse()));
      expect(read.map(({ fields }) => [...fields].reverse())).toEqual(rows);
      expect(read.map(({ line }) => line)).toEqual(rows.map((_, i) => i + 2));
    }),
  );
});

test.each<[string, string | Buffer, TsvColumns, RegExp]>([
  [
    'a missing column',
    'id\tsentence\n1\ta\n',
    names('sentence', 'label'),
    new RegExp(
      '^x\\.tsv, line 1 lacks the column label; expected a header with sentence, label, ' +
        'separated by tabs, but it names id, sentence\\.$',
    ),
  ],
  ['no header at all', 'a,b\n', names('sentence', 'label'), /line 1 lacks the columns sentence and label/],
  [
    'a field too few',
    'sentence\tlabel\na\t1\nb\n',
    names('sentence', 'label'),
    /^x\.tsv, line 3: there are 1 field separated by tabs; expected 2 \(sentence, label\)\./,
  ],
  [
    'a field too many',
    'a\t1\n\nb\t1\tc\n',
    { places: [0], count: 2 },
    /line 3: there are 3 fields .* expected 2\./,
  ],
  ['bytes that are no text', Buffer.from([97, 10, 0xff]), { places: [0], count: 1 }, /line 2 is not UTF-8/],
])('%s', (_, text, columns, message) => {
  expect(() => parse(text, columns)).toThrow(UsageError);
  expect(() => parse(text, columns)).toThrow(message);
});

test('incomplete lines can be left out', () => {
  const text = 'a\tb\n1\t2\n3\n4\t5\t6\n7\t8\n';
  expect(parse(text, names('a'), { skipIncomplete: true }).map(({ line }) => line)).toEqual([2, 5]);
});
