// Tests of the layout of text tables within 80 columns.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layoutTable, wrapText, type TextTable } from '../../../harness/reporting/tables/layout-text.ts';

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

describe('a table', () => {
  const table: TextTable = {
    header: ['method', 'trainable', 'METEOR (no paraphrases)\u00a0↑', 'n'],
    rows: [
      ['RED', '1,536', '22.06 ± 0.36', '3'],
      ['LoRA', '24,576', '29.23 ± 1.15', '3'],
    ],
    names: 1,
  };

  test('stands as it is where it fits', () => {
    expect(layoutTable(table, 50)).toBe(
      [
        'method  trainable  METEOR (no paraphrases) ↑  n',
        '──────  ─────────  ─────────────────────────  ─',
        'RED         1,536               22.06 ± 0.36  3',
        'LoRA       24,576               29.23 ± 1.15  3',
      ].join('\n'),
    );
    expect(layoutTable(table)).toBe(layoutTable(table, 50));
  });

  test('breaks its header first', () => {
    expect(layoutTable(table, 40)).toBe(
      [
        '                       METEOR (no',
        'method  trainable  paraphrases) ↑  n',
        '──────  ─────────  ──────────────  ─',
        'RED         1,536    22.06 ± 0.36  3',
        'LoRA       24,576    29.23 ± 1.15  3',
      ].join('\n'),
    );
  });

  test('turns where that is narrower', () => {
    const long = {
      ...table,
      header: ['method', 'trainable', 'BLEU', 'NIST', 'CIDEr', 'n'],
      rows: [['RED', ...Array<string>(4).fill('32.98 ± 0.49'), '3']],
    };
    expect(layoutTable(long, 40)).toBe(
      [
        'method              RED',
        '─────────  ────────────',
        'trainable  32.98 ± 0.49',
        'BLEU       32.98 ± 0.49',
        'NIST       32.98 ± 0.49',
        'CIDEr      32.98 ± 0.49',
        'n                     3',
      ].join('\n'),
    );
  });

  test('stands in parts where nothing else fits, long names in several lines', () => {
    const rows = ['RED', 'LoRA (targets=query,key,value,attentionOutput, rank=8)', 'FT'].map((name, i) => [
      name,
      `${i},536`,
      ...Array<string>(3).fill('32.98 ± 0.49'),
      '3',
    ]);
    const many = { header: ['method', 'trainable', 'BLEU', 'NIST', 'CIDEr', 'n'], rows, names: 1 };
    const text = layoutTable(many, 40);
    expect(widest(text)).toBeLessThanOrEqual(40);
    expect(text.match(/^RED /gm)!.length).toBe(text.split('\n\n').length);
    expect(text.match(/32\.98 ± 0\.49/g)).toHaveLength(9);
  });

  test('never passes 80 columns, and loses no number', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'b', ' ', '(', '=', ','),
      minLength: 1,
      maxLength: 90,
    });
    const number = fc.string({ unit: fc.constantFrom('1', '2', '.', '±'), minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }).chain((columns) =>
          fc.record({
            header: fc.array(number, { minLength: columns, maxLength: columns }),
            rows: fc.array(fc.tuple(word, fc.array(number, { minLength: columns, maxLength: columns })), {
              minLength: 1,
              maxLength: 6,
            }),
          }),
        ),
        ({ header, rows }) => {
          const text = layoutTable(
            { header: ['method', ...header], rows: rows.map(([name, cells]) => [name, ...cells]), names: 1 },
            80,
          );
          expect(widest(text)).toBeLessThanOrEqual(80);
          for (const cell of rows.flatMap(([, cells]) => cells)) expect(text).toContain(cell);
        },
      ),
      { seed: 80 },
    );
  });
});

test('text breaks between words, and words that are longer than a line', () => {
  expect(wrapText('one two three four', 9)).toBe('one two\n  three\n  four');
  expect(wrapText('one two')).toBe('one two');
  expect(wrapText('abcdefghijkl mn', 5)).toBe('abcde\n  fgh\n  ijk\n  l\n  mn');
});
