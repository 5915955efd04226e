// Tests of scoreE2E and of the reader of files to score.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { e2eScorer, scoreE2E } from '../../harness/metrics/e2e-scorer.ts';
import { pairSegments, parsePredictions, parseReferences } from '../../harness/metrics/text/score-files.ts';

const line = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '',
    ' ',
    '.',
    '0 0 0',
    '...',
    "it's a <b>pub</b> & £20-25 (cheap), isn't it?",
    '\ud800',
    'e.g. No. 5 1 1/2',
  ),
  fc.lorem({ maxCount: 12 }),
);
const segment = fc.record({ prediction: line, references: fc.array(line, { minLength: 1, maxLength: 4 }) });

function expectNumbers(scores: ReturnType<typeof scoreE2E>): void {
  const { segments, ...corpus } = scores;
  for (const values of [corpus, ...segments]) {
    expect(Object.keys(values)).toEqual(['BLEU', 'NIST', 'METEOR (no paraphrases)', 'ROUGE-L', 'CIDEr']);
    for (const value of Object.values(values))
      expect(value).toSatisfy((x: number) => Number.isFinite(x) && x >= 0);
  }
}

describe('scoreE2E', () => {
  it('gives numbers for any text', () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        expectNumbers(scoreE2E(segments));
      }),
      { numRuns: 60 },
    );
  });

  it('gives numbers for one and for 45 references', () => {
    const references = Array.from({ length: 45 }, (_, i) => `boat number ${i} sails past the old mill`);
    for (const count of [1, 45]) {
      const prediction = 'Boat number 7 sails past the mills.';
      expectNumbers(scoreE2E([{ prediction, references: references.slice(0, count) }]));
    }
  });

  it('takes a long text', () => {
    const prediction = Array.from({ length: 300 }, (_, i) => `word${i % 50} the`).join(' ');
    const reference = Array.from({ length: 300 }, (_, i) => `the word${(i * 7) % 60}`).join(' ');
    expectNumbers(scoreE2E([{ prediction, references: [reference] }]));
  });

  it('scores a system that repeats a reference highest', () => {
    const references = [['a grey cat sleeps in the sun'], ['two dogs run along the beach']];
    const scores = scoreE2E(references.map((set) => ({ prediction: set[0]!, references: set })));
    expect(scores).toMatchObject({ BLEU: 1, 'METEOR (no paraphrases)': 1, 'ROUGE-L': 1 });
    expect(scores.CIDEr).toBeCloseTo(10, 9);
  });

  it('refuses other numbers of predictions, and nothing', () => {
    expect(() => e2eScorer([['a'], ['b']]).score(['a'])).toThrow('1 predictions for 2 sets of references');
    expect(() => scoreE2E([])).toThrow(RangeError);
  });
});

describe('files to score', () => {
  it('pairs predictions with blocks of references', () => {
    const references = parseReferences('\ufeffone\r\nuno\r\n\r\n\ntwo\u2028dos\n');
    expect(references).toEqual([
      ['one', 'uno'],
      ['two', 'dos'],
    ]);
    expect(pairSegments(parsePredictions('1 \n\n'), references)).toEqual([
      { prediction: '1', references: ['one', 'uno'] },
      { prediction: '', references: ['two', 'dos'] },
    ]);
  });

  it('reads a file without blank lines as one reference an instance', () => {
    expect(pairSegments(['a', 'b'], parseReferences('x\ny\n'))).toEqual([
      { prediction: 'a', references: ['x'] },
      { prediction: 'b', references: ['y'] },
    ]);
    expect(pairSegments(['a'], parseReferences('x\ny\n'))[0]!.references).toEqual(['x', 'y']);
  });

  it('says where the counts differ', () => {
    expect(() => pairSegments(['a', 'b'], [['x'], ['y'], ['z']])).toThrow(
      '2 predictions, but references for 3 instances',
    );
    expect(() => pairSegments([], [['x']])).toThrow('0 predictions, but references for 1 instance:');
    expect(() => pairSegments(['a'], [['x'], ['y']])).toThrow(
      '1 prediction, but references for 2 instances:',
    );
  });
});
